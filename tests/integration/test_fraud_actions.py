"""What a fraud rule does that trips, by its posture, at its threshold and above; cases, and how they are resolved."""

from collections.abc import Callable

import pytest

from pointguard_server.domain.codes import (
    AdviceEvent,
    CaseOutcome,
    Context,
    Decision,
    Factor,
    Operation,
    Outcome,
    Posture,
    Reason,
)
from pointguard_server.engine.ask import Verdict
from tests.integration.audit import audit
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, SECOND, Ledger

APPROVED, DECLINED = Decision.APPROVED, Decision.DECLINED
PIN = 'posture = "STEP_UP"\nstep_up = "PIN"'


def a_rule(action: str, name: str = "eager", duration: str = "1d", more: str = "") -> str:
    """A rule that the third redemption within a week trips."""
    return f"""
[[fraud_rule]]
name = "{name}"
context = "REDEMPTION"
counts = {{ parts = ["REDEEM"], attempts = "ALL" }}
measure = "COUNT"
window = {{ rolling = "7d" }}
threshold = 2
duration = "{duration}"
include_blocked = true
{action if "posture" in action else f'posture = "{action}"'}
{more}
"""


def codes(verdict: Verdict) -> list[Reason]:
    """The reasons' codes, the deciding one first."""
    return [Reason(code) for code, _ in verdict.reasons]


def redeem(ledger: Ledger, account: int, times: int = 1, verified: Factor | None = None) -> Verdict:
    """Redeem a point so many times; return the last answer."""
    verdicts = []
    for _ in range(times):
        ledger.clock.moment += SECOND
        verdicts.append(ledger.authorise(account, 1, verified=verified))
    return verdicts[-1]


def open_case(ledger: Ledger, account: int) -> bytes:
    """Trip a rule that opens a case; return the case."""
    redeem(ledger, account, 3)
    (case,) = ledger.check(account).advice
    return case.advice_id


def resolve(
    ledger: Ledger, account: int, case: bytes, outcome: CaseOutcome, author: str = "a", key: str = "k"
) -> Verdict:
    return ledger.one(ledger.resolve_ask(account, case, outcome, author, key))


def audit_and_explain(ledger: Ledger) -> None:
    """Every row holds together, and every decision comes out again from the ledger alone."""
    audit(ledger)
    with explaining(ledger) as explainer:
        for explanation in explainer.all_legs():
            assert explanation.reproduced, (explanation.differences, explanation.stored.leg)


# ------------------------------------------------------------------------------------------------------------ postures


@pytest.mark.parametrize(
    ("action", "tripping", "after", "purchase"),
    [
        ("LOG", (APPROVED, []), (APPROVED, []), (APPROVED, [])),
        ("WARN", (APPROVED, [Reason.FRAUD_WARNING]), (APPROVED, [Reason.FRAUD_WARNING]), (APPROVED, [])),
        ("REVIEW", (APPROVED, [Reason.UNDER_REVIEW]), (APPROVED, [Reason.UNDER_REVIEW]), (APPROVED, [])),
        (PIN, (DECLINED, [Reason.STEP_UP_PIN]), (DECLINED, [Reason.STEP_UP_PIN]), (APPROVED, [])),
        (
            "BLOCK",
            (DECLINED, [Reason.FRAUD_RULE]),
            (DECLINED, [Reason.ADVICE_BLOCK, Reason.FRAUD_RULE]),
            (APPROVED, []),
        ),
        (
            "REVIEW_BLOCK",
            (DECLINED, [Reason.FRAUD_RULE]),
            (DECLINED, [Reason.ADVICE_BLOCK, Reason.FRAUD_RULE]),
            (APPROVED, []),
        ),
        ("LOCK", (DECLINED, [Reason.REDEMPTION_LOCKED]), (DECLINED, [Reason.REDEMPTION_LOCKED]), (APPROVED, [])),
        (
            "SUSPEND",
            (DECLINED, [Reason.ACCOUNT_SUSPENDED]),
            (DECLINED, [Reason.ACCOUNT_SUSPENDED]),
            (DECLINED, [Reason.ACCOUNT_SUSPENDED]),
        ),
    ],
)
def test_a_posture_does_what_it_says_from_the_first_transaction_above_the_threshold_on(
    new_ledger: Callable[..., Ledger],
    action: str,
    tripping: tuple[Decision, list[Reason]],
    after: tuple[Decision, list[Reason]],
    purchase: tuple[Decision, list[Reason]],
) -> None:
    ledger = new_ledger(rules=a_rule(action))
    account = ledger.member(100)
    for below in (redeem(ledger, account), redeem(ledger, account)):
        assert (below.decision, codes(below)) == (APPROVED, [])
    above = redeem(ledger, account)
    assert (above.decision, codes(above)) == tripping
    ledger.restart_decider()
    again = redeem(ledger, account)
    assert (again.decision, codes(again)) == after
    bought = ledger.accrue(account, 100)
    assert (bought.decision, codes(bought)) == purchase
    assert {ledger.names.text(rule_id) for _, rule_id in (*above.reasons, *again.reasons)} <= {"eager"}
    audit_and_explain(ledger)


