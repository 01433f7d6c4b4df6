"""The slash commands of Aider's prompt that the shim serves: core's own, one file a noun."""
