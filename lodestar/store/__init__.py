"""The one database: connection, migrations and the core tables."""
