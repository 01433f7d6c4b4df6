"""The keys of models: whose each one is, where it is kept, and whether its server takes it."""
