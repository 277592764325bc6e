"""``python -m pointguard_server.backtest.shadow``: one shadow. Started by ``service/shadows.py``, in the background.

It follows the ledger by a connection that can only read, evaluates its version on what is new, and writes what it finds
into a database of its own. Standard input holds the specification, a line of JSON, and stays open as long as the shadow
runs: when it is closed, however that came about, this process ends. Each look that finds something is a line on
standard output.
"""

import json
import sqlite3
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from pointguard_server.backtest.__main__ import end_with_the_server
from pointguard_server.backtest.kernel import FAILED
from pointguard_server.backtest.ledger import LedgerSource
from pointguard_server.backtest.run import Specification, Versions, load, open_source
from pointguard_server.domain.codes import EntryType
from pointguard_server.service.shadow import Difference
from pointguard_server.storage.shadow_book import Look, ShadowBook

LOOK_EVERY_S: Final = 0.5
BEHIND_MAX: Final = 200_000
"""Legs. A shadow that is further behind passes over the oldest of them, and says how many."""
_NEVER: Final = 1 << 62
# What live rules gave by rule: from the entries of the accruals between two positions.
_LIVE: Final = (
    "SELECT codes.text, sum(entries.signed_points) FROM legs JOIN entries"  # noqa: S608  (numbers of ours)
    " ON entries.position >= legs.first_entry AND entries.position < legs.first_entry + legs.entry_count"
    " JOIN codes ON codes.code_id = entries.rule_id"
    " WHERE legs.position >= ? AND legs.position < ? AND legs.tenant_id = ? AND legs.program_id = ?"
    f" AND entries.entry_type IN ({int(EntryType.EARN)}, {int(EntryType.BONUS)}) GROUP BY codes.text"
)


@dataclass(frozen=True, slots=True)
class Errand:
    """What the process is started for: which shadow, from which moment on, and where what it finds is kept."""

    shadow_id: int
    started_at: int
    book: str
    backtest: Specification


def recall(errand: Errand, versions: Versions, seen_to: int) -> None:
    """Count again for caps what the shadow has given since its start, up to a moment: a process does not outlive it."""
    if versions.have_caps and seen_to:
        with closing(open_source(errand.backtest, errand.started_at, seen_to + 1, versions.fields)) as source:
            for _ in versions.given(source):
                pass


def look(errand: Errand, versions: Versions, rules: list[str], seen_to: int) -> Look | None:
    """Evaluate what is in the ledger and was accepted after a moment; None if there is nothing new."""
    asked = errand.backtest
    database = Path(asked.database)
    begin = max(errand.started_at, seen_to + 1)
    source, dropped = _source(asked, versions, begin)
    with closing(source):
        if source.first_position >= source.end_position:
            return None
        first, end = source.first_position, source.end_position
        found = _Sums(rules)
        for stretch, (given,) in versions.given(source):
            found.add(stretch.orders.moment, stretch.history, given.points, given.totals)
        return found.look(source.moments[1], dropped, _live_points(database, asked, first, end))


def _source(asked: Specification, versions: Versions, begin: int) -> tuple[LedgerSource, int]:
    """Return the accruals from a moment on, and how many legs before them are passed over."""
    source = open_source(asked, begin, _NEVER, versions.fields)
    behind = source.end_position - source.first_position
    if behind <= BEHIND_MAX:
        return source, 0
    first = source.first_position
    from_moment = source.moment_at(source.end_position - BEHIND_MAX)
    source.close()
    source = open_source(asked, from_moment, _NEVER, versions.fields)
    return source, source.first_position - first


def _live_points(database: Path, asked: Specification, first: int, end: int) -> dict[str, int]:
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as ledger:
        return dict(ledger.execute(_LIVE, (first, end, asked.tenant_id, asked.program_id)).fetchall())


class _Sums:
    """What one look adds up."""

    def __init__(self, rules: list[str]) -> None:
        self._rules = rules
        self._points = np.zeros(len(rules), np.int64)
        self._evaluated = self._declined = self._flips = self._failed = self._live = 0
        self._differences: list[Difference] = []

    def add(self, moments: Any, history: Any, points: Any, totals: Any) -> None:
        """Add a stretch; what was declined stays declined, whatever the rules give."""
        approved = history.approved != 0
        failed = (totals == FAILED) & approved
        counts = approved & ~failed
        given = np.where(counts, totals, 0)
        self._points += points[counts].sum(axis=0)
        self._evaluated += int(approved.sum())
        self._declined += len(approved) - int(approved.sum())
        self._failed += int(failed.sum())
        self._live += int(history.issued[approved].sum())
        differing = (approved & (given != history.issued)).nonzero()[0]
        self._flips += len(differing)
        self._differences += [
            Difference(history.transaction_id[n].tobytes(), int(moments[n]), int(given[n]), int(history.issued[n]))
            for n in differing.tolist()
        ]

    def look(self, seen_to: int, dropped: int, live: dict[str, int]) -> Look:
        """Return everything; rules of the same name on both sides are one."""
        mine = dict(zip(self._rules, self._points.tolist(), strict=True))
        return Look(
            seen_to,
            self._evaluated,
            self._declined,
            self._flips,
            self._failed,
            dropped,
            points=int(self._points.sum()),
            live_points=self._live,
            rules={rule: (mine.get(rule, 0), live.get(rule, 0)) for rule in {**mine, **live}},
            differences=self._differences,
        )


def main() -> None:
    """Follow the ledger for the shadow that standard input asks for, until that is closed."""
    said = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_the_server, daemon=True).start()
    errand = Errand(said["shadow_id"], said["started_at"], said["book"], Specification(**said["backtest"]))
    (loaded,) = load(errand.backtest)
    versions, rules = Versions(errand.backtest, [loaded]), [rule.name for rule in loaded.rule_set.rules]
    book = ShadowBook(Path(errand.book))
    recall(errand, versions, book.seen_to(errand.shadow_id))
    while True:
        found = look(errand, versions, rules, book.seen_to(errand.shadow_id))
        if found is None:
            time.sleep(LOOK_EVERY_S)
            continue
        book.add(errand.shadow_id, found)
        counts = {"evaluated": found.evaluated, "flips": found.flips, "dropped": found.dropped}
        sys.stdout.write(json.dumps(counts) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
