"""Aider alone and Aider under Lodestar, side by side."""
