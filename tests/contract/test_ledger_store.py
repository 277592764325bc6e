"""What every ledger store must do, whatever the database: the suite of ``engine/ports.py``.

A back end joins ``BACK_ENDS`` by a function that opens a store in an empty folder, with two tenants that have
one program each, numbered 1 and 2.
"""

import itertools
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pointguard_server.domain.codes import EntryType, Operation, Outcome
from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.engine.lots import lots_left
from pointguard_server.engine.ports import Heads, LedgerStore, Original
from pointguard_server.service.ports import Link, NewMember
from pointguard_server.service.vault import MemberVault
from pointguard_server.storage import sql_ledger
from pointguard_server.storage.connections import Connection
from pointguard_server.storage.database import migrate, open_lookup, open_writer
from pointguard_server.storage.directory import Directory
from pointguard_server.storage.journaled_ledger import JournaledLedger, recover
from pointguard_server.storage.keyring import KeyRing
from pointguard_server.storage.postgres import PostgresConnection
from pointguard_server.storage.postgres_ledger import PostgresLedger
from pointguard_server.storage.sqlite_ledger import SqliteLedger
from tests.support.ledger_rows import append, batch, id_of

OpenStore = Callable[[], LedgerStore]
"""Opens the ledger of one folder anew, as a restart would: what is not in the database is gone."""


