"""The window kernels by themselves, against a list that is added up anew, and how much work they do."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import Measure, WindowKind
from pointguard_server.velocity import windows
from pointguard_server.velocity.windows import APPROVED, BLOCK, EVENT, MEASURE, NONE, REVERSED
from tests.support.parts import called_from_python

_CALLED = ("advance", "append", "count_in", "forget_before", "recount", "release", "swap_events", "window_start")
PARTS = SimpleNamespace(**{name: called_from_python(getattr(windows, name)) for name in _CALLED})

ACCOUNT = np.dtype([("first_event", "<i8"), ("last_event", "<i8")])
BLOCKS = 64
LENGTHS = (1, 5, 40)
MEASURES = np.array(
    [
        (kinds, parts, approved_only, 1, net, adds, WindowKind.ROLLING, length)
        for length in LENGTHS
        for kinds, parts, approved_only, net, adds in (
            (-1, -1, 0, 0, Measure.COUNT),
            (1 << 1, -1, 1, 1, Measure.COUNT),
            (-1, 1 << 3, 0, 1, Measure.POINTS),
            (-1, -1, 1, 0, Measure.MONEY),
            (-1, -1, 0, 1, Measure.MONEY),
        )
    ],
    MEASURE,
)
COUNT = len(MEASURES)


class Kernel:
    """One account's events and tallies, driven as the engine drives them."""

    def __init__(self) -> None:
        self.account = np.zeros(1, ACCOUNT)
        self.account["first_event"] = self.account["last_event"] = NONE
        self.events = np.zeros(BLOCKS * BLOCK, EVENT)
        self.next_block = np.zeros(BLOCKS, np.int64)
        self.free = np.arange(BLOCKS, dtype=np.int64)
        self.free_count = np.array([BLOCKS])
        self.tallies = np.zeros((COUNT, 2), np.int64)
        self.tallies[:, 1] = NONE
        self.seq = 0

    def add(self, now: int, kind: int, parts: int, flags: int, points: int, money: int) -> int:
        index = int(PARTS.append(self.account[0], self.next_block, self.free, self.free_count))
        self.seq += 1
        self.events[index] = (self.seq, 0, now, points, money, 0, 0, 0, 0, 0, parts, kind, flags)
        PARTS.count_in(self.events, index, MEASURES, 0, COUNT, self.tallies)
        return index

    def values(self, now: int) -> list[int]:
        for measure, tally in zip(MEASURES, self.tallies, strict=True):
            start = PARTS.window_start(measure, now, 0, 0, 0)
            PARTS.advance(self.account[0], self.events, self.next_block, measure, tally, start)
        return [int(value) for value in self.tallies[:, 0]]

    def release(self, index: int, points: int, money: int, whole: bool) -> None:
        PARTS.release(self.events, index, points, money, whole, MEASURES, 0, COUNT, self.tallies)

    def forget(self, now: int) -> None:
        PARTS.forget_before(
            self.account[0], self.events, self.next_block, self.free, self.free_count, now - max(LENGTHS)
        )

    def recount(self) -> None:
        PARTS.recount(self.account[0], self.events, self.next_block, MEASURES, 0, COUNT, self.tallies)


def added_up(events: list[dict[str, Any]], now: int) -> list[int]:
    """Every measure, from the first event on."""
    values = []
    for measure in MEASURES:
        total = 0
        for event in events:
            counts = (
                event["time"] > now - measure["length"]
                and (measure["kinds"] == -1 or measure["kinds"] >> event["kind"] & 1)
                and (measure["parts"] == -1 or measure["parts"] & event["parts"])
                and (not measure["approved_only"] or event["flags"] & APPROVED)
                and not (measure["net_of_reversals"] and event["whole"])
            )
            given_back = (event["back_points"], event["back_money"]) if measure["net_of_reversals"] else (0, 0)
            amounts = {
                Measure.COUNT: 1,
                Measure.POINTS: event["points"] - given_back[0],
                Measure.MONEY: event["money"] - given_back[1],
            }
            total += amounts[Measure(int(measure["measure"]))] if counts else 0
        values.append(total)
    return values


steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from((0, 1, 2, 5, 39, 40, 41))),
        st.tuples(st.just("add"), st.integers(1, 2), st.sampled_from((2, 8, 10)), st.integers(0, 1), st.integers(0, 9)),
        st.tuples(st.just("release"), st.integers(0, 6), st.booleans()),
        st.just(("forget",)),
        st.just(("recount",)),
    ),
    max_size=120,
)


