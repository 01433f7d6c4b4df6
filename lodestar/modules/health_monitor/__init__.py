"""Health: which provider answers, and which does not."""
