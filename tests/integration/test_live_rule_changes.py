"""A program that changes while it decides: from the next batch on, all is as after a restart with the new program."""

import random
from collections.abc import Callable

import pytest

from pointguard_server.domain.codes import CodeKind, Decision
from pointguard_server.engine.ask import Ask, Verdict
from tests.support.ledger import DAY, EARN, HOUR, MINUTE, Ledger
from tests.support.recount import window_values

FRAUD_RULE = """
[[fraud_rule]]
name = "{name}"
context = "REDEMPTION"
counts = {{ parts = ["REDEEM"], attempts = "{attempts}" }}
measure = "{measure}"
window = {window}
threshold = {threshold}
posture = "{posture}"
duration = "{duration}"
net_of_reversals = {net}
"""


def fraud_rule(
    window: str, threshold: int, *, name: str = "burn", measure: str = "COUNT", attempts: str = "ALL",
    posture: str = "BLOCK", duration: str = "0s", net: str = "false",
) -> str:  # fmt: skip
    return FRAUD_RULE.format(
        window=window, threshold=threshold, name=name, measure=measure, attempts=attempts, posture=posture,
        duration=duration, net=net,
    )  # fmt: skip


def rolling(days: int) -> str:
    return f'{{ rolling = "{days}d" }}'


def meaning(verdict: Verdict) -> object:
    """What a verdict says, without the id that every decision gets afresh."""
    return (
        verdict.outcome, verdict.decision, verdict.reasons, verdict.points, verdict.posted, verdict.reserved,
        [(entry.rule_id, entry.signed_points) for entry in verdict.entries],
        [(advice.rule_id, advice.measured, advice.threshold) for advice in verdict.advice],
    )  # fmt: skip


def decide_as_restarted(ledger: Ledger, ask: Ask) -> Verdict:
    """Decide, and hold it against what a server that has just started would have decided."""
    expected = meaning(ledger.rehearse(ask)[0])
    verdict = ledger.one(ask)
    assert meaning(verdict) == expected
    return verdict


