"""What of a decision is recorded otherwise than it comes out again, and what of the ledger does not hold together."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Any, cast

from pointguard_server.domain.codes import EntryType, Part, Reason
from pointguard_server.domain.ledger_rows import LEG_FIELDS
from pointguard_server.domain.record import RECORD_ADVICE_FIELDS, RECORD_ENTRY_FIELDS, Record
from pointguard_server.service.explanation.case import Case, Retrial
from pointguard_server.service.explanation.past import Past
from pointguard_server.service.explanation.ports import StoredDecision, StoredText
from pointguard_server.service.rule_versions import RuleSetVersion, source_digest

_CHAINED = ("writer_id", "writer_epoch", "batch_id", "first_position", "leg_count", "accepted_at")


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two things that should be the same are not. ``part`` is a path, such as ``windows[2]``, ``legs.points``."""

    part: str
    recorded: str
    reproduced: str


_FULL = 8
"""An answer had room for so many reasons once: of one that was full, the weaker ones are not known."""


def decision_differences(record: Record, retrial: Retrial, case: Case) -> list[Difference]:
    """Return where the second decision is not what is recorded of the first."""
    recorded = _recorded(record, case.texts)
    made = _made(retrial, _FULL if len(record.reasons) == _FULL else 0)
    found = [
        Difference(part, recorded.get(part, "nothing"), made.get(part, "nothing"))
        for part in dict.fromkeys((*recorded, *made))
        if recorded.get(part) != made.get(part)
    ]
    groups = case.texts.get(cast("int", record.leg["group_set_id"]), "")
    if retrial.groups not in (None, groups):
        found.append(Difference("group_set_id", groups, retrial.groups or ""))
    # Readers may begin earlier than they need: advice that has just ended may still have been there.
    open_from = record.leg["open_from_seq"]
    if isinstance(open_from, int) and open_from > retrial.open_from_seq:
        found.append(Difference("open_from_seq", str(open_from), str(retrial.open_from_seq)))
    return found


def _recorded(record: Record, texts: Mapping[int, str]) -> dict[str, str]:
    """Return what is recorded of a decision, each part as a text."""
    leg: dict[str, Any] = record.leg
    reasons = [(Reason(code), texts.get(rule, "")) for code, rule in record.reasons]
    parts = {name: str(leg[name]) for name in _DECIDED}
    parts["reasons"] = _reason_texts(reasons)
    parts["reason"] = str(leg["reason"])
    for number, entry in enumerate(record.entries):
        values: dict[str, Any] = entry
        parts[f"entries[{number}]"] = _entry_text(
            values["entry_type"],
            values["part"],
            values["signed_points"],
            values["running_balance"],
            texts.get(values["rule_id"], ""),
        )
    for measure, value in record.windows:
        parts[f"windows[{measure}]"] = str(value)
    for number, raised in enumerate(record.advice):
        row: dict[str, Any] = raised
        values = {**row, "rule": texts.get(row["rule_id"], "")}
        parts[f"advice[{number}]"] = _advice_text(values)
    return parts


def _made(retrial: Retrial, most: int) -> dict[str, str]:
    """Return the second decision in the same parts, with so many reasons at the most (0: all)."""
    after = retrial.after
    parts = {name: str(int(getattr(after if hasattr(after, name) else retrial, name))) for name in _DECIDED}
    parts["reasons"] = _reason_texts(retrial.reasons[: most or None])
    parts["reason"] = str(int(retrial.reasons[0][0]) if retrial.reasons else 0)
    for number, entry in enumerate(retrial.entries):
        parts[f"entries[{number}]"] = _entry_text(
            entry.entry_type, entry.part, entry.signed_points, entry.running_balance, entry.rule
        )
    for measure, value in sorted(retrial.windows.items()):
        parts[f"windows[{measure}]"] = str(value)
    for number, advice in enumerate(retrial.advice):
        parts[f"advice[{number}]"] = _advice_text({name: getattr(advice, name) for name in _ADVICE})
    return parts


