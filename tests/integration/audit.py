"""What must be true of every ledger at every moment, recounted from its rows. For the engine's tests.

Nothing is taken from the engine: the totals on each leg, the balances, the digests and the records are all made again.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

from pointguard_server.domain.codes import (
    CASES,
    LEGS_MAX,
    SEVERAL_ACCOUNTS,
    AdviceEntity,
    AdviceEvent,
    Decision,
    EntryType,
    Kind,
    Operation,
    Part,
    Reason,
    precedence,
)
from pointguard_server.domain.ledger_rows import ADVICE_FIELDS, ENTRY_FIELDS, LEG_FIELDS
from pointguard_server.domain.record import decode_record, encode_record
from tests.integration.audit_lots import LotsAudit
from tests.reference.windows import RELEASES, is_of_lots
from tests.support.ledger import Ledger

Row = dict[str, Any]


def audit(ledger: Ledger, floor: int = 0) -> None:
    """Check every invariant of the ledger's rows; ``floor`` is the least that an account may have available."""
    legs, entries, advice = ledger.rows("legs"), ledger.rows("entries"), ledger.rows("advice")
    for rows in (legs, entries, advice):
        assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    check_keys(legs)
    check_chain(legs, ledger.rows("batches"))
    check_records(legs, entries, advice)
    check_advice(advice)
    by_account = defaultdict(list)
    for leg in legs:
        by_account[leg["tenant_id"], leg["account_id"]].append(leg)
    for own in by_account.values():
        check_account(own, [entry for entry in entries if entry["account_id"] == own[0]["account_id"]], floor)


def check_keys(legs: Sequence[Row]) -> None:
    keys = [(leg["tenant_id"], leg["idempotency_key"], leg["leg_number"]) for leg in legs]
    assert len(set(keys)) == len(keys)
    assert len({(leg["transaction_id"], leg["leg_number"]) for leg in legs}) == len(legs)
    for first, legs_of_one in groupby(legs, key=lambda leg: leg["transaction_id"]):
        check_legs(first, list(legs_of_one))


def check_legs(transaction_id: bytes, legs: Sequence[Row]) -> None:
    """The legs of a transaction follow one another and say the same; a transfer gives as much as it takes."""
    assert [leg["leg_number"] for leg in legs] == list(range(len(legs)))
    same = ("tenant_id", "idempotency_key", "request_digest", "operation", "decision", "reason", "batch_id")
    assert all(leg[name] == legs[0][name] for leg in legs for name in same)
    assert len({leg["account_id"] for leg in legs}) == len(legs) <= LEGS_MAX
    assert len(legs) == 1 or legs[0]["operation"] in SEVERAL_ACCOUNTS
    records = [decode_record(leg["record"]) for leg in legs]
    assert all(record.reasons == records[0].reasons for record in records)
    if legs[0]["operation"] == Operation.TRANSFER:
        assert len(legs) == 2
        given, got = (
            [entry for entry in record.entries if entry["entry_type"] == entry_type]
            for record, entry_type in zip(records, (EntryType.TRANSFER_OUT, EntryType.TRANSFER_IN), strict=True)
        )
        assert ends_of(given, -1) == ends_of(got, 1), transaction_id
        approved = legs[0]["decision"] == Decision.APPROVED
        assert sum(ends_of(got, 1).values()) == (legs[0]["points"] if approved else 0)
    if legs[0]["operation"] == Operation.REDEEM_HOUSEHOLD and records[0].request is not None:
        assert sum(leg["points"] for leg in legs) == records[0].request["points"]


def ends_of(entries: Sequence[Row], sign: int) -> Counter[int]:
    """How many points end when."""
    ends: Counter[int] = Counter()
    for entry in entries:
        ends[entry["expires_at"]] += sign * entry["signed_points"]
    return ends


def check_chain(legs: Sequence[Row], batches: Sequence[Row]) -> None:
    """Every leg lies in one batch, time never goes back, and the chain of digests can be made again."""
    at, previous = 0, bytes(32)
    for number, batch in enumerate(batches, 1):
        own = legs[at : at + batch["leg_count"]]
        assert (batch["batch_id"], batch["first_position"]) == (number, at + 1)
        assert {(leg["batch_id"], leg["accepted_at"]) for leg in own} == {(number, batch["accepted_at"])}
        assert at == 0 or batch["accepted_at"] > legs[at - 1]["accepted_at"]
        records_digest = hashlib.blake2b(b"".join(leg["record"] for leg in own), digest_size=32).digest()
        names = ("writer_id", "writer_epoch", "batch_id", "first_position", "leg_count", "accepted_at")
        numbers = b"".join(batch[name].to_bytes(8, "big") for name in names)
        digest = hashlib.blake2b(previous + numbers + records_digest, digest_size=32).digest()
        assert (batch["records_digest"], batch["previous_digest"], batch["digest"]) == (
            records_digest,
            previous,
            digest,
        )
        at, previous = at + batch["leg_count"], digest
    assert at == len(legs)