def test_every_rule_that_trips_is_named_the_strongest_posture_first(new_ledger: Callable[..., Ledger]) -> None:
    actions = ("WARN", "REVIEW", PIN, "BLOCK", "LOCK", "SUSPEND", "LOG")
    ledger = new_ledger(rules="".join(a_rule(action, f"rule-{number}", "0s") for number, action in enumerate(actions)))
    account = ledger.member(100)
    above = redeem(ledger, account, 3)
    assert codes(above) == [
        Reason.ACCOUNT_SUSPENDED,
        Reason.REDEMPTION_LOCKED,
        Reason.FRAUD_RULE,
        Reason.STEP_UP_PIN,
        Reason.UNDER_REVIEW,
        Reason.FRAUD_WARNING,
    ]
    assert ledger.reason_names(above) == ["rule-5", "rule-4", "rule-3", "rule-2", "rule-1", "rule-0"]
    audit_and_explain(ledger)


def test_a_lock_or_a_suspension_by_a_rule_ends_with_its_duration(new_ledger: Callable[..., Ledger]) -> None:
    for posture in ("LOCK", "SUSPEND"):
        ledger = new_ledger(rules=a_rule(posture, duration="1h").replace('"7d"', '"10s"'))
        account = ledger.member(100)
        redeem(ledger, account, 3)
        (advice,) = ledger.check(account).advice
        assert (advice.posture, ledger.quote(account).points) == (Posture[posture], 0)
        ledger.clock.moment = advice.ends_at - 1
        assert ledger.authorise(account, 1).decision == DECLINED
        ledger.clock.moment = advice.ends_at + 60 * SECOND
        assert ledger.authorise(account, 1).decision == APPROVED
        audit_and_explain(ledger)


def test_a_suspending_rule_stops_any_transaction_that_trips_it(new_ledger: Callable[..., Ledger]) -> None:
    shopper = a_rule("SUSPEND").replace('parts = ["REDEEM"]', 'kinds = ["PURCHASE"]')
    ledger = new_ledger(rules=shopper)
    account = ledger.member(100)
    verdicts = [ledger.accrue(account, 100) for _ in range(3)]
    assert [(verdict.decision, codes(verdict)) for verdict in verdicts] == [
        (APPROVED, []), (APPROVED, []), (DECLINED, [Reason.ACCOUNT_SUSPENDED]),
    ]  # fmt: skip
    assert codes(ledger.authorise(account, 1)) == [Reason.ACCOUNT_SUSPENDED]
    audit_and_explain(ledger)


# ------------------------------------------------------------------------------------------------------------- step up


def test_a_step_up_lets_pass_whom_the_till_has_verified_by_its_factor(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=a_rule(PIN))
    account = ledger.member(100)
    asked = redeem(ledger, account, 3)
    assert (asked.decision, codes(asked)) == (DECLINED, [Reason.STEP_UP_PIN])
    (advice,) = ledger.check(account).advice
    assert (advice.posture, advice.factor) == (Posture.STEP_UP, Factor.PIN)
    assert codes(redeem(ledger, account, verified=Factor.ID_DOCUMENT)) == [Reason.STEP_UP_PIN]
    verified = redeem(ledger, account, verified=Factor.PIN)
    assert (verified.decision, codes(verified)) == (APPROVED, [])
    assert codes(redeem(ledger, account)) == [Reason.STEP_UP_PIN], "each transaction is verified by itself"
    quoted = ledger.quote(account)
    assert (quoted.points, codes(quoted)) == (97, [Reason.INSUFFICIENT_POINTS, Reason.STEP_UP_PIN])
    audit_and_explain(ledger)


