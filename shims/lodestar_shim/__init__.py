"""The OpenAI-compatible proxy that stands between Aider and a model."""