_DECIDED = (
    "decision", "kind", "parts", "points", "money", "released", "posted", "reserved", "pending", "earned_total",
    "redeemed_total", "spend_total", "account_flags", "event_flags", "province_id", "tier_id", "refers_to_seq",
    "hold_expires_at", "redemption_type_id",
)  # fmt: skip
_ADVICE = (
    "event", "advice_id", "rule", "context", "posture", "starts_at", "ends_at", "measured", "threshold",
    "window_starts_after",
)  # fmt: skip


def _reason_texts(reasons: Iterable[tuple[Reason, str]]) -> str:
    return ", ".join(f"{code.name} {rule}".rstrip() for code, rule in reasons)


def _entry_text(entry_type: int, part: int, signed_points: int, running_balance: int, rule: str) -> str:
    name = Part(part).name if part else "-"
    return f"{EntryType(entry_type).name} {name} {signed_points} {running_balance} {rule}".rstrip()


def _advice_text(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_text(values[name])}" for name in _ADVICE)


# ----------------------------------------------------------------------------------------------------------- the ledger


def ledger_differences(stored: StoredDecision, record: Record) -> Iterator[Difference]:
    """Yield where a leg's rows are not what its record says, and whether its batch's digests can be made again."""
    for name in LEG_FIELDS:
        if stored.leg[name] != record.leg[name]:
            yield Difference(f"legs.{name}", _text(record.leg[name]), _text(stored.leg[name]))
    if record.request is not None and stored.order_reference != record.order_reference:
        yield Difference("legs.order_reference", record.order_reference, stored.order_reference)
    for table, names, recorded, rows in (
        ("entries", RECORD_ENTRY_FIELDS, record.entries, stored.entries),
        ("advice", RECORD_ADVICE_FIELDS, record.advice, stored.advice),
    ):
        if len(recorded) != len(rows):
            yield Difference(table, f"{len(recorded)} rows", f"{len(rows)} rows")
        for number, (expected, row) in enumerate(zip(recorded, rows, strict=False)):
            for name in names:
                if expected[name] != row[name]:
                    yield Difference(f"{table}[{number}].{name}", _text(expected[name]), _text(row[name]))
    yield from _batch_differences(stored)


def _batch_differences(stored: StoredDecision) -> Iterator[Difference]:
    batch = stored.batch
    if batch is None:
        yield Difference("batches", f"batch {_text(stored.leg['batch_id'])}", "nothing")
        return
    records_digest = blake2b(stored.batch_records, digest_size=32).digest()
    chained = b"".join(batch[name].to_bytes(8, "big") for name in _CHAINED)
    digest = blake2b(batch["previous_digest"] + chained + records_digest, digest_size=32).digest()
    for name, made in (("records_digest", records_digest), ("digest", digest)):
        if batch[name] != made:
            yield Difference(f"batches.{name}", batch[name].hex(), made.hex())


def past_differences(past: Past, seq: int, posted: int) -> Iterator[Difference]:
    """Yield where the account's earlier legs do not hold together; ``posted`` is the sum of its earlier entries."""
    if past.seq != seq - 1:
        yield Difference("past.seq", str(seq - 1), str(past.seq))
    if past.state.posted != posted:
        yield Difference("past.posted", str(past.state.posted), str(posted))
    reserved = sum(reservation.points for reservation in past.reservations)
    if past.state.reserved != reserved:
        yield Difference("past.reserved", str(past.state.reserved), str(reserved))
    for stray in past.strays:
        yield Difference(f"past.legs[{stray}]", "ends or returns something", "no such thing was there")


def text_differences(configuration: StoredText | None, rules: RuleSetVersion | None) -> Iterator[Difference]:
    """Yield whether the texts that decided are those that were kept."""
    if configuration is None:
        yield Difference("configuration", "a version", "nothing")
    elif configuration.digest != (made := sha256(configuration.source.encode()).digest()):
        yield Difference("configuration.digest", configuration.digest.hex(), made.hex())
    if rules is None:
        yield Difference("rule_set", "a version", "nothing")
    elif rules.digest != (made := source_digest(rules.source, rules.files)):
        yield Difference("rule_set.digest", rules.digest.hex(), made.hex())


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