def test_a_factor_does_not_lift_a_block_and_a_partial_approval_needs_it_too(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=a_rule(PIN), controls='daily_cap = { money_minor = 50, posture = "BLOCK" }\n')
    account = ledger.member(100)
    redeem(ledger, account, 2)
    asked = ledger.authorise(account, 80, partial=True)
    assert (asked.decision, codes(asked)) == (DECLINED, [Reason.DAILY_REDEMPTION_CAP, Reason.STEP_UP_PIN])
    partial = ledger.authorise(account, 80, partial=True, verified=Factor.PIN)
    assert (partial.decision, partial.points) == (APPROVED, 48)
    ledger.one(ledger.raise_ask(account))
    assert codes(redeem(ledger, account, verified=Factor.PIN))[0] == Reason.ADVICE_BLOCK
    audit_and_explain(ledger)


def test_a_step_up_by_hand_takes_any_factor(ledger: Ledger) -> None:
    account = ledger.member(100)
    ledger.one(ledger.raise_ask(account, posture=Posture.STEP_UP))
    assert codes(redeem(ledger, account)) == [Reason.STEP_UP]
    assert redeem(ledger, account, verified=Factor.SUPERVISOR).decision == APPROVED
    audit_and_explain(ledger)


def test_a_control_can_ask_for_a_factor(new_ledger: Callable[..., Ledger]) -> None:
    document = 'out_of_province = { posture = "STEP_UP", step_up = "ID_DOCUMENT" }\n'
    ledger = new_ledger(controls=document)
    account = ledger.member(100, "CA-ON")
    assert codes(ledger.authorise(account, 1, province="CA-QC")) == [Reason.STEP_UP_ID_DOCUMENT]
    assert ledger.authorise(account, 1, province="CA-QC", verified=Factor.ID_DOCUMENT).decision == APPROVED
    assert ledger.authorise(account, 1, province="CA-ON").decision == APPROVED
    audit_and_explain(ledger)


# --------------------------------------------------------------------------------------------------------------- cases


@pytest.mark.parametrize("restarted", [False, True])
def test_a_rule_has_one_case_open_until_it_is_resolved(new_ledger: Callable[..., Ledger], restarted: bool) -> None:
    ledger = new_ledger(rules=a_rule("REVIEW", duration="0s"), journaled=True)
    account = ledger.member(100)
    case = open_case(ledger, account)
    ledger.clock.moment += 400 * DAY
    redeem(ledger, account, 4)
    if restarted:
        ledger.restart_decider()
    (still,) = ledger.check(account).advice
    assert (still.advice_id, still.measured) == (case, 3)
    assert resolve(ledger, account, case, CaseOutcome.CONFIRMED_FRAUD).decision == APPROVED
    assert ledger.check(account).advice == ()
    assert codes(redeem(ledger, account)) == [Reason.UNDER_REVIEW], "the rule trips again at once"
    (again,) = ledger.check(account).advice
    assert again.advice_id != case
    assert [row["event"] for row in ledger.rows("advice")] == [1, AdviceEvent.RESOLVED, 1]
    audit_and_explain(ledger)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_false_positive_lets_the_rule_rest_for_its_duration(
    new_ledger: Callable[..., Ledger], restarted: bool
) -> None:
    ledger = new_ledger(rules=a_rule("REVIEW_BLOCK", duration="1h"))
    account = ledger.member(100)
    case = open_case(ledger, account)
    assert codes(redeem(ledger, account)) == [Reason.ADVICE_BLOCK, Reason.FRAUD_RULE]
    resolve(ledger, account, case, CaseOutcome.FALSE_POSITIVE)
    resolved_at = ledger.decider.heads.accepted_at
    if restarted:
        ledger.restart_decider()
    for moment in (resolved_at + SECOND, resolved_at + HOUR - 1):
        ledger.clock.moment = moment
        assert (ledger.authorise(account, 1).decision, ledger.check(account).advice) == (APPROVED, ())
    ledger.clock.moment = resolved_at + HOUR
    assert codes(ledger.authorise(account, 1)) == [Reason.FRAUD_RULE]
    audit_and_explain(ledger)


