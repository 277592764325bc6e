"""What shadows found, in a database of its own beside the ledger: written by the shadow's process, read by the server.

It follows from the ledger. Whoever loses it loses the record of what was found; a running shadow begins again at its
start, as far back as it may be behind.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pointguard_server.service.shadow import Difference, Findings

SHADOW_FILE: Final = "shadow.sqlite3"
DIFFERENCES_MAX: Final = 1_000_000
"""Of one shadow; the oldest give way. Counts go on."""
_TABLES: Final = (
    (
        "CREATE TABLE IF NOT EXISTS shadows (shadow_id INTEGER PRIMARY KEY, evaluated INTEGER NOT NULL,"
        " declined INTEGER NOT NULL, flips INTEGER NOT NULL, failed INTEGER NOT NULL, dropped INTEGER NOT NULL,"
        " points INTEGER NOT NULL, live_points INTEGER NOT NULL, seen_to INTEGER NOT NULL)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS rules (shadow_id INTEGER NOT NULL, rule TEXT NOT NULL, points INTEGER NOT NULL,"
        " live_points INTEGER NOT NULL, PRIMARY KEY (shadow_id, rule)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS differences (number INTEGER PRIMARY KEY AUTOINCREMENT,"
        " shadow_id INTEGER NOT NULL, transaction_id BLOB NOT NULL, accepted_at INTEGER NOT NULL,"
        " points INTEGER NOT NULL, live_points INTEGER NOT NULL)"
    ),
    "CREATE INDEX IF NOT EXISTS differences_shadow ON differences (shadow_id, number)",
)
_ADD: Final = (
    "INSERT INTO shadows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (shadow_id) DO UPDATE SET"
    " evaluated = evaluated + excluded.evaluated, declined = declined + excluded.declined,"
    " flips = flips + excluded.flips, failed = failed + excluded.failed, dropped = dropped + excluded.dropped,"
    " points = points + excluded.points, live_points = live_points + excluded.live_points, seen_to = excluded.seen_to"
)
_ADD_RULE: Final = (
    "INSERT INTO rules VALUES (?, ?, ?, ?) ON CONFLICT (shadow_id, rule) DO UPDATE SET"
    " points = points + excluded.points, live_points = live_points + excluded.live_points"
)
_ADD_DIFFERENCE: Final = (
    "INSERT INTO differences (shadow_id, transaction_id, accepted_at, points, live_points) VALUES (?, ?, ?, ?, ?)"
)
_FORGET: Final = (
    "DELETE FROM differences WHERE shadow_id = ?1 AND number <= ("
    "SELECT number FROM differences WHERE shadow_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)"
)
_COUNTS: Final = ("evaluated", "declined", "flips", "failed", "dropped", "points", "live_points", "seen_to")
_FIND: Final = f"SELECT {', '.join(_COUNTS)} FROM shadows WHERE shadow_id = ?"  # noqa: S608
_RULES: Final = "SELECT rule, points, live_points FROM rules WHERE shadow_id = ? ORDER BY rule"
_DIFFERENCES: Final = (
    "SELECT transaction_id, accepted_at, points, live_points FROM differences WHERE shadow_id = ?"
    " ORDER BY number DESC LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the ledger found; ``rules`` are (points, points that the live rules gave) by name."""

    seen_to: int
    evaluated: int
    declined: int
    flips: int
    failed: int
    dropped: int
    points: int
    live_points: int
    rules: Mapping[str, tuple[int, int]]
    differences: Sequence[Difference]


class ShadowBook:
    """The book of one data directory, for the one process that writes it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", *_TABLES):
            self._connection.execute(statement)

    def seen_to(self, shadow_id: int) -> int:
        """Return the moment up to which a shadow has looked; 0 before its first look."""
        found = self._connection.execute(_FIND, (shadow_id,)).fetchone()
        return int(found[-1]) if found else 0

    def add(self, shadow_id: int, look: Look) -> None:
        """Add what a look found, all or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            counts = (look.evaluated, look.declined, look.flips, look.failed, look.dropped, look.points)
            self._connection.execute(_ADD, (shadow_id, *counts, look.live_points, look.seen_to))
            rules = ((shadow_id, rule, *points) for rule, points in look.rules.items())
            self._connection.executemany(_ADD_RULE, rules)
            found = (
                (shadow_id, each.transaction_id, each.accepted_at, each.points, each.live_points)
                for each in look.differences
            )
            self._connection.executemany(_ADD_DIFFERENCE, found)
            if look.differences:
                self._connection.execute(_FORGET, (shadow_id, DIFFERENCES_MAX))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def read_findings(path: Path, shadow_id: int, differences_max: int) -> Findings:
    """Return what a shadow found so far, in another process than the one that writes."""
    if not path.exists():
        return Findings()
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
        # One transaction, so that counts and differences are of the same look.
        connection.execute("BEGIN")
        try:
            counts = connection.execute(_FIND, (shadow_id,)).fetchone()
        except sqlite3.OperationalError:  # the process has just begun, and made no tables yet
            return Findings()
        if counts is None:
            return Findings()
        rules = {rule: (points, live) for rule, points, live in connection.execute(_RULES, (shadow_id,))}
        rows = connection.execute(_DIFFERENCES, (shadow_id, differences_max)).fetchall()
    named = dict(zip(_COUNTS, counts, strict=True))
    return Findings(**named, rules=rules, differences=tuple(Difference(*row) for row in rows))
