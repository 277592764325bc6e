"""Explaining past decisions from the ledger alone, by plain Python that shares no code with the kernels."""
