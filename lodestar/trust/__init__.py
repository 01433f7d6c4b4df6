"""What a repository may set: its files, the lines in them that matter, the user's decisions."""
