"""The server with a clock that a test moves, and a sweeper that does not rest. End-to-end tests start it in its place.

    python -m tests.support.clocked_server server arguments…

The file that ``AHEAD_FILE`` names says how many microseconds the server's clock is ahead of the machine's.
"""

import os
import time
from pathlib import Path

from pointguard_server import bootstrap
from pointguard_server.__main__ import main
from pointguard_server.service import sweeper

AHEAD_FILE = "POINTGUARD_TEST_AHEAD_FILE"


def now(self: bootstrap.WallClock) -> int:
    """Return the machine's time and as much as the test says."""
    del self
    return time.time_ns() // 1000 + int(Path(os.environ[AHEAD_FILE]).read_text())


def move(file: Path, microseconds: int) -> None:
    """Set how far the server's clock is ahead; never half of it can be read."""
    fresh = file.with_suffix(".new")
    fresh.write_text(str(microseconds))
    fresh.replace(file)


if __name__ == "__main__":
    bootstrap.WallClock.now = now  # type: ignore[method-assign]
    sweeper.SWEEP_EVERY_S = 0.05  # type: ignore[misc]
    main()
