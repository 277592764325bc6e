"""``python -m pointguard_server.backtest``: one backtest, at idle priority. Started by ``service/backtests.py``.

Standard input holds the specification, a line of JSON, and stays open as long as somebody wants the result: when it is
closed, however that came about, this process ends. Standard output has a line of JSON for each event.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from pointguard_server.rules.priority import be_idle

PROGRESS_EVERY_S: Final = 0.25
SCHEDULER_TOLD: Final = Path("/proc/self/schedstat")
REST: Final = 4
"""For each second in which others had the processor, so many more are left to them: what runs at idle priority
takes the caches and the memory's time from them all the same."""
REST_S_MAX: Final = 0.5


def main() -> None:
    """Run the backtest that standard input asks for."""
    be_idle()
    line = sys.stdin.readline()
    threading.Thread(target=end_with_the_server, daemon=True).start()
    # Imported late: half a second, at idle priority.
    from pointguard_server.backtest.run import Specification, run

    told, waited_s = 0.0, waited_for_processor_s()
    for event in run(Specification(**json.loads(line))):
        now = time.monotonic()
        if "progress" not in event or now - told >= PROGRESS_EVERY_S:
            told = now
            _tell(event)
        before_s, waited_s = waited_s, waited_for_processor_s()
        time.sleep(min(REST * (waited_s - before_s), REST_S_MAX))


def waited_for_processor_s() -> float:
    """Return for how long this thread was ready to run while others ran; 0 where the system does not tell."""
    try:
        return int(SCHEDULER_TOLD.read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _tell(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def end_with_the_server() -> None:
    """Wait until standard input is closed, and end at once: nobody wants the result any more."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
