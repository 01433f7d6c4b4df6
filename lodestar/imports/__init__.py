"""What other programs and other machines wrote down, taken into the log."""
