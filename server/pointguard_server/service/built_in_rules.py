"""The built-in fraud rules: what each counts, unless a program says otherwise. For the configuration's reader."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Final

from pointguard_server.domain.codes import Context, Kind, Measure, Part


class CalendarUnit(StrEnum):
    """How configuration names a stretch of the calendar in the program's time zone; weeks begin on Monday."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True)
class Counts:
    """Which transactions a rule counts: those of one of ``kinds`` and with one of ``parts``; None stands for all."""

    kinds: tuple[Kind, ...] | None
    parts: tuple[Part, ...] | None
    approved_only: bool


@dataclass(frozen=True, slots=True)
class BuiltInRule:
    """What the configuration of a built-in rule may leave out."""

    context: Context
    counts: Counts
    measure: Measure


_FAMILIES: Final = {
    # Refused ones included: whoever empties a stolen account does not stop at the first refusal.
    "ADVICE_CHECK_ACCOUNT_BURN": BuiltInRule(
        Context.REDEMPTION, Counts(None, (Part.REDEEM, Part.HOUSEHOLD_REDEEM), approved_only=False), Measure.COUNT
    ),
    "ADVICE_CHECK_ACCOUNT_DISCRETIONARY_EARN": BuiltInRule(
        Context.ADJUSTMENT, Counts((Kind.DISCRETIONARY,), None, approved_only=True), Measure.COUNT
    ),
    "ADVICE_CHECK_ACCOUNT_PURCHASE_TRANSACTION_COUNT": BuiltInRule(
        Context.EARNING, Counts((Kind.PURCHASE,), None, approved_only=True), Measure.COUNT
    ),
    "ADVICE_CHECK_ACCOUNT_EARN_FROM_PPE": BuiltInRule(
        Context.EARNING, Counts(None, (Part.PPE,), approved_only=True), Measure.COUNT
    ),
    "ADVICE_CHECK_ACCOUNT_EARN_FROM_POINTS_TRANSFER": BuiltInRule(
        Context.TRANSFER, Counts(None, (Part.TRANSFER_IN,), approved_only=True), Measure.COUNT
    ),
    # Of redemptions: who takes an account over sets an address of his own before he spends.
    "ADVICE_CHECK_ACCOUNT_EMAIL_UPDATE": BuiltInRule(
        Context.REDEMPTION, Counts((Kind.EMAIL_UPDATE,), None, approved_only=True), Measure.COUNT
    ),
}
BUILT_IN_RULES: Final[Mapping[str, BuiltInRule]] = {
    f"{family}_{unit.name}": rule for (family, rule), unit in product(_FAMILIES.items(), CalendarUnit)
}
"""The built-in rules by name. Each is off until a ``[[fraud_rule]]`` of its name gives threshold, window and action."""
