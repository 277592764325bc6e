"""Explanations of decisions whose rules a sandbox stopped: reproduced where it had little fuel, else a difference."""

from functools import partial

from pointguard_server.domain.codes import Decision, Reason
from pointguard_server.rules.sandbox_limits import DEFAULT_FUEL
from pointguard_server.service.explanation.explainer import Explanation
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
