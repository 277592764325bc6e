"""``python -m tests.bench [names…]``: measure, print a table, write ``bench/results/<name>.json``.

Without names: all of them. ``waterfall``, ``profile-unary``, ``-advice`` and ``-batch`` print where the server's time
goes, ``rule_cost`` what the worst earn rules take.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial

from rich.console import Console

from tests.bench import (
    activation,
    advice,
    backtest,
    backtest_traffic,
    batch,
    columns,
    fraud_rules,
    latency,
    memory,
    profile,
    rule_cost,
    rules,
    scale,
    start,
    stream,
    transfer,
    unary,
    waterfall,
    windows,
)
from tests.bench.machine import header_of
from tests.bench.processes import ProcessFailed
from tests.bench.program import program_text
from tests.bench.results import Result, disturbance_of, table_of
from tests.bench.stage import DURABILITY, RESULTS, Stage

DISTURBED = 0.2  # cores
BENCHMARKS: dict[str, Callable[[Stage], list[Result]]] = {
    "unary": unary.run,
    "stream": stream.run,
    "batch": batch.run,
    "columns": columns.run,
    "latency": latency.run,
    "activation": activation.run,
    "windows": windows.run,
    "fraud-rules": fraud_rules.run,
    "advice": advice.run,
    "rules": rules.run,
    "backtest": backtest.run,
    "backtest-traffic": backtest_traffic.run,
    "scale": scale.run,
    "memory": memory.run,
    "transfer": transfer.run,
    "start": start.run,
}
LOOKS: dict[str, Callable[[Stage, Console], None]] = {
    "waterfall": waterfall.run,
    "rule_cost": rule_cost.run,
    **{name: partial(profile.run, name) for name in profile.JOBS},
}


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; the exit status says whether it could be measured, never how fast it was."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    names = (*BENCHMARKS, *LOOKS)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"of {', '.join(names)} (default: all but the last four)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of load in a turn (default: %(default)s)")
    parser.add_argument("--full", action="store_true", help="scale: the sizes of its goal, which take long to make")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in names]
    if unknown or given.rounds < 1 or not 0.1 <= given.seconds <= 600:
        parser.error(f"unknown: {', '.join(unknown)}" if unknown else "rounds must be 1 or more, seconds 0.1 to 600")
    # Ended from outside, the servers are ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        with console.status("") as status, Stage(given.rounds, given.seconds, status.update, full=given.full) as stage:
            measure(given.names or list(BENCHMARKS), stage, console)
    except ProcessFailed as failure:
        console.print(f"[bold red]could not be measured:[/] {failure}", highlight=False)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def measure(names: Sequence[str], stage: Stage, console: Console) -> None:
    """Run the benchmarks one after the other."""
    console.print(header_of(stage.facts), highlight=False)
    console.print(f"{DURABILITY}\n{program_text(stage.program)}\n", highlight=False)
    results: list[Result] = []
    for name in names:
        if name in LOOKS:
            LOOKS[name](stage, console)
            continue
        found = BENCHMARKS[name](stage)
        for result in found:
            result.write(RESULTS)
        results += found
    if results:
        console.print(table_of(results))
        busy = disturbance_of(results)
        console.print(
            f"other processes kept at most {busy:.1f} cores busy meanwhile"
            + (": [yellow]measure again on a quiet machine[/]" if busy > DISTURBED else ""),
            highlight=False,
        )
        console.print(f"[dim]settings and every round: {RESULTS.relative_to(RESULTS.parents[1])}/<name>.json[/]")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
