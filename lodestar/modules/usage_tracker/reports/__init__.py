"""Reports: what was used, what it cost and what it saved."""
