"""Python's garbage collector in processes that answer within milliseconds. Used by both processes of a server."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_alone() -> Iterator[None]:
    """Keep the collector from walking modules, while they load and afterwards: a sixth of the time went into it."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def spare_what_lives() -> None:
    """Keep the collector from walking what lives as long as the process, and from walking the rest too often.

    To be called once everything is loaded. Without it a collection took up to 0.2 s in the engine's process and 30 ms
    in the front's. Steps must be small, too: of 50,000 objects one held the front's calls up for 30 to 60 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 20, 100)