@contextmanager
def open_sqlite(directory: Path) -> Iterator[OpenStore]:
    """The ledger on SQLite."""
    path = directory / "ledger.sqlite3"
    migrate(path)
    vault = MemberVault(KeyRing.open_or_create(directory / "keyring.json"))
    with closing(open_writer(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        add_tenants(connection, vault)
        yield lambda: SqliteLedger(connection, Directory(vault), writer_epoch=1)


@contextmanager
def open_journaled(directory: Path) -> Iterator[OpenStore]:
    """The journal with SQLite behind it. Opening anew is what follows a power cut: nothing was closed before."""
    with open_sqlite(directory):
        pass
    vault = MemberVault(KeyRing.open_or_create(directory / "keyring.json"))
    folders = [directory]
    with ExitStack() as opened:
        stores: list[JournaledLedger] = []

        def open_store() -> JournaledLedger:
            if stores:
                folders.append(directory / f"restart {len(stores)}")
                with stores[-1].projector.lock:
                    shutil.copytree(folders[-2], folders[-1], ignore=shutil.ignore_patterns("restart*", "*-shm"))
            writer, lookup = (
                opened.enter_context(closing(opener(folders[-1] / "ledger.sqlite3")))
                for opener in (open_writer, open_lookup)
            )
            names = Directory(vault)
            database = SqliteLedger(writer, names, writer_epoch=1)
            recover(database, folders[-1])
            stores.append(JournaledLedger(database, SqliteLedger(lookup, names, writer_epoch=1), folders[-1]))
            opened.callback(stores[-1].close)
            return stores[-1]

        yield open_store


@contextmanager
def open_postgres(directory: Path, url: str) -> Iterator[OpenStore]:
    """The ledger on PostgreSQL. Opening anew is by a connection of its own."""
    vault = MemberVault(KeyRing.open_or_create(directory / "keyring.json"))
    with ExitStack() as opened:

        def connect() -> PostgresConnection:
            return opened.enter_context(closing(PostgresConnection(url)))

        add_tenants(connect(), vault)
        yield lambda: PostgresLedger(connect(), Directory(vault), writer_epoch=1)


def add_tenants(connection: Connection, vault: MemberVault) -> None:
    for tenant in ("first", "second"):
        directory_of_names = Directory(vault)
        tenant_id = directory_of_names.tenant(connection, tenant, tenant, 1)
        directory_of_names.program(connection, tenant_id, "points")


BACK_ENDS = ("journaled", "postgres", "sqlite")
CHECKS_ROWS_BEHIND = {"journaled"}
"""Back ends whose database sees a batch's rows only after it was committed."""


@pytest.fixture(params=BACK_ENDS)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    if request.param == "postgres":
        opened = open_postgres(tmp_path, request.getfixturevalue("postgres_url"))
    else:
        opened = {"sqlite": open_sqlite, "journaled": open_journaled}[request.param](tmp_path)
    with opened as opener:
        yield opener


@pytest.fixture
def store(open_store: OpenStore) -> LedgerStore:
    return open_store()


# -------------------------------------------------------------------------------------------------- heads and batches


def test_an_empty_ledger_ends_before_its_first_row(store: LedgerStore) -> None:
    assert store.heads() == Heads(0, 0, 0, 0, 0, bytes(32))


def test_heads_are_the_numbers_of_the_last_rows_and_the_last_batchs_digest(open_store: OpenStore) -> None:
    store = open_store()
    append(store, {"seq": 1}, {"seq": 2}, entries=3, advice=[{"advice_id": id_of("advice")}])
    rows = append(store, {"seq": 3}, entries=1)
    assert store.heads() == Heads(3, 4, 1, 2, rows.batch.accepted_at, rows.batch.digest)
    assert open_store().heads() == store.heads()


def test_what_is_rolled_back_was_never_there(store: LedgerStore) -> None:
    before = append(store, {"seq": 1})
    heads = store.heads()
    store.begin()
    store.append(batch(heads, {"seq": 2}, entries=2))
    store.rollback()
    assert store.heads() == heads
    store.begin()
    assert store.known_keys(1, [id_of("key", 2)]) == {}
    history = store.read_accounts(1, [7], 0).get(7)
    store.rollback()
    assert history is not None
    assert history.legs["position"].tolist() == before.legs["position"].tolist()


def test_rolling_back_where_nothing_was_begun_does_nothing(store: LedgerStore) -> None:
    store.rollback()
    store.rollback()
    append(store, {"seq": 1})


@pytest.mark.parametrize(
    "clash",
    [
        {"seq": 1},
        {"seq": 2, "position": 1},
        {"seq": 2, "idempotency_key": id_of("key", 1)},
        {"seq": 2, "transaction_id": id_of("transaction", 1)},
    ],
    ids=lambda clash: list(clash)[-1],
)
def test_a_row_that_clashes_with_another_fails_its_whole_batch(
    request: pytest.FixtureRequest, store: LedgerStore, clash: dict[str, Any]
) -> None:
    if request.node.callspec.params["open_store"] in CHECKS_ROWS_BEHIND:
        pytest.skip("a clash stops the ledger: test_rows_that_clash_behind_the_journal_stop_the_ledger")
    append(store, {"seq": 1})
    heads = store.heads()
    store.begin()
    with pytest.raises(StorageUnavailable):
        store.append(batch(heads, {"seq": 5}, clash))
    store.rollback()
    assert store.heads() == heads
    append(store, {"seq": 2})


@pytest.mark.parametrize("count", [1, 2, 3, 255, 256, 257, 700])
def test_a_batch_of_any_size_arrives_whole_and_in_order(store: LedgerStore, count: int) -> None:
    rows = append(store, *({"seq": seq, "points": -seq} for seq in range(1, count + 1)), entries=count)
    assert (store.heads().position, store.heads().entry) == (count, count)
    history = store.read_accounts(1, [7], 0).get(7)
    assert history is not None
    assert history.legs.tobytes() == rows.legs.tobytes()


# --------------------------------------------------------------------------------------------- keys and reservations


def test_known_keys_give_the_digest_and_the_record_that_answers_them(store: LedgerStore) -> None:
    rows = append(store, {"seq": 1}, {"seq": 2})
    assert store.known_keys(1, [id_of("key", 2), id_of("key", 3)]) == {
        id_of("key", 2): (id_of("digest", 2), rows.texts[1][2])
    }
    assert store.known_keys(1, []) == {}


def test_keys_and_reservations_are_a_tenants_own(store: LedgerStore) -> None:
    theirs = {"seq": 1, "tenant_id": 2, "account_id": 8, "idempotency_key": id_of("key", 1)}
    records = [record for *_, record in append(store, {"seq": 1}, theirs).texts]
    assert store.known_keys(1, [id_of("key", 1)])[id_of("key", 1)] == (id_of("digest", 1), records[0])
    assert store.known_keys(2, [id_of("key", 1)])[id_of("key", 1)] == (id_of("digest", 2), records[1])
    assert store.find_reservations(2, [id_of("transaction", 1)]) == {}
    assert store.find_reservations(2, [id_of("transaction", 2)]) == {id_of("transaction", 2): (8, 1)}


def test_the_second_leg_of_a_transaction_answers_for_none_of_its_keys(store: LedgerStore) -> None:
    second = {"leg_number": 1, "idempotency_key": id_of("key", 1), "transaction_id": id_of("transaction", 1)}
    rows = append(store, {"seq": 1}, {"seq": 1, "account_id": 8, **second})
    assert store.known_keys(1, [id_of("key", 1)])[id_of("key", 1)][1] == rows.texts[0][2]
    assert store.find_reservations(1, [id_of("transaction", 1)]) == {id_of("transaction", 1): (7, 1)}


def test_an_original_is_found_with_all_that_was_returned_of_it_and_nothing_else(store: LedgerStore) -> None:
    records = [record for *_, record in append(store, {"seq": 1}, {"seq": 2}).texts]
    returned = {"operation": int(Operation.RETURN), "refers_to_seq": 2}
    captured = {"operation": int(Operation.CAPTURE), "refers_to_seq": 2}
    records += [record for *_, record in append(store, {"seq": 3, **returned}, {"seq": 4, **captured}).texts]
    others = append(store, {"seq": 5, **returned, "refers_to_seq": 1}, {"seq": 6, **returned, "account_id": 8})
    records += [record for *_, record in others.texts]
    records += [record for *_, record in append(store, {"seq": 6, **returned}).texts]
    asked = [id_of("transaction", position) for position in (2, 4, 99)]
    assert store.find_originals(1, asked) == {
        asked[0]: Original(7, 2, records[1], {3: records[2], 7: records[6]}, {}),
        asked[1]: Original(7, 4, records[3], {}, {}),
    }
    assert store.find_originals(2, asked) == {}


def test_a_leg_is_read_by_its_place_in_its_accounts_sequence(store: LedgerStore) -> None:
    append(store, {"seq": 1}, {"seq": 1, "account_id": 8})
    append(store, {"seq": 2, "points": 70})
    found = store.leg_of(1, 7, 2)
    assert found is not None
    assert found[["position", "account_id", "seq", "points"]].tolist() == [(3, 7, 2, 70)]
    assert [store.leg_of(*place) for place in ((1, 7, 3), (1, 8, 2), (2, 7, 2))] == [None, None, None]


@pytest.mark.parametrize("count", [1, 4, 5, 300, 600])
def test_any_number_of_keys_and_reservations_is_found_at_once(store: LedgerStore, count: int) -> None:
    append(store, *({"seq": seq} for seq in range(1, count + 1)))
    numbers = range(1, count + 3)
    assert len(store.known_keys(1, [id_of("key", n) for n in numbers])) == count
    found = store.find_reservations(1, [id_of("transaction", n) for n in numbers])
    assert found == {id_of("transaction", n): (7, n) for n in range(1, count + 1)}


# ------------------------------------------------------------------------------------------------------------ history


def test_an_account_that_is_not_there_or_another_tenants_has_no_history(store: LedgerStore) -> None:
    append(store, {"seq": 1})
    assert store.read_accounts(1, [8], 0) == {}
    assert store.read_accounts(2, [7], 0) == {}


def test_history_says_the_program_and_when_the_account_began(store: LedgerStore) -> None:
    for seq in range(1, 6):
        append(store, {"seq": seq, "program_id": 2, "open_from_seq": seq})
    history = store.read_accounts(1, [7], 49).get(7)
    assert history is not None
    assert (history.program_id, history.enrolled_at) == (2, 10)
    assert history.legs["seq"].tolist() == [5]


@pytest.mark.parametrize(("newer_than", "first"), [(0, 1), (10, 2), (29, 3), (30, 4), (1_000, 4)])
def test_history_reaches_back_to_the_moment_asked_for_and_to_all_that_is_open(
    store: LedgerStore, newer_than: int, first: int
) -> None:
    for seq in range(1, 6):
        append(store, {"seq": seq, "open_from_seq": min(seq, 4)})
    history = store.read_accounts(1, [7], newer_than).get(7)
    assert history is not None
    # The newest leg says that something of leg 4 is still open.
    assert history.legs["seq"].tolist() == list(range(first, 6))


def test_histories_of_many_accounts_are_those_that_each_has_alone(
    store: LedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few and many legs, advice, lots, awards, another tenant's, more accounts than a statement asks for."""
    counts = [1 + number % 5 * 9 for number in range(70)]
    for seq in range(1, max(counts) + 1):
        there = [account for account, count in enumerate(counts, 10) if count >= seq]
        legs = [{"account_id": account, "seq": seq, "open_from_seq": max(1, seq - account % 20)} for account in there]
        lot = {"signed_points": 5, "lot_seq": seq, "rule_id": 3, "expires_at": 5_000, "entry_type": EntryType.EARN}
        entries = [{"account_id": account, "seq": seq, **lot} for account in there if account % 3 == 0]
        places = {entry["account_id"]: place for place, entry in enumerate(entries, store.heads().entry + 1)}
        for leg in legs:
            if leg["account_id"] in places:
                leg |= {"operation": Operation.ACCRUE, "first_entry": places[leg["account_id"]], "entry_count": 1}
        raised = [
            {"account_id": account, "seq": seq, "advice_id": id_of(account, seq)}
            for account in there
            if account % 7 == 0
        ]
        append(store, *legs, entries=entries, advice=raised)
    append(store, {"account_id": 10, "seq": 1, "tenant_id": 2})
    asked = [*range(9, 82)]
    for newer_than, since in ((0, None), (150, 200), (10_000, 0)):
        together = store.read_accounts(1, asked, newer_than, since)
        assert sorted(together) == list(range(10, 80))
        for account, history in together.items():
            (alone,) = store.read_accounts(1, [account], newer_than, since).values()
            assert (history.program_id, history.enrolled_at) == (alone.program_id, alone.enrolled_at)
            assert history.legs.tolist() == alone.legs.tolist()
            assert history.advice.tolist() == alone.advice.tolist()
            left, left_alone = (lots_left(each.lots)[["lot_seq", "signed_points"]] for each in (history, alone))
            assert left.tolist() == left_alone.tolist()
            assert history.legs["account_id"].tolist() == [account] * len(history.legs)
            assert history.legs["seq"][-1] == counts[account - 10]
            seqs = history.legs["seq"].tolist()
            wanted = [seq for seq in range(1, seqs[-1] + 1) if seq * 10 > newer_than or seq >= seqs[-1] - account % 20]
            assert seqs == wanted
            assert bool(history.lots.size) == (account % 3 == 0)
            assert bool(history.advice.size) == (account % 7 == 0)
            if since is not None:
                given = sum(seq * 10 >= since for seq in range(1, seqs[-1] + 1)) if account % 3 == 0 else 0
                assert history.awards["points"][history.awards["accepted_at"] >= since].sum() == 5 * given


@pytest.mark.parametrize(
    ("position", "newer_than", "first"), [(0, 0, 1), (0, 10, 3), (0, 19, 3), (4, 0, 5), (5, 30, 7), (2, 10_000, 13)]
)
def test_legs_are_told_from_a_position_and_a_moment_on_in_order(
    store: LedgerStore, monkeypatch: pytest.MonkeyPatch, position: int, newer_than: int, first: int
) -> None:
    monkeypatch.setattr(sql_ledger, "LEGS_AT_A_TIME", 3)
    for number in range(6):
        append(store, *({"account_id": account, "seq": number + 1, "points": account} for account in (7, 8)))
    found = [leg for legs in store.legs_after(position, newer_than) for leg in legs[["position", "points"]].tolist()]
    assert found == [(number, 8 - number % 2) for number in range(first, 13)]


def test_history_holds_the_advice_of_its_legs_in_order(store: LedgerStore) -> None:
    def raised(seq: int, *rules: int) -> list[dict[str, Any]]:
        return [{"advice_id": id_of(seq, rule), "rule_id": rule} for rule in rules]

    for seq in range(1, 4):
        append(store, {"seq": seq, "open_from_seq": 2}, advice=raised(seq, 1, 2))
        append(store, {"seq": seq, "open_from_seq": 2, "tenant_id": 2}, advice=raised(seq, 3))
    history = store.read_accounts(1, [7], 10_000).get(7)
    assert history is not None
    assert history.advice[["seq", "rule_id"]].tolist() == [(2, 1), (2, 2), (3, 1), (3, 2)]


def test_history_has_of_each_lot_what_is_left(store: LedgerStore) -> None:
    def moved(points: int, lot_seq: int, rule_id: int, **moments: int) -> dict[str, Any]:
        return {"signed_points": points, "lot_seq": lot_seq, "rule_id": rule_id, **moments}

    first, second = {"expires_at": 1_000}, {"expires_at": 2_000, "matures_at": 500}
    append(store, {"seq": 1, "open_from_seq": 1}, entries=[moved(70, 1, 5, **first), moved(9, 1, 6, **second)])
    append(store, {"seq": 2, "open_from_seq": 2}, entries=[moved(-70, 1, 5, **first), moved(-4, 1, 6, **second)])
    append(store, {"seq": 1, "account_id": 8}, entries=[moved(30, 1, 5, **first)])
    append(store, {"seq": 1, "tenant_id": 2}, entries=[moved(30, 1, 5, **first)])
    append(
        store,
        {"seq": 3, "open_from_seq": 3},
        entries=[moved(8, 3, 5, matures_at=700), {"signed_points": 12, "rule_id": 6}, moved(-1, 1, 6, **second)],
    )
    history = store.read_accounts(1, [7], 10_000).get(7)
    assert history is not None
    left = lots_left(history.lots)
    assert left[["lot_seq", "rule_id", "signed_points", "matures_at", "expires_at"]].tolist() == [
        (1, 6, 4, 500, 2_000),
        (3, 5, 8, 700, 0),
    ]
    assert left["position"].tolist() == sorted(left["position"].tolist())


def test_lots_that_ended_before_the_newest_leg_are_not_looked_at_unless_a_reservation_may_keep_them(
    store: LedgerStore,
) -> None:
    lot = {"signed_points": 5, "lot_seq": 1, "rule_id": 5, "expires_at": 25}
    append(store, {"seq": 1, "open_from_seq": 1}, entries=[lot])  # at 10
    append(store, {"seq": 2, "open_from_seq": 2})  # at 20
    append(store, {"seq": 3, "open_from_seq": 2})  # at 30
    history = store.read_accounts(1, [7], 10_000).get(7)
    assert history is not None
    assert lots_left(history.lots)["signed_points"].tolist() == [5]


def test_what_is_appended_can_be_read_before_the_step_ends(store: LedgerStore) -> None:
    heads = store.heads()
    store.begin()
    store.append(batch(heads, {"seq": 1}))
    assert 7 in store.read_accounts(1, [7], 0)
    assert store.known_keys(1, [id_of("key", 1)])
    store.rollback()


# ------------------------------------------------------------------------------------------------------------ members

LOYALTY, CARD = IdentifierKind.LOYALTY_ID, IdentifierKind.CARD
numbers = itertools.count(1)


def enroll(store: LedgerStore, *identifiers: tuple[IdentifierKind, str], tenant_id: int = 1) -> tuple[Outcome, int]:
    store.begin()
    outcome = store.enroll(tenant_id, NewMember(tenant_id, identifiers, b"profile"), 5)
    store.commit()
    return outcome


def account_of(store: LedgerStore, kind: IdentifierKind, value: str) -> int:
    found = store.find_identifier(1, kind, value)
    return found.account_id if found else 0


def test_an_enrolled_member_is_found_by_each_identifier_of_its_own_tenant(open_store: OpenStore) -> None:
    outcome, account_id = enroll(open_store(), (LOYALTY, "1"), (CARD, "2"))
    assert outcome == Outcome.DONE
    store = open_store()
    by_number, by_card = store.find_identifier(1, LOYALTY, "1"), store.find_identifier(1, CARD, "2")
    assert by_number is not None
    assert by_card is not None
    assert by_number.account_id == by_card.account_id == account_id
    assert by_number.identifier_id != by_card.identifier_id
    assert store.find_identifier(1, CARD, "1") is None
    assert store.find_identifier(2, LOYALTY, "1") is None


def test_an_identifier_that_is_taken_enrolls_nobody(store: LedgerStore) -> None:
    _, account_id = enroll(store, (LOYALTY, "1"))
    assert enroll(store, (CARD, "9"), (LOYALTY, "1")) == (Outcome.IDENTIFIER_TAKEN, 0)
    assert store.find_identifier(1, CARD, "9") is None
    assert account_of(store, LOYALTY, "1") == account_id
    other, _ = enroll(store, (LOYALTY, "1"), tenant_id=2)
    assert other == Outcome.DONE


def test_an_identifier_that_is_given_twice_counts_once(store: LedgerStore) -> None:
    outcome, account_id = enroll(store, (LOYALTY, "1"), (LOYALTY, "1"))
    assert outcome == Outcome.DONE
    assert account_of(store, LOYALTY, "1") == account_id


def test_an_enrollment_that_is_rolled_back_leaves_its_identifier_free(open_store: OpenStore) -> None:
    store = open_store()
    store.begin()
    store.enroll(1, NewMember(1, ((LOYALTY, "1"),), b""), 5)
    store.rollback()
    assert open_store().find_identifier(1, LOYALTY, "1") is None
    assert enroll(open_store(), (LOYALTY, "1"))[0] == Outcome.DONE


def test_a_linked_identifier_finds_the_account_and_linking_it_again_changes_nothing(store: LedgerStore) -> None:
    _, account_id = enroll(store, (LOYALTY, "1"))
    _, other_id = enroll(store, (LOYALTY, "2"))
    for expected in (Outcome.DONE, Outcome.DONE):
        store.begin()
        assert store.link(1, account_id, Link(CARD, "card", 7)) == (expected, 0)
        store.commit()
    assert account_of(store, CARD, "card") == account_id
    store.begin()
    assert store.link(1, other_id, Link(CARD, "card", 7)) == (Outcome.IDENTIFIER_TAKEN, 0)
    assert store.link(2, account_id, Link(CARD, "theirs", 7)) == (Outcome.ACCOUNT_UNKNOWN, 0)
    assert store.link(1, 999, Link(CARD, "nobody's", 7)) == (Outcome.ACCOUNT_UNKNOWN, 0)
    store.commit()
    assert store.find_identifier(1, CARD, "nobody's") is None


# --------------------------------------------------------------------------------------------------------------- jobs


def test_a_job_is_a_step_of_its_own(store: LedgerStore) -> None:
    insert = "INSERT INTO tenants (code, name, created_at) VALUES (?, ?, 1)"
    count = "SELECT count(*) FROM tenants"
    store.write(lambda connection: connection.execute(insert, ("third", "Third")))
    assert store.write(lambda connection: connection.execute(count).fetchone()[0]) == 3

    def fail(connection: Any) -> None:
        connection.execute(insert, ("fourth", "Fourth"))
        raise LookupError

    with pytest.raises(LookupError):
        store.write(fail)
    with pytest.raises(StorageUnavailable):
        store.write(lambda connection: connection.execute(insert, ("third", "Third")))
    assert store.write(lambda connection: connection.execute(count).fetchone()[0]) == 3


def test_a_database_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    with open_sqlite(tmp_path) as opener:
        store = opener()
        assert isinstance(store, SqliteLedger)
        store._connection.close()
        with pytest.raises(StorageUnavailable):
            store.begin()
        with pytest.raises(StorageUnavailable):
            store.known_keys(1, [bytes(16)])
        with pytest.raises(StorageUnavailable):
            store.read_accounts(1, [1], 0)
        store.rollback()
        with pytest.raises(sqlite3.ProgrammingError):
            store._connection.execute("SELECT 1")
