"""Points that are turned into something else: what is spent, what stops it, what undoes it, and what explains it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from pointguard_server.domain.codes import Decision, EntryType, Kind, Outcome, Reason
from pointguard_server.domain.conversions import Conversion, decode_conversion
from pointguard_server.domain.record import encode_body
from pointguard_server.engine.ask import Ask
from pointguard_server.service.explanation.explainer import Explanation
from tests.integration.audit import audit
from tests.support.explaining import explaining
from tests.support.ledger import DAY, Ledger, open_ledger

CONVERSIONS = """
[[program.conversion]]
code = "MILES"
points = 100
gives = 25
unit = "miles"
"""
EARN = """
rule "soon over"
    earn base order.total * 10
    expire after 2 days
rule "for ever"
    earn bonus 100
"""
RULE = """
[[fraud_rule]]
name = "conversions"
context = "REDEMPTION"
counts = { kinds = ["CONVERSION"], attempts = "APPROVED" }
measure = "POINTS"
window = { calendar = "DAY" }
threshold = 300
posture = "BLOCK"
duration = "1h"
"""
MILES = Conversion("MILES", 50, "miles")


@pytest.fixture
def converting(new_ledger: Callable[..., Ledger]) -> Ledger:
    return new_ledger(lots=CONVERSIONS, earn=EARN)


def convert_ask(ledger: Ledger, account: int, made: Conversion, points: int, key: str | None = None) -> Ask:
    """Ask to turn points into something else."""
    ask = ledger.authorise_ask(account, points, key, kind=Kind.CONVERSION, redemption_type=made.code)
    return replace(ask, body=encode_body("", made.encode()))


@contextmanager
def explained(ledger: Ledger) -> Iterator[list[Explanation]]:
    with explaining(ledger) as explainer:
        yield explainer.all_legs()


def test_points_are_spent_in_their_order_by_entries_of_their_own_type(converting: Ledger) -> None:
    account = converting.member()
    converting.accrue(account, 15_00)
    verdict = converting.one(convert_ask(converting, account, MILES, 200))
    assert (verdict.decision, verdict.points, verdict.posted) == (Decision.APPROVED, 200, 50)
    leg = converting.legs(account)[-1]
    assert (leg["kind"], leg["redeemed_total"], leg["hold_expires_at"]) == (Kind.CONVERSION, 200, 0)
    spent = [row for row in converting.rows("entries") if row["leg_position"] == leg["position"]]
    assert [(row["entry_type"], row["signed_points"], row["lot_seq"] > 0) for row in spent] == [
        (EntryType.CONVERT, -150, True),
        (EntryType.CONVERT, -50, False),
    ]
    converting.restart_decider()
    assert converting.balance(account).posted == 50
    audit(converting)


def test_a_conversion_is_explained_with_what_was_made_of_it(converting: Ledger) -> None:
    account = converting.member()
    converting.accrue(account, 40_00)
    converting.one(convert_ask(converting, account, MILES, 200))
    converting.change(lots=CONVERSIONS.replace("25", "30"))
    converting.one(convert_ask(converting, account, Conversion("MILES", 30, "miles"), 100))
    with explained(converting) as legs:
        assert all(each.reproduced for each in legs), [each.differences for each in legs]
        made = [decode_conversion(each.record.basket) for each in legs[-2:] if each.record is not None]
        assert made == [MILES, Conversion("MILES", 30, "miles")]
    converting.one(convert_ask(converting, account, MILES, 100))
    with explained(converting) as legs:
        assert [each.part for each in legs[-1].differences] == ["conversion"], "of 100 points 50 miles were made"


def test_what_stops_redemptions_stops_conversions(converting: Ledger) -> None:
    account = converting.member()
    converting.accrue(account, 40_00)
    converting.one(converting.lock_ask(account, True))
    verdict = converting.one(convert_ask(converting, account, MILES, 200))
    assert [code for code, _ in verdict.reasons] == [Reason.REDEMPTION_LOCKED]
    converting.one(converting.lock_ask(account, False))
    short = converting.one(convert_ask(converting, account, Conversion("MILES", 150, "miles"), 600))
    assert ([code for code, _ in short.reasons], short.points) == ([Reason.INSUFFICIENT_POINTS], 0)
    with explained(converting) as legs:
        assert all(each.reproduced for each in legs), [each.differences for each in legs]


def test_a_rule_limits_conversions_alone(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(lots=CONVERSIONS, earn=EARN, rules=RULE)
    account = ledger.member()
    ledger.accrue(account, 90_00)
    assert ledger.authorise(account, 400).decision == Decision.APPROVED
    assert ledger.one(convert_ask(ledger, account, Conversion("MILES", 75, "miles"), 300)).decision == Decision.APPROVED
    stopped = ledger.one(convert_ask(ledger, account, Conversion("MILES", 25, "miles"), 100))
    assert [code for code, _ in stopped.reasons] == [Reason.FRAUD_RULE]
    with explained(ledger) as legs:
        assert all(each.reproduced for each in legs), [each.differences for each in legs]


def test_a_conversion_is_not_returned_and_is_corrected_up_to_its_points(converting: Ledger) -> None:
    account = converting.member()
    converting.accrue(account, 15_00)
    made = converting.one(convert_ask(converting, account, MILES, 200))
    returned = converting.one(converting.return_ask(made.transaction_id))
    assert returned.outcome == Outcome.NOT_RETURNABLE
    corrected = converting.one(converting.adjust_ask(account, 200, corrects=made.transaction_id))
    assert (corrected.decision, corrected.posted) == (Decision.APPROVED, 250)
    again = converting.one(converting.adjust_ask(account, 1, corrects=made.transaction_id))
    assert again.outcome == Outcome.CORRECTION_ABOVE_ORIGINAL
    with explained(converting) as legs:
        assert all(each.reproduced for each in legs), [each.differences for each in legs]


def test_a_retry_gets_the_first_answer_and_another_request_none(converting: Ledger) -> None:
    account = converting.member()
    converting.accrue(account, 40_00)
    first = converting.one(convert_ask(converting, account, MILES, 200, key="one"))
    converting.clock.moment += DAY
    again = converting.one(convert_ask(converting, account, Conversion("MILES", 60, "miles"), 200, key="one"))
    assert (again.transaction_id, again.replayed) == (first.transaction_id, True)
    redemption = converting.one(converting.authorise_ask(account, 200, "one", redemption_type="MILES"))
    assert redemption.outcome == Outcome.KEY_REUSED
    assert converting.balance(account).posted == 300


def test_what_is_kept_of_a_conversion_is_read_back_and_nothing_else_is() -> None:
    assert decode_conversion(MILES.encode()) == MILES
    for wrong in (b"", b"[]", b'{"code":"a","units":1}', b'{"code":"a","unit":1,"units":1}', MILES.encode() + b"}"):
        with pytest.raises(ValueError, match=r"conversion|Expecting|Extra data"):
            decode_conversion(wrong)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ("points = 0", "program.conversion[1].points"),
        ("gives = 0", "program.conversion[1].gives"),
        ('unit = ""', "program.conversion[1].unit"),
        ("points_min = 150", "program.conversion[1].points_min: must be a multiple of points"),
        ("points_min = 300\npoints_max = 200", "program.conversion[1].points_min: must not be above points_max"),
        ('code = "a b"', "program.conversion[1].code"),
        ("rate = 1", "program.conversion[1].rate"),
    ],
)
def test_a_mistake_in_a_conversion_is_named(changed: str, problem: str) -> None:
    name = changed.split(" =", maxsplit=1)[0]
    lines = [line for line in CONVERSIONS.splitlines() if not line.startswith(f"{name} =")]
    with pytest.raises(ValueError, match="conversion") as refused, open_ledger(lots="\n".join([*lines, changed])):
        pass
    assert problem in str(refused.value)


def test_two_conversions_of_one_code_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="is that of another conversion"), open_ledger(lots=CONVERSIONS * 2):
        pass
