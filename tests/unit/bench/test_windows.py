"""What is timed in ``windows`` must count what it says."""

from pathlib import Path

import numpy as np
import pytest

from pointguard_server.domain.calendar import local_time
from pointguard_server.domain.codes import WindowKind
from pointguard_server.engine.programs import Program
from pointguard_server.velocity.windows import MEASURE
from tests.bench.program import write_program
from tests.bench.windows import DAY, Kernel, Limits, SortedSets, Traffic, read_program

ACCOUNTS = 3


@pytest.fixture(name="program")
def program_under_load(tmp_path: Path) -> Program:
    path, _ = write_program(tmp_path)
    return read_program(path)


def recount(program: Program, events: np.ndarray, account: np.ndarray) -> list[int]:
    """Return, for each measure, what the events come to that its window holds at the last of them."""
    held = []
    now = int(events["time"][-1])
    local = local_time(now, program.zone)
    for measure in np.array(list(program.measures), MEASURE):
        starts = {
            WindowKind.ROLLING: now - measure["length"],
            WindowKind.DAY: local.day_start - 1,
            WindowKind.WEEK: local.week_start - 1,
            WindowKind.MONTH: local.month_start - 1,
        }
        counted = [
            event
            for event in events[account]
            if event["time"] > starts[WindowKind(measure["window"])]
            and (measure["kinds"] == -1 or measure["kinds"] >> event["kind"] & 1)
            and (measure["parts"] == -1 or measure["parts"] & event["parts"])
        ]
        held.append(sum(1 if measure["measure"] == 1 else int(event["money"]) for event in counted))
    return held


def test_the_timed_kernel_holds_what_a_recount_finds(program: Program) -> None:
    traffic = Traffic(ACCOUNTS, DAY)
    kernel = Kernel(program, ACCOUNTS)
    ((accounts, events),) = traffic.calls(1)
    # An account's windows stand where its last event moved them.
    accounts[-1] = 0
    for at in range(len(events)):
        kernel.count(accounts[at : at + 1], events[at : at + 1])
    found = kernel.values(0)
    assert found == recount(program, events, accounts == 0)
    assert len(found) == len(program.measures) >= 6
    assert max(found) > 1


@pytest.mark.long
def test_the_traffic_has_an_event_for_each_account_and_its_time_goes_on() -> None:
    traffic = Traffic(1_200, DAY)
    calls = list(traffic.one_each())
    assert np.concatenate([accounts for accounts, _ in calls]).tolist() == list(range(1_200))
    moments = np.concatenate([events["time"] for _, events in [*calls, *traffic.calls(2)]])
    assert (np.diff(moments) == DAY // 1_200).all()


@pytest.mark.long
def test_the_moving_windows_of_limits_hold_every_event_and_nothing_sweeps_them() -> None:
    limits = Limits()
    try:
        for accounts, events in Traffic(ACCOUNTS, DAY).one_each():
            limits.count(accounts, events)
            limits.count(accounts, events)
        assert limits.counts("0") == [2, 2, 2]
    finally:
        limits.close()


class FakePipeline:
    """Takes down what it is asked for."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def pipeline(self, *, transaction: bool) -> "FakePipeline":
        assert not transaction
        return self

    def zremrangebyscore(self, *_: object) -> None:
        self.commands.append("remove")

    def zadd(self, *_: object) -> None:
        self.commands.append("add")

    def zcount(self, *_: object) -> None:
        self.commands.append("count")

    def execute(self) -> None:
        self.commands.append("execute")


def test_sorted_sets_are_asked_for_all_events_of_a_call_at_once() -> None:
    client = FakePipeline()
    for call in Traffic(2, DAY).one_each():
        SortedSets(client).count(*call)
    assert client.commands == ["remove", "add", "count", "count", "count"] * 2 + ["execute"]
