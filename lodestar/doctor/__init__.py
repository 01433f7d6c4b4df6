"""What `lodestar doctor` looks at: one file a subject, each check a function."""