def test_four_eyes_resolve_a_case_by_two_authors_with_two_keys_who_say_the_same(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(rules=a_rule("REVIEW_BLOCK", more="four_eyes = true"))
    account = ledger.member(100)
    case = open_case(ledger, account)
    fraud, none = CaseOutcome.CONFIRMED_FRAUD, CaseOutcome.FALSE_POSITIVE
    assert resolve(ledger, account, case, fraud, "a", "key a").decision == Decision.REVIEW
    for author, key in (("a", "key a"), ("a", "key b"), ("b", "key a")):
        assert resolve(ledger, account, case, fraud, author, key).outcome == Outcome.FOUR_EYES
    assert redeem(ledger, account).decision == DECLINED, "a proposal changes nothing"
    ledger.restart_decider()
    assert resolve(ledger, account, case, none, "b", "key b").decision == Decision.REVIEW, "another outcome"
    assert resolve(ledger, account, case, fraud, "b", "key b").decision == Decision.REVIEW, "on second thoughts"
    assert resolve(ledger, account, case, fraud, "a", "key a").decision == APPROVED
    assert resolve(ledger, account, case, fraud, "c", "key c").outcome == Outcome.CASE_RESOLVED
    assert ledger.decider.totals.declines[Operation.RESOLVE_CASE].sum() == 0
    audit_and_explain(ledger)


def test_a_resolution_is_answered_again_as_it_was(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=a_rule("REVIEW", more="four_eyes = true"))
    account = ledger.member(100)
    ask = ledger.resolve_ask(account, open_case(ledger, account), CaseOutcome.INCONCLUSIVE, key="resolve")
    first = ledger.one(ask)
    assert ledger.one(ask) == first._replace(leg_row=-1, first_entry=0, replayed=True)


def test_a_case_is_neither_overridden_nor_removed_and_other_advice_is_no_case(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(rules=a_rule("REVIEW"))
    account = ledger.member(100)
    case = open_case(ledger, account)
    for operation in (Operation.OVERRIDE_ADVICE, Operation.REMOVE_ADVICE):
        assert ledger.one(ledger.settle_ask(operation, account, case)).outcome == Outcome.ADVICE_IS_CASE
    by_hand = ledger.one(ledger.raise_ask(account, posture=Posture.WARN)).transaction_id
    assert resolve(ledger, account, by_hand, CaseOutcome.INCONCLUSIVE).outcome == Outcome.CASE_RESOLVED
    assert [row["event"] for row in ledger.rows("advice")] == [AdviceEvent.RAISED] * 2


def test_a_redemption_and_a_resolution_in_one_batch_are_decided_in_their_order(
    new_ledger: Callable[..., Ledger],
) -> None:
    for resolved_first in (True, False):
        ledger = new_ledger(rules=a_rule("REVIEW_BLOCK"))
        account = ledger.member(100)
        end = ledger.resolve_ask(account, open_case(ledger, account), CaseOutcome.FALSE_POSITIVE)
        spend = ledger.authorise_ask(account, 1)
        verdicts = ledger.decide(*((end, spend) if resolved_first else (spend, end)))
        assert verdicts[1 if resolved_first else 0].decision == (APPROVED if resolved_first else DECLINED)
        audit_and_explain(ledger)


def test_a_rule_that_no_longer_opens_cases_leaves_those_that_are_open(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=a_rule("REVIEW"))
    account = ledger.member(100)
    case = open_case(ledger, account)
    ledger.change(rules=a_rule("BLOCK", more="extends = true"))
    assert codes(redeem(ledger, account)) == [Reason.FRAUD_RULE, Reason.UNDER_REVIEW]
    (still,) = ledger.check(account).advice
    assert (still.advice_id, still.posture) == (case, Posture.REVIEW)
    ledger.change(rules="")
    assert resolve(ledger, account, case, CaseOutcome.FALSE_POSITIVE).decision == APPROVED
    audit_and_explain(ledger)


def test_a_case_bears_on_the_context_of_its_rule_alone(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=a_rule("REVIEW_BLOCK"))
    account = ledger.member(100)
    open_case(ledger, account)
    assert ledger.one(ledger.read_ask(Operation.CHECK, account)).advice[0].context == Context.REDEMPTION
    assert ledger.accrue(account, 100).decision == APPROVED
