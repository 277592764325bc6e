"""What has been decided since the start, for those who watch: counts of durable decisions only."""

from dataclasses import dataclass

import numpy as np

from pointguard_server.domain.codes import EntryType
from pointguard_server.engine.compiled.totals import add_batch
from pointguard_server.engine.programs import Programs
from pointguard_server.engine.world import LEGS, Output, RowArray

OPERATIONS, DECISIONS, REASONS, OUTCOMES, POSTURES, ENTRY_TYPES = 32, 8, 32, 32, 16, 16


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a batch was, for those who watch. Times are seconds."""

    requests: int
    legs: int
    replays: int
    decide_s: float
    append_s: float
    commit_s: float
    position: int


Tripping = tuple[int, int, bool]
"""What a fraud rule is counted by when it trips: its id, its posture, and whether it is in shadow."""


def tripping(rule: np.void) -> Tripping:
    """Return what a row of ``world.RULE`` is counted by."""
    return int(rule["rule_id"]), int(rule["posture"]), bool(rule["is_shadow"])


class Totals:
    """Counts by code, as arrays: adding a batch costs a few microseconds whatever it holds."""

    def __init__(self) -> None:
        self.decisions = np.zeros((OPERATIONS, DECISIONS), np.int64)
        self.declines = np.zeros((OPERATIONS, REASONS), np.int64)  # by deciding reason
        self.refusals = np.zeros(OUTCOMES, np.int64)
        self.advice = np.zeros(POSTURES, np.int64)  # raised
        self.tripped: dict[Tripping, int] = {}  # how often
        self.unavailable: dict[int, int] = {}  # a rule's id → how often it could not be looked at
        self.by_arm: dict[tuple[int, int, int], int] = {}  # (experiment, arm, decision) → legs
        self.points = np.zeros(ENTRY_TYPES, np.int64)  # moved by entries, by their type

    @property
    def points_issued(self) -> int:
        """Points that were given."""
        return int(self.points[[EntryType.EARN, EntryType.BONUS, EntryType.CREDIT]].sum())

    @property
    def points_redeemed(self) -> int:
        """Points that were spent."""
        return -int(self.points[[EntryType.REDEEM, EntryType.CONVERT]].sum())

    @property
    def points_expired(self) -> int:
        """Points that ended and were written off."""
        return -int(self.points[EntryType.EXPIRE])

    def add(self, out: Output, requests: int, programs: Programs) -> None:
        """Add a batch of that many requests that is durable."""
        add_batch(out, requests, self.decisions, self.declines, self.refusals, self.advice, self.points)
        if not out.counts[LEGS]:
            return
        if programs.splits:
            self._add_arms(out.legs[: out.counts[LEGS]])
        rules = programs.rules
        for rule in rules["tripped"].nonzero()[0].tolist():
            key = tripping(rules[rule])
            self.tripped[key] = self.tripped.get(key, 0) + int(rules["tripped"][rule])
        for rule in rules["unavailable"].nonzero()[0].tolist():
            rule_id = int(rules["rule_id"][rule])
            self.unavailable[rule_id] = self.unavailable.get(rule_id, 0) + int(rules["unavailable"][rule])

    def _add_arms(self, legs: RowArray) -> None:
        found, counts = np.unique(legs[["experiment_id", "arm", "decision"]], return_counts=True)
        for key, count in zip(found.tolist(), counts.tolist(), strict=True):
            self.by_arm[key] = self.by_arm.get(key, 0) + count