def test_earn_rules_change_between_two_batches_and_the_legs_say_so(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger()
    account = ledger.member()
    before = ledger.accrue(account, 1_000)
    ledger.change(earn='rule "base"\n    earn base order.total * 20\nrule "more"\n    earn bonus 5\n')
    after = decide_as_restarted(ledger, ledger.accrue_ask(account, 1_000))
    assert (before.points, after.points) == (100, 205)
    first, second = ledger.legs(account)[-2:]
    assert (first["rule_set_version"], second["rule_set_version"]) == (1, 2)
    assert first["fraud_rules_version"] == second["fraud_rules_version"]
    numbers = [entry.rule_id for entry in after.entries]
    assert numbers == [ledger.code(CodeKind.RULE, name) for name in ("base", "more")]


def test_a_new_threshold_counts_what_happened_before_the_change(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=fraud_rule(rolling(7), 10))
    account = ledger.member(1_000)
    for _ in range(4):
        ledger.authorise(account, 1)
    ledger.change(rules=fraud_rule(rolling(7), 4))
    verdict = decide_as_restarted(ledger, ledger.authorise_ask(account, 1))
    assert verdict.decision == Decision.DECLINED
    leg = ledger.legs(account)[-1]
    assert leg["fraud_rules_version"] == leg["program_epoch"] == 2


def test_a_window_that_reaches_further_back_than_memory_is_read_from_the_ledger(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(rules=fraud_rule(rolling(1), 100))
    account = ledger.member(1_000)
    for _ in range(30):
        ledger.authorise(account, 1)
        ledger.clock.moment += DAY
    loads = ledger.decider.memory.loads
    ledger.change(rules=fraud_rule(rolling(28), 27))
    assert window_values(ledger, account) == ([27], [27])
    assert ledger.decider.memory.loads == loads + 1
    assert decide_as_restarted(ledger, ledger.authorise_ask(account, 1)).decision == Decision.DECLINED


def test_a_shorter_window_and_more_rules_need_no_reading(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=fraud_rule(rolling(40), 100))
    account = ledger.member(1_000)
    for _ in range(20):
        ledger.authorise(account, 2)
        ledger.clock.moment += DAY
    loads = ledger.decider.memory.loads
    more = fraud_rule(rolling(3), 100) + fraud_rule(rolling(10), 100, name="points", measure="POINTS")
    ledger.change(rules=more + fraud_rule('{ calendar = "MONTH" }', 100, name="month"))
    live, expected = window_values(ledger, account)
    assert live == expected
    assert live[:2] == [2, 18]
    assert ledger.decider.memory.loads == loads


def test_advice_that_stands_outlives_the_rule_that_raised_it(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=fraud_rule(rolling(7), 1, duration="5d"))
    account = ledger.member(100)
    for _ in range(2):
        ledger.authorise(account, 1)
    ledger.change(rules="")
    assert len(ledger.check(account).advice) == 1
    assert decide_as_restarted(ledger, ledger.authorise_ask(account, 1)).decision == Decision.DECLINED


def test_a_reservation_made_under_a_longer_limit_ends_as_it_was_made(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(
        rules=fraud_rule('{ calendar = "DAY" }', 1_000, net="true"), settings='reservation_ttl_max = "7d"'
    )
    account, other = ledger.member(1_000), ledger.member(1_000)
    reserved = ledger.authorise_reserving(account, 100, time_to_live=7 * DAY)
    ledger.change(settings='reservation_ttl_max = "1h"\nreservation_ttl_default = "1m"')
    for _ in range(6):
        ledger.clock.moment += DAY
        for _ in range(10):
            ledger.decide(ledger.authorise_ask(account, 1), ledger.authorise_ask(other, 1))
    assert ledger.capture(reserved).decision == Decision.APPROVED
    for each in (account, other):
        assert ledger.balance(each).reserved == 0
        assert window_values(ledger, each) == ([10], [10])


@pytest.mark.parametrize("seed", range(6))
def test_changes_at_random_leave_every_decision_as_after_a_restart(
    new_ledger: Callable[..., Ledger], seed: int
) -> None:
    draw = random.Random(seed)
    ledger = new_ledger(settings='reservation_ttl_max = "7d"')
    accounts = [ledger.member(10_000) for _ in range(3)]
    reserved: list[Verdict] = []

    def some_rules() -> str:
        return "".join(
            fraud_rule(
                draw.choice([rolling(draw.randint(1, 40)), '{ calendar = "DAY" }', '{ calendar = "MONTH" }']),
                draw.randint(2, 30),
                name=f"rule-{number}",
                measure=draw.choice(["COUNT", "POINTS"]),
                attempts=draw.choice(["ALL", "APPROVED"]),
                posture=draw.choice(["BLOCK", "WARN", "LOG"]),
                duration=draw.choice(["0s", "2h"]),
                net=draw.choice(["true", "false"]),
            )
            for number in range(draw.randint(0, 4))
        )

    for _ in range(12):
        ledger.change(rules=some_rules(), earn=draw.choice([EARN, 'rule "twice"\n    earn base order.total * 20\n']))
        for _ in range(8):
            ledger.clock.moment += draw.choice([MINUTE, HOUR, DAY])
            account = draw.choice(accounts)
            if reserved and draw.random() < 0.3:
                end = ledger.void if draw.random() < 0.5 else ledger.capture
                end(reserved.pop(draw.randrange(len(reserved))))
            elif draw.random() < 0.3:
                decide_as_restarted(ledger, ledger.accrue_ask(account, draw.randint(1, 5_000)))
            else:
                capture = draw.random() < 0.5
                ask = ledger.authorise_ask(
                    account, draw.randint(1, 5), capture=capture, time_to_live=0 if capture else DAY
                )
                verdict = decide_as_restarted(ledger, ask)
                if not capture and verdict.decision == Decision.APPROVED:
                    reserved.append(verdict)
        for account in accounts:
            live, expected = window_values(ledger, account)
            assert live == expected
