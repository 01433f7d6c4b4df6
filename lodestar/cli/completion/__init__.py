"""Completion in bash, zsh and fish: what could stand at the cursor."""
