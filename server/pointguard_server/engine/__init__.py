"""The hot path: collect a batch, decide it, commit it, answer it. Used by ``service`` and above."""
