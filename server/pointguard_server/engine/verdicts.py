"""From the kernel's output, or from a record in the ledger, to verdicts.

Both give the same for the same leg but ``replayed``.
"""

from typing import Any, cast

from pointguard_server.domain.codes import Decision, Operation
from pointguard_server.domain.record import Record, decode_record
from pointguard_server.engine.ask import ADVICE_NAMES, EntryView, StandingAdvice, Verdict
from pointguard_server.engine.rows import ADVICE_COLUMNS, ANSWER_COLUMNS, ENTRY, STANDING_COLUMNS
from pointguard_server.engine.world import ADVICE_ROWS, LEGS, SHOWN, IntArray, Output, RowArray

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

    def verdict(self, row: int) -> Verdict:
        """Return the verdict on a request; for most of a batch, ``verdicts`` is quicker."""
        if self._verdicts is not None or row in self.replayed or row in self.same_as:
            return self.verdicts()[row]
        return _read_verdicts(self.out, row, 1)[0]

    def verdicts(self) -> list[Verdict]:
        """Return a verdict for each request."""
        if self._verdicts is None:
            verdicts = _read_verdicts(self.out, 0, len(self.requests))
            for index, record in self.replayed.items():
                verdicts[index] = verdict_of_record(record)
            for index, earlier in self.same_as.items():
                verdicts[index] = verdicts[earlier]._replace(replayed=True)
            self._verdicts = verdicts
        return self._verdicts


def _read_verdicts(out: Output, first: int, count: int) -> list[Verdict]:
    """Return the kernel's verdicts on ``count`` requests from ``first`` on."""
    answers = out.answers[first : first + count].view(ANSWER_COLUMNS).tolist()
    reasons, evidence = reasons_of(out, first, count), _pairs(out, out.evidence, first, count)
    entries, advice = _entries(out, first, count), _shown(out, first, count) | _told(out)
    return [
        Verdict._make(
            (
                *answer,
                reasons.get(index, ()),
                evidence.get(index, ()),
                entries.get(index, ()),
                advice.get(first + index, ()),
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


def _entries(out: Output, first: int, count: int) -> dict[int, tuple[EntryView, ...]]:
    """Return the entries of those of ``count`` requests that have any, numbered from ``first`` on."""
    answers = out.answers[first : first + count]
    found = {}
    for index in answers["entry_count"].nonzero()[0].tolist():
        at = int(answers["first_entry"][index])
        rows = out.entries[at : at + int(answers["entry_count"][index])].tolist()
        found[index] = tuple(
            EntryView(entry_type, part, points, balance, rule_id)
            for entry_type, part, points, balance, _, _, _, rule_id in (row[_ENTRY_FIRST:] for row in rows)
        )
    return found


def _shown(out: Output, first: int, count: int) -> dict[int, tuple[StandingAdvice, ...]]:
    """Return the standing advice of those of ``count`` reads that show any, by their rows."""
    found: dict[int, tuple[StandingAdvice, ...]] = {}
    if not out.counts[SHOWN]:
        return found
    rows = out.shown_request[: out.counts[SHOWN]]
    shown = ((rows >= first) & (rows < first + count)).nonzero()[0]
    columns = out.shown[shown].view(STANDING_COLUMNS).tolist()
    for row, advice in zip(rows[shown].tolist(), columns, strict=True):
        found[row] = (*found.get(row, ()), StandingAdvice(*advice[1:-5]))
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
