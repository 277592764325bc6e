"""Compares what a row of a scenario expects with what came back. For ``performance``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pointguard.v1 import advice_pb2, common_pb2, transaction_pb2
from pointguard_client.conformance.outcome import Outcome

SAME: Final = "same"
LOST: Final = "lost"
_NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A cell that does not hold."""

    column: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.column}: expected {self.expected}, found {self.found}"


def answer_of(outcome: Outcome) -> str:
    """Return an outcome as the column `answer` says it: the decision, OK, or the status with its reason."""
    if outcome.code != "OK":
        return f"{outcome.code} {outcome.reason}".strip()
    decision = getattr(outcome.message, "decision", 0)
    return common_pb2.Decision.Name(decision).removeprefix("DECISION_") if decision else "OK"


def answers_as(expected: str, outcome: Outcome) -> bool:
    """Whether an outcome is what the column `answer` expects.

    A status alone stands for any reason, and an empty cell for whatever is no refusal.
    """
    if not expected:
        return outcome.code == "OK"
    found = answer_of(outcome)
    return found == expected or (outcome.code != "OK" and expected == outcome.code)


def tally_of(outcomes: list[Outcome]) -> str:
    """Return the outcomes of several requests as the column `answer` says them: `1 APPROVED, 4 DECLINED`."""
    found = [answer_of(outcome) for outcome in outcomes]
    return ", ".join(f"{found.count(answer)} {answer}" for answer in sorted(set(found)))


def compare(expected: Mapping[str, str], outcome: Outcome) -> list[Mismatch]:
    """Return the cells that do not hold of an outcome."""
    mismatches = []
    for column, cell in expected.items():
        found = _found(column, outcome)
        if _normal(cell) != _normal(found):
            mismatches.append(Mismatch(column, cell, found))
    return mismatches


def _found(column: str, outcome: Outcome) -> str:
    if column == "fields":
        return ", ".join(outcome.fields) or _NONE
    if outcome.code != "OK":
        return answer_of(outcome)
    try:
        return COLUMNS[column](outcome.message)
    except AttributeError:
        return f"nothing such in {type(outcome.message).__name__}"


def _normal(cell: str) -> str:
    """Return a cell without what makes no difference: spaces around commas, separators of thousands."""
    text = re.sub(r"(?<=\d) (?=\d{3}\b)", "", cell)
    return ", ".join(part.strip() for part in text.split(","))


def _short(name: str) -> str:
    """Return an enumeration's member without the enumeration's name."""
    for prefix in ("REASON_CODE_", "ENTRY_TYPE_", "ADVICE_POSTURE_", "IDENTIFIER_KIND_", "OPERATION_"):
        name = name.removeprefix(prefix)
    return name


def _list(parts: list[str]) -> str:
    return ", ".join(parts) or _NONE


def _reasons(message: Any) -> str:
    if isinstance(message, transaction_pb2.QuoteRedemptionResponse):
        reasons = list(message.limits)
    elif isinstance(message, advice_pb2.CheckAdviceResponse):
        return _list([_short(common_pb2.ReasonCode.Name(code)) for code in message.redemptions_stopped])
    else:
        reasons = list(_leg(message).reasons)
    return _list([_reason(_short(common_pb2.ReasonCode.Name(each.code)), each.rule) for each in reasons])


def _reason(code: str, rule: str) -> str:
    """Return a reason with its rule, but for a control's, which has the reason's own name."""
    return code if rule in ("", code) else f"{code} {rule}"


def _texts(message: Any) -> str:
    return _list([each.text for each in _leg(message).reasons if each.text])


def _points(message: Any) -> str:
    for name in ("points", "signed_points", "points_max"):
        if name in message.DESCRIPTOR.fields_by_name:
            return str(getattr(message, name))
    return str(_leg(message).points)


def _worth(message: Any) -> str:
    money = message.money_max if isinstance(message, transaction_pb2.QuoteRedemptionResponse) else _leg(message).money
    return f"{money.minor_units // 100}.{money.minor_units % 100:02}"


def _awards(message: Any) -> str:
    return _list([f"{award.rule.removeprefix('kit ')} {award.points}" for award in message.awards])


def _entries(message: Any) -> str:
    entries = _leg(message).entries
    return _list(
        [f"{_short(transaction_pb2.EntryType.Name(entry.entry_type))} {entry.signed_points}" for entry in entries]
    )


def _ends(message: Any) -> str:
    """Return when the entries' points end, in whole days from now."""
    return _list([f"{entry.signed_points} in {_days(entry.expires_at)} d" if entry.HasField("expires_at")
                  else f"{entry.signed_points} never" for entry in _leg(message).entries])  # fmt: skip


def _next_end(message: Any) -> str:
    if not message.HasField("next_expiry"):
        return _NONE
    return f"{message.next_expiry.points} in {_days(message.next_expiry.expires_at)} d"


def _days(moment: Any) -> int:
    return int((moment.ToDatetime(UTC) - datetime.now(UTC)).total_seconds() / 86_400 + 0.5)


def _state(message: Any) -> str:
    states = {"locked": message.redemption_locked, "suspended": message.suspended}
    return _list([name for name, holds in states.items() if holds])


def _posture(message: Any) -> str:
    return _short(common_pb2.AdvicePosture.Name(message.posture)) if message.posture else _NONE


def _advice(message: Any) -> str:
    return _list(
        [f"{_short(common_pb2.AdvicePosture.Name(each.posture))} {each.rule}".strip() for each in message.advice]
    )


def _others(message: Any) -> str:
    """Return what the entries of a transaction's other legs move, a sum for each leg."""
    return _list([str(sum(entry.signed_points for entry in leg.entries)) for leg in message.other_legs])


def _became(message: Any) -> str:
    made = _leg(message).conversion
    return f"{made.units} {made.unit}" if made.unit else _NONE


def _leg(message: Any) -> Any:
    """Return the transaction of what GetTransaction answered, or else the message itself."""
    return message.transaction if isinstance(message, transaction_pb2.GetTransactionResponse) else message


def _balance(name: str) -> Callable[[Any], str]:
    return lambda message: str(getattr(_leg(message).balance, name))


COLUMNS: Final[Mapping[str, Callable[[Any], str]]] = {
    "reasons": _reasons,
    "text": _texts,
    "points": _points,
    "worth": _worth,
    "released": lambda message: str(message.points_released),
    "not moved": lambda message: str(message.points_not_moved),
    "awards": _awards,
    "posted": _balance("posted"),
    "pending": _balance("pending"),
    "reserved": _balance("reserved"),
    "available": _balance("available"),
    "next end": _next_end,
    "state": _state,
    "posture": _posture,
    "advice": _advice,
    "entries": _entries,
    "ends": _ends,
    "others": _others,
    "became": _became,
    "operation": lambda message: _short(common_pb2.Operation.Name(_leg(message).operation)),
    "decided": lambda message: common_pb2.Decision.Name(_leg(message).decision).removeprefix("DECISION_"),
    "named by": lambda message: _short(common_pb2.IdentifierKind.Name(_leg(message).identified_by)),
    "fields": lambda message: _NONE if message is not None else "",
}
"""What may be expected of an answer, by the heading of its column."""
