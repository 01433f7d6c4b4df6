"""Pictures of real screens, for the documents."""
