"""litellm in a process of its own: other providers' wire formats behind OpenAI's."""
