"""Every decision of random histories is explained from the ledger alone, and comes out again as it was recorded."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.test_windows import CONTROLS, GUARDS, STARTS, ZONES, Player, Step, histories
from tests.support.explaining import explaining
from tests.support.ledger import Ledger, open_ledger

EARN = """
let bought = order.kind == "PURCHASE"
rule "base" earn base order.total * 10 round half_up
rule "welcome" when bought and member.days_since_enrolment < 1 earn bonus 7
rule "regular" when bought and count(purchases, 7 days) >= 2 and account.available > 50
  earn bonus 5 cap 4 per transaction
rule "spender" best of "extra" when bought and sum(money of purchases, this month) > 10.00 CAD earn targeted 3
rule "home" best of "extra" when bought and member.province == "CA-ON" earn targeted 2
rule "overflows" when bought and order.total > 8.50 CAD earn bonus 9000000000000 * account.posted
"""


class Explained(Player):
    """Plays a history, and rehearses nothing."""

    def play(self, number: int, step: Step) -> None:
        name, *rest = step
        if not self.has_done(number, name, rest) and (ask := self.ask(number, name, rest)) is not None:
            verdict = self.ledger.one(ask)
            if name == "reserve" and verdict.expires_at:
                self.reservations[number].append(verdict)


@pytest.fixture(scope="module", autouse=True)
def _rules_compiled_once() -> Iterator[None]:
    with open_ledger(earn=EARN):
        yield


def assert_reproduced(ledger: Ledger) -> None:
    with explaining(ledger) as explainer:
        for explanation in explainer.all_legs():
            assert explanation.reproduced, (explanation.differences, explanation.stored.leg)


@settings(max_examples=25)
@given(history=histories, zone=st.sampled_from(ZONES), start=st.sampled_from(STARTS))
def test_every_decision_of_a_random_history_is_reproduced(
    history: list[tuple[int, Step]], zone: str, start: str
) -> None:
    with open_ledger(earn=EARN, rules=GUARDS, controls=CONTROLS, zone=zone) as ledger:
        ledger.clock.set(start)
        player = Explained(ledger)
        for number, step in history:
            player.play(number, step)
        assert_reproduced(ledger)
