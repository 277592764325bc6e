"""Replays real baskets against a server: a plan without I/O, a player that carries it out, a tally of what happened."""
