"""HTTP in: metrics and health for the people and programs that operate the server."""
