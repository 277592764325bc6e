"""From the kernel's output, or from a record in the ledger, to verdicts.

Both give the same for the same leg but ``replayed``.
"""

from typing import Any, cast

from pointguard_server.domain.codes import Decision, Operation
from pointguard_server.domain.record import Record, decode_record
from pointguard_server.engine.ask import ADVICE_NAMES, EntryView, StandingAdvice, Verdict
from pointguard_server.engine.rows import ADVICE_COLUMNS, ANSWER_COLUMNS, ENTRY, STANDING_COLUMNS
from pointguard_server.engine.world import ADVICE_ROWS, ENTRIES, LEGS, SHOWN, IntArray, Output, RowArray

_ENTRY_VIEW = list(EntryView._fields)
_RECORD, _HOUSEHOLD = int(Operation.RECORD_ACTIVITY), int(Operation.REDEEM_HOUSEHOLD)
_ENTRY_FIRST = (ENTRY.names or ()).index("entry_type")


class Answers:
    """The answers to a batch, until the next one is decided."""

    def __init__(
        self,
        out: Output,
        requests: RowArray,
        envelopes: RowArray,
        replayed: dict[int, bytes],
        same_as: dict[int, int],
    ) -> None:
        self.out = out
        self.languages: IntArray = envelopes["language"]  # of each request
        self.requests = requests
        self.envelopes = envelopes
        self.replayed = replayed  # request → the record that answers it
        self.same_as = same_as  # request → the earlier one whose answer it gets
        self._verdicts: list[Verdict] | None = None

    def verdicts(self) -> list[Verdict]:
        """Return a verdict for each request."""
        if self._verdicts is None:
            verdicts = _read_verdicts(self.out, len(self.requests))
            for index, record in self.replayed.items():
                verdicts[index] = verdict_of_record(record)
            for index, earlier in self.same_as.items():
                verdicts[index] = verdicts[earlier]._replace(replayed=True)
            self._verdicts = verdicts
        return self._verdicts


def _read_verdicts(out: Output, count: int) -> list[Verdict]:
    """Return the kernel's verdicts on the first ``count`` requests."""
    answers = out.answers[:count].view(ANSWER_COLUMNS).tolist()
    reasons, evidence = reasons_of(out, 0, count), _pairs(out, out.evidence, 0, count)
    entries, advice = _entries(out, count), _shown(out) | _told(out)
    return [
        Verdict._make(
            (
                *answer,
                reasons.get(index, ()),
                evidence.get(index, ()),
                entries.get(index, ()),
                advice.get(index, ()),
                False,
            )
        )
        for index, answer in enumerate(answers)
    ]


def reasons_of(out: Output, first: int, count: int) -> dict[int, tuple[tuple[int, int], ...]]:
    """Return the reasons (code, rule) of those of ``count`` requests that have any, numbered from ``first`` on."""
    return _pairs(out, out.reasons, first, count)


def _pairs(out: Output, rows: IntArray, first: int, count: int) -> dict[int, tuple[tuple[int, int], ...]]:
    counts = out.answers["reason_count"][first : first + count]
    found = {}
    for index in counts.nonzero()[0].tolist():
        numbers = rows[first + index, : 2 * counts[index]].tolist()
        found[index] = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    return found


def _entries(out: Output, count: int) -> dict[int, tuple[EntryView, ...]]:
    """Return the entries of the requests that have any."""
    rows = [
        EntryView(entry_type, part, points, balance, rule_id)
        for entry_type, part, points, balance, _, _, _, rule_id in (
            row[_ENTRY_FIRST:] for row in out.entries[: out.counts[ENTRIES]].tolist()
        )
    ]
    answers = out.answers[:count]
    found = {}
    for index in answers["entry_count"].nonzero()[0].tolist():
        first = int(answers["first_entry"][index])
        found[index] = tuple(rows[first : first + int(answers["entry_count"][index])])
    return found


def _shown(out: Output) -> dict[int, tuple[StandingAdvice, ...]]:
    """Return the standing advice of the reads that show any."""
    count = int(out.counts[SHOWN])
    found: dict[int, tuple[StandingAdvice, ...]] = {}
    rows = out.shown[:count].view(STANDING_COLUMNS).tolist()
    for index, row in zip(out.shown_request[:count].tolist(), rows, strict=True):
        found[index] = (*found.get(index, ()), StandingAdvice(*row[1:-5]))
    return found


def _told(out: Output) -> dict[int, tuple[StandingAdvice, ...]]:
    """Return the advice that recorded activity raised or extended: its answer tells of it."""
    legs = out.legs[: out.counts[LEGS]]
    found: dict[int, tuple[StandingAdvice, ...]] = {}
    if not out.counts[ADVICE_ROWS] or not (legs["operation"] == _RECORD).any():
        return found
    rows = out.advice[: out.counts[ADVICE_ROWS]]
    places = rows["leg_position"] - legs["position"][0]
    told = legs["operation"][places] == _RECORD
    requests = out.leg_request[places[told]].tolist()
    columns = rows[told].view(ADVICE_COLUMNS)[list(ADVICE_NAMES)].tolist()
    for index, row in zip(requests, columns, strict=True):
        found[index] = (*found.get(index, ()), StandingAdvice(*row))
    return found


def _points(record: Record) -> int:
    """Return what a transaction is about: of one about several accounts, what all of them come to."""
    if record.request is not None and record.leg["operation"] == _HOUSEHOLD:
        return cast("int", record.request["points"])
    return cast("int", record.leg["points"])


def verdict_of_record(data: bytes) -> Verdict:
    """Return the verdict that a leg's record stands for."""
    record = decode_record(data)
    leg = cast("dict[str, int]", record.leg)
    declined = leg["decision"] == Decision.DECLINED
    return Verdict(
        outcome=0,
        leg_row=-1,
        position=leg["position"],
        transaction_id=cast("bytes", record.leg["transaction_id"]),
        account_id=leg["account_id"],
        seq=leg["seq"],
        decision=leg["decision"],
        points=0 if declined else _points(record),
        money=0 if declined and leg["operation"] == Operation.AUTHORISE else leg["money"],
        released=leg["released"],
        expires_at=leg["hold_expires_at"],
        posted=leg["posted"],
        reserved=leg["reserved"],
        pending=leg["pending"],
        account_flags=leg["account_flags"],
        experiment_id=leg["experiment_id"],
        arm=leg["arm"],
        first_entry=0,
        entry_count=leg["entry_count"],
        reason_count=len(record.reasons),
        group_set_id=leg["group_set_id"],
        reasons=record.reasons,
        evidence=record.evidence,
        entries=tuple(EntryView(*(cast("int", entry[name]) for name in _ENTRY_VIEW)) for entry in record.entries),
        advice=tuple(
            StandingAdvice(*(cast("Any", row[name]) for name in ADVICE_NAMES))
            for row in (record.advice if leg["operation"] == _RECORD else ())
        ),
        replayed=True,
    )
