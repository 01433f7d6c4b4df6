"""Runs Aider on the user's terminal: Aider's interpreter, standard library only, no `lodestar`."""
