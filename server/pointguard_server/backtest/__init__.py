"""Rule sets over a range of history, in a process of its own: what they would have given, beside each other.

``python -m pointguard_server.backtest`` is that process; ``service/backtests.py`` starts it. Nothing here writes to a
ledger.
"""
