"""Alembic's migrations. ``storage/database.py`` runs them at start; what a released one makes never changes."""
