"""Model files from the Hugging Face hub: what is offered, asking about a file, fetching it."""
