"""``python -m pointguard_server.backtest``: one backtest. Started by ``service/backtests.py``, in the background.

Standard input holds the specification, a line of JSON, and stays open as long as somebody wants the result: when it is
closed, however that came about, this process ends. Standard output has a line of JSON for each event.
"""

import json
import os
import sys
import threading
import time
from typing import Any, Final

from pointguard_server.backtest.run import Specification, run

PROGRESS_EVERY_S: Final = 0.25


def main() -> None:
    """Run the backtest that standard input asks for."""
    line = sys.stdin.readline()
    threading.Thread(target=end_with_the_server, daemon=True).start()
    told = 0.0
    for event in run(Specification(**json.loads(line))):
        now = time.monotonic()
        if "progress" not in event or now - told >= PROGRESS_EVERY_S:
            told = now
            _tell(event)


def _tell(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def end_with_the_server() -> None:
    """Wait until standard input is closed, and end at once: nobody wants the result any more."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
