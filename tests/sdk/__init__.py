"""Other people's clients against the real shim, unchanged."""
