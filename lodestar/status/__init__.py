"""What runs, and how it is: what `lodestar status` shows."""
