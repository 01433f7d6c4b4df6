"""What became of the answers later, as git tells it: taken back, changed, or still there."""
