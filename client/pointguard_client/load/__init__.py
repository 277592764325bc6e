"""Loads a server in a closed loop: a fixed number of calls in flight, each answered before the next is sent."""
