"""Learning: what your ratings may teach the local model."""
