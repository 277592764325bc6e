"""Alembic's migrations. ``storage/database.py`` runs them at start; a released one is never edited."""
