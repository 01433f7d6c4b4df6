"""One `lodestar code` session: shim and Aider side by side, and what comes after."""