def check_records(legs: Sequence[Row], entries: Sequence[Row], advice: Sequence[Row]) -> None:
    """Every record can be read, encodes to the same bytes, and says what the rows say."""
    rows_of: dict[str, dict[int, list[Row]]] = {"entries": defaultdict(list), "advice": defaultdict(list)}
    for name, rows in (("entries", entries), ("advice", advice)):
        for row in rows:
            rows_of[name][row["leg_position"]].append(row)
    for leg in legs:
        record = decode_record(leg["record"])
        assert encode_record(record) == leg["record"]
        assert record.leg == {name: leg[name] for name in LEG_FIELDS}
        assert record.order_reference == leg["order_reference"]
        own = rows_of["entries"][leg["position"]]
        assert [entry["position"] for entry in own] == [leg["first_entry"] + line for line in range(leg["entry_count"])]
        check_parts(leg, own, record.entries, ENTRY_FIELDS[ENTRY_FIELDS.index("entry_type") :])
        own = rows_of["advice"][leg["position"]]
        check_parts(leg, own, record.advice, ADVICE_FIELDS[ADVICE_FIELDS.index("event") :])
        raised = [each["advice_id"][:14] for each in own if each["event"] == AdviceEvent.RAISED]
        assert set(raised) <= {leg["transaction_id"][:14]}
        assert leg["reason"] == (record.reasons[0][0] if record.reasons else 0)
        ranks = [precedence(Reason(code)) for code, _ in record.reasons]
        assert ranks == sorted(ranks)
        assert len(set(record.reasons)) == len(record.reasons)


def check_advice(advice: Sequence[Row]) -> None:
    """Every advice is raised once, and takes no step after it was overridden, removed or resolved, or after it ended.

    Cases alone are resolved, and nothing else becomes of them.
    """
    steps = defaultdict(list)
    for row in advice:
        steps[row["advice_id"]].append(row)
    for own in steps.values():
        events = [row["event"] for row in own]
        assert events[0] == AdviceEvent.RAISED
        of_cases = {AdviceEvent.PROPOSED, AdviceEvent.RESOLVED}
        is_case = own[0]["posture"] in CASES
        assert set(events[1:-1]) <= ({AdviceEvent.PROPOSED} if is_case else {AdviceEvent.EXTENDED})
        assert AdviceEvent.RAISED not in events[1:]
        assert set(events[1:]) <= of_cases if is_case else not of_cases & set(events)
        about_agent = own[0]["entity"] == AdviceEntity.AGENT
        assert about_agent == (own[0]["actor_id"] > 0)
        assert all(row["entity"] == own[0]["entity"] for row in own)
        if is_case:
            assert all(row["actor_id"] for row in own[1:])
        else:
            assert {row["actor_id"] for row in own} == {own[0]["actor_id"]}
        for before, after in pairwise(own):
            assert after["seq"] > before["seq"]
            unchanged = ("tenant_id", "account_id", "rule_id", "context", "starts_at")
            assert all(before[name] == after[name] for name in unchanged)
            if after["event"] == AdviceEvent.RESOLVED:
                continue
            assert before["ends_at"] <= after["ends_at"]
            assert after["event"] == AdviceEvent.EXTENDED or before["ends_at"] == after["ends_at"]


def check_parts(leg: Row, rows: Sequence[Row], recorded: Sequence[Row], names: Sequence[str]) -> None:
    """The rows that hang on a leg are those that its record holds, and name the leg's account."""
    assert [{name: row[name] for name in names} for row in rows] == list(recorded)
    owner = ("tenant_id", "account_id", "seq")
    assert all(row[name] == leg[name] for row in rows for name in owner)


