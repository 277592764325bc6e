"""What is on disk: tables, migrations, the ledger store behind ``engine/ports.py``, the directory and the key ring."""
