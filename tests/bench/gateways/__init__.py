"""Lodestar beside other gateways, in one interleaved run on loopback."""