def check_account(legs: Sequence[Row], entries: Sequence[Row], floor: int) -> None:
    """The account's sequence has no gap, and each leg's totals are those of its entries and reservations."""
    totals = dict.fromkeys(("posted", "reserved", "earned_total", "redeemed_total", "spend_total"), 0)
    lots = LotsAudit()
    holds: dict[int, Row] = {}
    ended: set[int] = set()
    has_returns = False  # they may take an account below its floor
    for seq, leg in enumerate(legs, 1):
        assert leg["seq"] == seq
        for entry in (entry for entry in entries if entry["seq"] == seq):
            totals["posted"] += entry["signed_points"]
            if (total := TOTALS.get(entry["entry_type"])) is not None:
                totals[total] += abs(entry["signed_points"])
            if (total := UNDONE.get(entry["entry_type"])) is not None:
                totals[total] -= abs(entry["signed_points"])
            assert entry["running_balance"] == totals["posted"]
            lots.follow(leg, entry, holds)
        totals["spend_total"] += spent(legs, leg)
        if leg["operation"] == Operation.RETURN:
            has_returns = True
            if leg["refers_to_seq"]:
                check_return(legs, leg)
        if leg["operation"] == Operation.EXTEND:
            hold = holds[leg["refers_to_seq"]]
            assert leg["points"] == hold["points"]
            assert leg["accepted_at"] < hold["hold_expires_at"] <= leg["hold_expires_at"]
            holds[hold["seq"]] = hold | {"hold_expires_at": leg["hold_expires_at"]}
        elif leg["operation"] in RELEASES and not is_of_lots(leg):
            end_hold(leg, holds, ended)
        elif leg["hold_expires_at"]:
            assert leg["decision"] == Decision.APPROVED
            holds[seq] = leg
        totals["reserved"] = sum(hold["points"] for hold in holds.values())
        assert {name: leg[name] for name in totals} == totals
        lots.check(leg, holds.values(), totals["posted"], None if has_returns else floor)
        assert leg["open_from_seq"] <= min([seq, *holds])


def spent(legs: Sequence[Row], leg: Row) -> int:
    """What a leg adds to the money of the member's purchases, here and in other systems."""
    match leg["operation"]:
        case Operation.ACCRUE:
            adds = int(leg["decision"] == Decision.APPROVED)
        case Operation.RETURN:
            seq = leg["refers_to_seq"]
            adds = -int(not seq or legs[seq - 1]["operation"] == Operation.ACCRUE)
        case Operation.RECORD_ACTIVITY:
            adds = -1 if leg["kind"] == Kind.RETURN else leg["parts"] >> Part.BASE & 1
        case _:
            adds = 0
    return adds * int(leg["money"])


TOTALS = {EntryType.EARN: "earned_total", EntryType.BONUS: "earned_total", EntryType.REDEEM: "redeemed_total"}
TOTALS[EntryType.CONVERT] = "redeemed_total"
"""The running totals that an entry moves: what ends or settles a debt moves none."""
UNDONE = {EntryType.REVERSE: "earned_total", EntryType.VOID: "redeemed_total"}


def check_return(legs: Sequence[Row], leg: Row) -> None:
    """All returns of an original up to this one come to no more than it: to all of its points with all its money."""
    original = legs[leg["refers_to_seq"] - 1]
    assert original["decision"] == Decision.APPROVED
    own = [each for each in legs[: leg["seq"]] if each["operation"] == Operation.RETURN]
    own = [each for each in own if each["refers_to_seq"] == original["seq"]]
    points, money = sum(each["points"] + each["released"] for each in own), sum(each["money"] for each in own)
    assert points <= original["points"]
    assert money <= original["money"]
    if original["operation"] == Operation.ACCRUE:
        assert points == original["points"] or money < original["money"]
    else:
        assert money == original["money"] * points // original["points"]


def end_hold(leg: Row, holds: dict[int, Row], ended: set[int]) -> None:
    """A reservation ends once, gives back what is not captured, and by itself only when its time is up.

    A capture that leaves it open takes only a part of it.
    """
    assert leg["refers_to_seq"] not in ended
    hold = holds.pop(leg["refers_to_seq"])
    if leg["hold_expires_at"]:
        assert leg["operation"] == Operation.CAPTURE
        assert (leg["released"], leg["hold_expires_at"]) == (0, hold["hold_expires_at"])
        assert 0 < leg["points"] < hold["points"]
        assert 0 <= leg["money"] <= hold["money"]
        assert leg["accepted_at"] < hold["hold_expires_at"]
        left = {name: hold[name] - leg[name] for name in ("points", "money")}
        holds[hold["seq"]] = hold | left
        return
    ended.add(hold["seq"])
    assert leg["money"] <= hold["money"]
    captured = leg["points"] if leg["operation"] == Operation.CAPTURE else 0
    assert captured + leg["released"] == hold["points"]
    if leg["operation"] == Operation.EXPIRE:
        assert leg["occurred_at"] == hold["hold_expires_at"] <= leg["accepted_at"]
    else:
        assert leg["accepted_at"] < hold["hold_expires_at"]
