"""A ledger grown from copies must be one that the decider takes for real."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pointguard_server.domain.codes import Decision
from tests.bench.big_ledger import TEMPLATE_ACCOUNTS, asks_of, bring_into_memory, grow, open_big_ledger
from tests.bench.fill_memory import fill
from tests.bench.program import write_program
from tests.bench.scale import Side
from tests.support.ledger import Ledger

LEGS_EACH = 4
ACCOUNTS = 2 * TEMPLATE_ACCOUNTS


@pytest.fixture(name="ledger", scope="module")
def grown_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    folder = tmp_path_factory.mktemp("big")
    program, _ = write_program(folder / "program")
    with open_big_ledger(folder / "ledger", program, ACCOUNTS) as ledger:
        grow(ledger, ACCOUNTS, LEGS_EACH)
        yield ledger


def test_every_account_has_its_legs_and_no_place_in_the_ledger_is_missing(ledger: Ledger) -> None:
    counts = ledger.connection.execute("SELECT account_id, count(*), max(seq) FROM legs GROUP BY account_id").fetchall()
    assert counts == [(account, LEGS_EACH, LEGS_EACH) for account in range(1, ACCOUNTS + 1)]
    (legs,) = ledger.connection.execute("SELECT max(position) FROM legs").fetchone()
    assert legs == ACCOUNTS * LEGS_EACH


def test_entries_belong_to_the_legs_of_their_accounts(ledger: Ledger) -> None:
    strays = ledger.connection.execute(
        "SELECT count(*) FROM entries JOIN legs ON legs.position = entries.leg_position"
        " WHERE legs.account_id != entries.account_id OR legs.seq != entries.seq"
        " OR entries.position < legs.first_entry OR entries.position >= legs.first_entry + legs.entry_count"
    ).fetchone()
    (entries,) = ledger.connection.execute("SELECT sum(entry_count) FROM legs").fetchone()
    assert strays == (0,)
    assert ledger.connection.execute("SELECT count(*), max(position) FROM entries").fetchone() == (entries, entries)


def test_a_copy_is_decided_like_its_original(ledger: Ledger) -> None:
    original, copy = ledger.decide(*asks_of(ledger, [2, 2 + TEMPLATE_ACCOUNTS]))
    assert original.decision == copy.decision == Decision.APPROVED
    assert (original.seq, copy.seq) == (LEGS_EACH + 1, LEGS_EACH + 1)
    assert ledger.balance(1).posted == ledger.balance(1 + TEMPLATE_ACCOUNTS).posted > 0


def test_what_is_brought_into_memory_is_there(ledger: Ledger) -> None:
    ledger.restart_decider()
    bring_into_memory(ledger, range(1, 501))
    memory = ledger.decider.memory
    assert len(memory) == sum(memory.slot_of(account) is not None for account in range(1, 501)) == 500


def test_the_process_of_memory_holds_all_accounts_and_says_what_they_take(tmp_path: Path) -> None:
    program, _ = write_program(tmp_path / "program")
    found = fill(program, tmp_path / "ledger", 1_500, legs_each=3)
    # How much, the system says only roughly; that all are in memory is checked in `fill`.
    assert min(found.values()) > 0


@pytest.mark.parametrize("way", ["warm", "zipf", "cold"])
def test_each_way_of_scale_chooses_accounts_as_it_says(ledger: Ledger, way: str) -> None:
    side = Side(ledger, 1_000, np.arange(1, 1_001), np.random.default_rng(1))
    chosen = side.choose(way, 1_000)
    assert set(chosen) <= set(range(1, 1_001))
    counts = np.bincount(chosen, minlength=1_001)
    assert {"warm": counts.max() < 10, "zipf": counts[1] > 100, "cold": counts.max() == 1}[way]
