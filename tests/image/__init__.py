"""A rehearsal of ``docker/`` without a container engine: every step of it, done in an empty root."""
