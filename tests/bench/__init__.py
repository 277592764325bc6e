"""Benchmarks, each beside its baseline in the same run: ``python -m tests.bench``. For people; no test runs them."""
