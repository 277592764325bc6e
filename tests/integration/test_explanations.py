"""Explanations of decisions that are made at odd moments: rules stopped by their sandbox, groups that change."""

from functools import partial

from pointguard_server.domain.codes import Decision, Operation, Reason
from pointguard_server.rules.sandbox_limits import DEFAULT_FUEL
from pointguard_server.service.explanation.explainer import CONFIGURATIONS_MAX, Explanation
from tests.reference.test_backtest_history import Shopper
from tests.support.explaining import explaining
from tests.support.ledger import Ledger, open_ledger, sandboxed

RULES = """
[[fraud_rule]]
name = "own"
context = "REDEMPTION"
when = 'order.points > 50'
posture = "BLOCK"
duration = "1d"
[[fraud_rule]]
name = "told"
context = "REDEMPTION"
when = 'order.points > 60'
posture = "WARN"
duration = "1d"
"""


def decided(ledger: Ledger) -> list[tuple[int, list[int]]]:
    """Decide a purchase, and a redemption of points that were there before, with next to no fuel."""
    account = ledger.member(100)
    ledger.change(back_end=partial(sandboxed, fuel=3))
    verdicts = [ledger.accrue(account, 4_00), ledger.authorise(account, 10)]
    return [(verdict.decision, [reason for reason, _ in verdict.reasons]) for verdict in verdicts]


def explained(ledger: Ledger) -> list[Explanation]:
    with explaining(ledger) as explainer:
        return explainer.all_legs()


def isolated(fuel: int) -> str:
    return f'isolation = "WASM"\nfuel = {fuel}\n' + RULES


def test_what_a_sandbox_with_little_fuel_stopped_is_reproduced() -> None:
    with open_ledger(rules=isolated(3), back_end=sandboxed) as ledger:
        stopped = (Decision.DECLINED, [Reason.RULES_STOPPED])
        assert decided(ledger) == [stopped, stopped]
        for explanation in explained(ledger):
            assert explanation.reproduced, explanation.differences


def test_a_stop_that_no_fuel_explains_shows_as_a_difference() -> None:
    with open_ledger(rules=isolated(DEFAULT_FUEL), back_end=sandboxed) as ledger:
        assert decided(ledger)[0] == (Decision.DECLINED, [Reason.RULES_STOPPED])
        differing = [{each.part for each in explanation.differences} for explanation in explained(ledger)[-2:]]
        assert all({"decision", "reasons"} <= parts for parts in differing)


def test_a_configuration_is_checked_once_for_all_that_it_decided_and_anew_when_others_came_between() -> None:
    with open_ledger(rules=RULES) as ledger, explaining(ledger) as explainer:
        account = ledger.member(100)
        first = ledger.authorise(account, 10).transaction_id
        assert all(explanation.reproduced for explanation in explainer.all_legs())
        assert explainer.checked == 1
        for points in range(51, 51 + CONFIGURATIONS_MAX):
            ledger.change(rules=RULES.replace("50", str(points)))
            ledger.authorise(account, 1)
        assert all(explanation.reproduced for explanation in explainer.all_legs())
        assert explainer.checked == 1 + CONFIGURATIONS_MAX
        assert explainer.explain(first).reproduced
        assert explainer.checked == 2 + CONFIGURATIONS_MAX


def test_a_change_of_groups_is_judged_and_explained_by_the_groups_that_it_makes() -> None:
    rule = """
    [[fraud_rule]]
    name = "changes"
    context = "REDEMPTION"
    when = '"VIP" in member.groups'
    counts = { kinds = ["PROFILE_UPDATE"], attempts = "ALL" }
    measure = "COUNT"
    window = { rolling = "7d" }
    threshold = 0
    posture = "WARN"
    duration = "1d"
    """
    with open_ledger(rules=rule) as ledger:
        player = Shopper(ledger)
        for groups in ({"STAFF"}, {"VIP", "STAFF"}, set[str]()):
            ledger.one(player.change_of_groups(player.accounts[0], groups))
        explanations = explained(ledger)
        assert all(each.reproduced for each in explanations), [each.differences for each in explanations]
        changes = [each for each in explanations if each.stored.leg["operation"] == Operation.UPDATE_MEMBER]
        assert [len(each.stored.advice) for each in changes] == [0, 1, 0]
