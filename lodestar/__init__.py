"""Lodestar: Aider on a free local model, under budgets, with a log that teaches."""

__version__ = "0.1.0"
