"""Prices: what the lists say, what the user says, and how the one becomes the other."""
