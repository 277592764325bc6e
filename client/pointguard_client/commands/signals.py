"""Turns Ctrl-C into an orderly end: the first one stops, the second cuts off. Replay and load use it."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

EXIT_INTERRUPTED: Final = 130


@contextmanager
def stopping_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first SIGINT or SIGTERM while the block runs; cancel the running task at the second."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    signals_seen = 0

    def handle() -> None:
        nonlocal signals_seen
        signals_seen += 1
        if signals_seen == 1:
            stop()
        elif task is not None:
            task.cancel()

    handled = (signal.SIGINT, signal.SIGTERM)
    for number in handled:
        loop.add_signal_handler(number, handle)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