@settings(max_examples=150)
@given(steps=steps)
def test_tallies_equal_what_the_events_add_up_to(steps: list[tuple[Any, ...]]) -> None:
    kernel, now = Kernel(), 1_000
    events: list[dict[str, Any]] = []
    for name, *rest in steps:
        if name == "wait":
            now += rest[0]
        elif name == "add":
            kind, parts, flags, points = rest
            index = kernel.add(now, kind, parts, flags, points, 3 * points)
            event = {"time": now, "kind": kind, "parts": parts, "flags": flags, "points": points, "money": 3 * points}
            events.append({**event, "index": index, "whole": False, "back_points": 0, "back_money": 0, "ended": False})
        elif name == "release" and rest[0] < len(events):
            event = events[-1 - rest[0]]
            # As a reservation does: once, and while its event is still kept.
            if not event["ended"] and event["time"] > now - max(LENGTHS):
                back = event["points"] if rest[1] else event["points"] // 2
                event.update(ended=True, whole=rest[1], back_points=back, back_money=3 * back)
                kernel.release(event["index"], back, 3 * back, rest[1])
        elif name == "forget":
            kernel.values(now)
            kernel.forget(now)
        elif name == "recount":
            kernel.recount()
        assert kernel.values(now) == added_up(events, now)


def test_what_no_window_needs_any_more_is_given_back() -> None:
    kernel = Kernel()
    for now in range(100 * BLOCK):
        kernel.add(now, 1, 8, APPROVED, 1, 1)
        kernel.values(now)
        kernel.forget(now)
        assert BLOCKS - int(kernel.free_count[0]) <= max(LENGTHS) // BLOCK + 2


def test_a_decision_looks_at_each_event_once_when_it_leaves_the_window() -> None:
    """The work on one measure over a whole life is two looks an event, however many events an account has."""
    kernel, looked = Kernel(), [0]

    class Counted:
        def __getitem__(self, index: int) -> Any:
            looked[0] += 1
            return SimpleNamespace(**dict(zip(EVENT.names or (), kernel.events[index].item(), strict=True)))

    account = kernel.account.view(np.recarray)[0]
    measure, tally = MEASURES.view(np.recarray)[-1], kernel.tallies[-1]
    events = BLOCKS * BLOCK
    for now in range(events):
        kernel.add(now, 1, 8, APPROVED, 1, 1)
        start = PARTS.window_start(measure, now, 0, 0, 0)
        windows.advance(account, Counted(), kernel.next_block, measure, tally, start)
    # One look a decision to see that the oldest event stays, and two at each that leaves.
    assert looked[0] <= 3 * events
    assert tally[0] == max(LENGTHS)


def test_a_moment_in_the_past_is_found_by_a_look_at_each_block() -> None:
    kernel, looked = Kernel(), [0]

    class Counted:
        def __getitem__(self, index: int) -> Any:
            looked[0] += 1
            return kernel.events.view(np.recarray)[index]

    account = kernel.account.view(np.recarray)[0]
    events = BLOCKS * BLOCK - 3
    for now in range(events):
        kernel.add(now, 1, 8, APPROVED, 1, 1)
    for moment in (-1, 0, BLOCK - 1, BLOCK, 3 * BLOCK + 5, events - 2, events - 1):
        looked[0] = 0
        found = windows.first_after.py_func(account, Counted(), kernel.next_block, moment)
        assert (found == NONE) if moment == events - 1 else kernel.events["time"][found] == moment + 1
        assert looked[0] <= BLOCKS + BLOCK


def test_an_event_that_is_given_back_whole_counts_for_nothing_net_and_for_one_gross() -> None:
    kernel = Kernel()
    index = kernel.add(10, 1, 8, APPROVED, 7, 7)
    kernel.release(index, 7, 7, True)
    assert int(kernel.events["flags"][index]) == APPROVED | REVERSED
    assert kernel.values(10)[:3] == [1, 0, 0]


def test_events_that_change_places_take_all_that_they_are_along() -> None:
    events = np.zeros(2, EVENT)
    for place in range(2):
        for number, name in enumerate(EVENT.names or ()):
            events[name][place] = 20 * place + number + 1
    before = events.copy()
    PARTS.swap_events(events[0], events[1])
    assert events.tolist() == before[::-1].tolist()
