"""The power goes at any place of a server's life: what was answered is there, in order, and the ledger opens."""

from collections import Counter

import pytest

from tests.torture.disk import SYNC, WRITE
from tests.torture.power import CONTROLS, Record, cut, make_record

CUTS, CONTROL_CUTS = 500, 40


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A server's life under load, with a kill and a recovery."""
    return make_record(tmp_path_factory.mktemp("power"), seed=1)


def test_a_record_has_all_that_a_disk_may_do_by_halves(record: Record) -> None:
    done = Counter((step.what, step.path) for step in record.steps)
    assert done[SYNC, "journal/1"] > 10, "batches in the journal"
    assert done[SYNC, "journal/2"] > 1, "a change of the journal's file"
    assert done[SYNC, "ledger.sqlite3-wal"] > 10, "commits of the database"
    assert done[WRITE, "ledger.sqlite3"] > 10, "checkpoints"
    assert done[SYNC, "."] > 1, "new names"
    assert len(record.transactions) > 300
    assert record.told[-1][1] == len(record.transactions), "a client was told of the last one"


def test_no_power_cut_loses_what_was_answered_or_leaves_a_ledger_that_does_not_open(record: Record) -> None:
    assert cut(record, CUTS, seed=1).faults == []


@pytest.mark.parametrize(
    "control", [pytest.param(name, marks=pytest.mark.long if number else ()) for number, name in enumerate(CONTROLS)]
)
def test_a_disk_that_forgets_flushes_loses_what_was_answered(record: Record, control: str) -> None:
    assert cut(record, CONTROL_CUTS, 1, CONTROLS[control](record)).lost > 0
