"""Exact sliding and calendar windows over an account's events, compiled with Numba. Used by ``engine`` only."""
