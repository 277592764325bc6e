"""The server: rooms from the wire down to the domain; start reading at bootstrap.py."""
