"""Rows as the engine hands them to a ledger store, made up for tests: each leg with a real record of itself."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from pointguard_server.domain.ledger_rows import ADVICE_FIELDS, ENTRY_FIELDS, LEG_FIELDS, REQUEST_FIELDS
from pointguard_server.domain.record import Record, encode_record
from pointguard_server.engine.ports import BatchRecord, Heads, LedgerStore, Rows
from pointguard_server.engine.rows import ADVICE_COLUMNS, ENTRY, LEG_COLUMNS


def id_of(*parts: object) -> bytes:
    """Sixteen bytes that follow from the parts."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


def table(dtype: np.dtype[np.void], rows: Sequence[dict[str, Any]]) -> np.ndarray:
    """Rows as the engine hands them over; a field that is not given is 0."""
    made = np.zeros(len(rows), dtype)
    for row, values in zip(made, rows, strict=True):
        for name, value in values.items():
            row[name] = np.void(value) if isinstance(value, bytes) else value
    return made


def numbered(count: int) -> list[dict[str, Any]]:
    """So many entries, each of as many points as its number."""
    return [{"signed_points": number} for number in range(1, count + 1)]


def batch(
    heads: Heads,
    *legs: dict[str, Any],
    entries: int | Sequence[dict[str, Any]] = 0,
    advice: Sequence[dict[str, Any]] = (),
) -> Rows:
    """The rows of the next batch: ``legs`` say what matters, the rest follows from the place."""
    now = heads.accepted_at + 10
    full = [
        {
            "position": heads.position + number,
            "tenant_id": 1,
            "account_id": 7,
            "program_id": 1,
            "transaction_id": id_of("transaction", heads.position + number),
            "idempotency_key": id_of("key", heads.position + number),
            "request_digest": id_of("digest", heads.position + number),
            "accepted_at": now,
            "batch_id": heads.batch_id + 1,
            **leg,
        }
        for number, leg in enumerate(legs, 1)
    ]
    entry_rows = [
        {"position": heads.entry + n, "line": n - 1, **_of_leg(full[-1]), **row}
        for n, row in enumerate(entries if not isinstance(entries, int) else numbered(entries), 1)
    ]
    advice_rows = [{"position": heads.advice + n, **_of_leg(full[-1]), **row} for n, row in enumerate(advice, 1)]
    leg_table, entry_table = table(LEG_COLUMNS, full), table(ENTRY, entry_rows)
    advice_table = table(ADVICE_COLUMNS, advice_rows)
    texts: list[tuple[str, str, bytes]] = []
    for leg in full:
        last = leg is full[-1]
        record = Record(
            leg=dict(zip(LEG_FIELDS, leg_table[len(texts)].item(), strict=True)),
            reasons=(),
            entries=_named(ENTRY_FIELDS, entry_table) if last else (),
            windows=(),
            advice=_named(ADVICE_FIELDS, advice_table) if last else (),
            request=dict.fromkeys(REQUEST_FIELDS, 0),
            order_reference=f"order {leg['position']}",
            basket=b"basket",
        )
        texts.append(("CAD", record.order_reference, encode_record(record)))
    return Rows(
        legs=leg_table,
        texts=texts,
        entries=entry_table,
        advice=advice_table,
        batch=BatchRecord(
            batch_id=heads.batch_id + 1,
            writer_id=1,
            writer_epoch=1,
            first_position=heads.position + 1,
            leg_count=len(legs),
            accepted_at=now,
            records_digest=bytes(32),
            previous_digest=heads.digest,
            digest=hashlib.blake2b(heads.digest, digest_size=32).digest(),
        ),
    )


def _of_leg(leg: dict[str, Any]) -> dict[str, Any]:
    """What an entry or an advice has from its leg."""
    return {
        "tenant_id": leg["tenant_id"],
        "leg_position": leg["position"],
        "account_id": leg["account_id"],
        "seq": leg.get("seq", 0),
    }


def _named(names: Sequence[str], rows: np.ndarray) -> tuple[dict[str, int | bytes], ...]:
    return tuple(dict(zip(names, row, strict=True)) for row in rows.tolist())


def append(store: LedgerStore, *legs: dict[str, Any], **rest: Any) -> Rows:
    """Append a batch in a step of its own."""
    rows = batch(store.heads(), *legs, **rest)
    store.begin()
    store.append(rows)
    store.commit()
    return rows
