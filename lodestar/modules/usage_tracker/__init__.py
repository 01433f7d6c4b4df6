"""Money: holds before a paid call, charges after it."""
