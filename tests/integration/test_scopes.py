"""Fraud rules of wider scopes: what trips them, how far their windows reach, and what they keep through changes."""

from collections.abc import Callable

import pytest

from pointguard.v1 import common_pb2
from pointguard_server.domain.codes import CodeKind, Decision, Operation, Reason
from pointguard_server.engine import scopes
from pointguard_server.engine.ask import Verdict
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.inbox import Inbox
from pointguard_server.engine.memory import Memory
from pointguard_server.rpc.encode import Encoder
from pointguard_server.velocity.scopes import IN_USE, TOTAL, ScopeArrays
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, MINUTE, SECOND, Ledger, Where

NewLedger = Callable[..., Ledger]
ANN = Where("north", "ann", "1", "grocer")
ENTITIES = {
    "PROGRAM": Where(),
    "STORE": Where(store="north"),
    "CASHIER": Where(cashier="ann"),
    "TERMINAL": Where(store="north", terminal="1"),
    "BUSINESS_UNIT": Where(unit="grocer"),
    "GROUP": Where(),
}
OTHERS = {
    "STORE": Where(store="south"),
    "CASHIER": Where(cashier="bob"),
    "TERMINAL": Where(store="south", terminal="1"),
    "BUSINESS_UNIT": Where(unit="baker"),
}


def rule(
    scope: str = "CASHIER", window: str = 'rolling = "64s"', threshold: int = 10, *, name: str = "ring",
    measure: str = "COUNT", net: str = "false", attempts: str = "ALL", duration: str = "0s",
) -> str:  # fmt: skip
    return f"""
[[fraud_rule]]
name = "{name}"
context = "REDEMPTION"
scope = "{scope}"
counts = {{ parts = ["REDEEM"], attempts = "{attempts}" }}
measure = "{measure}"
window = {{ {window} }}
threshold = {threshold}
posture = "BLOCK"
duration = "{duration}"
net_of_reversals = {net}
"""


def redeem(ledger: Ledger, where: Where = ANN, groups: tuple[str, ...] = (), points: int = 1) -> Verdict:
    """Redeem points as a member whom nobody has seen before."""
    return ledger.authorise(ledger.member(100, groups=groups), points, where=where)


@pytest.mark.parametrize("scope", ENTITIES)
def test_the_eleventh_redemption_of_an_entity_is_declined_whoever_the_members_are(
    new_ledger: NewLedger, scope: str
) -> None:
    ledger, where = new_ledger(rules=rule(scope, duration="1h")), ENTITIES[scope]
    groups = ("vip",) if scope == "GROUP" else ()
    for _ in range(10):
        assert redeem(ledger, where, groups).decision == Decision.APPROVED
    eleventh = redeem(ledger, where, groups)
    assert eleventh.decision == Decision.DECLINED
    assert [Reason(code) for code, _ in eleventh.reasons] == [Reason.FRAUD_RULE]
    assert ledger.reason_names(eleventh) == ["ring"]
    (advice,) = ledger.check(eleventh.account_id).advice
    assert (advice.measured, advice.threshold) == (11, 10)
    names = {"PROGRAM": "", "TERMINAL": "north 1", "GROUP": "vip"}
    entity = names.get(scope, next((name for name in where if name), ""))
    # So says memory, and so does what was read from the ledger.
    for _ in range(2):
        (told,) = Encoder("CAD", ledger.names.text).check(ledger.check(eleventh.account_id), "").advice
        assert (common_pb2.FraudScope.Name(told.scope), told.scope_entity) == (f"FRAUD_SCOPE_{scope}", entity)
        ledger.restart_decider()
    if scope in OTHERS:
        assert redeem(ledger, OTHERS[scope], groups).decision == Decision.APPROVED
    if scope != "PROGRAM":
        assert redeem(ledger, Where()).decision == Decision.APPROVED
    with explaining(ledger) as explainer:
        explanation = explainer.explain(eleventh.transaction_id)
    assert explanation.reproduced, explanation.differences
    assert explanation.retrial is not None
    (checked,) = explanation.retrial.checked
    assert (checked.seen, checked.forbids, checked.raises) == (11, True, True)
    assert checked.entity == entity


def test_decisions_of_one_batch_see_each_other(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule(threshold=3))
    members = [ledger.member(10) for _ in range(5)]
    verdicts = ledger.decide(*(ledger.authorise_ask(member, 1, where=ANN) for member in members))
    assert [verdict.decision for verdict in verdicts] == [1, 1, 1, 2, 2]


def test_a_member_counts_for_each_group_and_the_fullest_decides(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule("GROUP", threshold=2))
    assert redeem(ledger, groups=("staff",)).decision == Decision.APPROVED
    assert redeem(ledger, groups=("staff", "vip")).decision == Decision.APPROVED
    both = redeem(ledger, groups=("staff", "vip"))
    assert both.decision == Decision.DECLINED
    assert redeem(ledger, groups=("new",)).decision == Decision.APPROVED
    with explaining(ledger) as explainer:
        explanation = explainer.explain(both.transaction_id)
    assert explanation.reproduced, explanation.differences
    assert explanation.retrial is not None
    assert explanation.retrial.checked[0].entity == "staff"


@pytest.mark.parametrize("offset", [0, 1, SECOND // 2, SECOND - 1])
def test_a_rolling_window_reaches_back_its_length_and_never_a_bucket_more(new_ledger: NewLedger, offset: int) -> None:
    length, bucket = 64 * SECOND, SECOND
    ledger = new_ledger(rules=rule("PROGRAM", threshold=1))
    account = ledger.member(100)
    event = ledger.clock.moment = ledger.clock.moment + bucket - ledger.clock.moment % bucket + offset
    ledger.authorise(account, 1)
    leaves = event + length + bucket - offset
    assert event + length < leaves <= event + length + bucket
    decisions = []
    for ledger.clock.moment in (event + length, leaves - 1, leaves):
        decisions.append(ledger.rehearse(ledger.authorise_ask(account, 1))[0].decision)
    assert decisions == [Decision.DECLINED, Decision.DECLINED, Decision.APPROVED]


@pytest.mark.parametrize("end", ["void", "expiry", "capture of a part"])
def test_what_a_reservation_gives_back_leaves_the_window_of_its_own_time(new_ledger: NewLedger, end: str) -> None:
    ledger = new_ledger(rules=rule("STORE", 'calendar = "DAY"', 100, measure="POINTS", net="true"))
    account, other = ledger.member(1_000), ledger.member(1_000)
    reserved = ledger.authorise_reserving(account, 100, where=ANN, time_to_live=HOUR)
    assert ledger.quote(other, where=ANN).points == 0
    assert ledger.rehearse(ledger.authorise_ask(other, 1, where=ANN))[0].decision == Decision.DECLINED
    match end:
        case "void":
            ledger.void(reserved)
        case "capture of a part":
            ledger.capture(reserved, 70)
        case _:
            ledger.clock.moment += HOUR + SECOND
            ledger.lock(account)
    room = 30 if end == "capture of a part" else 100
    assert ledger.quote(other, where=ANN).points == room
    assert ledger.rehearse(ledger.authorise_ask(other, room, where=ANN))[0].decision == Decision.APPROVED
    assert ledger.authorise(other, room, where=ANN).decision == Decision.APPROVED
    ledger.clock.moment += DAY
    assert ledger.quote(other, where=ANN).points == 100


@pytest.mark.parametrize("known_by", ["memory", "a start", "a rule that is new"])
@pytest.mark.parametrize("journaled", [False, True])
def test_what_is_returned_leaves_the_wider_window_of_its_own_time(
    new_ledger: NewLedger, known_by: str, journaled: bool
) -> None:
    rules = rule("STORE", 'calendar = "DAY"', 100, measure="POINTS", net="true")
    ledger = new_ledger(rules="" if known_by == "a rule that is new" else rules, journaled=journaled)
    account, other = ledger.member(1_000), ledger.member(1_000)
    spent = ledger.authorise(account, 50, where=ANN)
    captured = ledger.capture(ledger.authorise_reserving(account, 40, where=ANN), 30)
    # Neither the account's events in memory nor the place of the return say where it was.
    ledger.decider.memory.evict([account])
    ledger.give_back(spent, points=20)
    for points in (10, 0):
        ledger.give_back(captured, points=points)
    match known_by:
        case "a start":
            ledger.restart_decider()
        case "a rule that is new":
            ledger.change(rules=rules)
    assert ledger.quote(other, where=ANN).points == 70
    assert ledger.rehearse(ledger.authorise_ask(other, 71, where=ANN))[0].decision == Decision.DECLINED
    assert ledger.authorise(other, 70, where=ANN).decision == Decision.APPROVED
    ledger.clock.moment += DAY
    ledger.give_back(spent)
    assert ledger.quote(other, where=ANN).points == 100
    with explaining(ledger) as explainer:
        assert all(each.reproduced for each in explainer.all_legs())


@pytest.mark.parametrize("known_by", ["memory", "a start", "a rule that is new"])
@pytest.mark.parametrize("waits", [HOUR, 20 * DAY])
def test_a_reservation_in_parts_counts_in_a_wider_window_until_all_of_it_is_given_back(
    new_ledger: NewLedger, known_by: str, waits: int
) -> None:
    rules = rule("STORE", 'rolling = "30d"', 2, net="true")
    ledger = new_ledger(rules="" if known_by == "a rule that is new" else rules)
    account, other = ledger.member(1_000), ledger.member(1_000)
    held = ledger.authorise_reserving(account, 50, where=ANN, time_to_live=2 * DAY)
    parts = [ledger.capture(held, points, keep_open=True) for points in (10, 15)]
    ledger.give_back(parts[0])
    ledger.void(held)
    # Of an authorise of long ago memory has no event any more.
    ledger.clock.moment += waits
    match known_by:
        case "a start":
            ledger.restart_decider()
        case "a rule that is new":
            ledger.change(rules=rules)
    ledger.give_back(parts[1], points=14)
    assert ledger.authorise(other, 1, where=ANN).decision == Decision.APPROVED
    assert ledger.rehearse(ledger.authorise_ask(other, 1, where=ANN))[0].decision == Decision.DECLINED
    assert ledger.rehearse(ledger.authorise_ask(account, 1, where=ANN))[0].decision == Decision.DECLINED
    ledger.give_back(parts[1], points=1)
    assert ledger.authorise(other, 1, where=ANN).decision == Decision.APPROVED
    with explaining(ledger) as explainer:
        assert all(each.reproduced for each in explainer.all_legs())


def test_a_quote_that_names_nobody_of_the_scope_is_not_bound_by_it(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule(threshold=0))
    account = ledger.member(100)
    assert ledger.quote(account, where=ANN).points == 0
    assert ledger.quote(account, where=Where(store="north")).points == 100


@pytest.mark.parametrize("journaled", [False, True])
def test_a_rule_that_is_new_counts_what_the_ledger_has(new_ledger: NewLedger, journaled: bool) -> None:
    ledger = new_ledger(journaled=journaled)
    for _ in range(4):
        redeem(ledger)
    reserved = ledger.authorise_reserving(ledger.member(100), 1, where=ANN)
    ledger.change(rules=rule(window='rolling = "7d"', threshold=5, net="true", attempts="APPROVED"))
    assert redeem(ledger).decision == Decision.DECLINED
    ledger.void(reserved)
    assert redeem(ledger).decision == Decision.APPROVED
    assert redeem(ledger).decision == Decision.DECLINED


def test_a_change_keeps_the_counts_of_rules_that_count_as_before_and_reads_nothing(
    new_ledger: NewLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = new_ledger(rules=rule("STORE", name="store") + rule("TERMINAL", threshold=50, name="terminal"))
    for _ in range(3):
        redeem(ledger)
    monkeypatch.setattr(type(ledger.database), "legs_after", lambda *_: pytest.fail("was read"))
    ledger.change(rules=rule("STORE", threshold=3, name="stricter"))
    assert [rule_id for _, rule_id in redeem(ledger).reasons] == [ledger.code(CodeKind.RULE, "stricter")]
    assert len(ledger.decider.memory.scopes) == 1


def test_rings_that_hold_nothing_any_more_make_room_for_others(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule() + rule("TERMINAL", 'calendar = "DAY"', name="terminal"))
    account = ledger.member(10_000)
    rings = ledger.decider.memory.scopes
    for number in range(3 * scopes.FEWEST):
        ledger.authorise(account, 1, where=Where(store="north", cashier=f"c{number}", terminal="1"))
        ledger.clock.moment += MINUTE
    assert len(rings) <= scopes.FEWEST
    assert len(rings.arrays.rings) == scopes.FEWEST
    for number in range(3 * scopes.FEWEST):
        ledger.authorise(account, 1, where=Where(store="north", cashier=f"d{number}", terminal="1"))
    assert len(rings) > 3 * scopes.FEWEST
    assert ledger.decide(
        *(ledger.authorise_ask(account, 1, where=Where(cashier="d7")) for _ in range(10))
    )[-1].decision == Decision.DECLINED  # fmt: skip


# ----------------------------------------------------------------------------------------------- while it is not known


def start_uncounted(ledger: Ledger) -> None:
    """Start again, with no time to count the ledger."""
    memory = Memory(100, ledger.programs.measures_max, ledger.programs.counters_max)
    ledger.decider = Decider(ledger.store, memory, ledger.programs, ledger.clock, count_s=0.0)


@pytest.mark.parametrize(
    ("mode", "decision", "reason"),
    [("CLOSED", Decision.DECLINED, Reason.RULE_UNAVAILABLE), ("OPEN", Decision.APPROVED, Reason.RULE_SKIPPED)],
)
def test_what_nobody_knows_fails_open_or_closed_as_the_program_says_and_the_answer_tells(
    new_ledger: NewLedger, mode: str, decision: Decision, reason: Reason
) -> None:
    fail = f'[program.fraud]\nfail = {{ redemption = "{mode}" }}\n'
    ledger = new_ledger(rules=fail + rule(threshold=3, duration="1h"))
    for _ in range(3):
        redeem(ledger)
    account = ledger.member(100)
    start_uncounted(ledger)
    found = ledger.authorise(account, 1, where=ANN)
    assert (found.decision, [Reason(code) for code, _ in found.reasons]) == (decision, [reason])
    assert ledger.reason_names(found) == ["ring"]
    quote = ledger.quote(account, where=ANN)
    assert reason in [Reason(code) for code, _ in quote.reasons]
    assert (quote.points == 0) == (mode == "CLOSED")
    assert not ledger.check(account).advice
    # Without a cashier, the rule does not look at it.
    assert not ledger.authorise(account, 1).reasons
    assert list(ledger.decider.totals.unavailable.values()) == [1]
    recount = ledger.decider.recounting
    assert recount is not None
    ledger.decider.take_counted(recount)
    tripped = ledger.authorise(account, 1, where=ANN)
    assert [Reason(code) for code, _ in tripped.reasons] == [Reason.FRAUD_RULE]
    (advice,) = ledger.check(account).advice
    # What was decided meanwhile has been counted, too.
    assert advice.measured == 5
    with explaining(ledger) as explainer:
        explanation = explainer.explain(found.transaction_id)
        assert all(each.reproduced for each in explainer.all_legs())
    assert explanation.retrial is not None
    (checked,) = explanation.retrial.checked
    assert (checked.unavailable, checked.seen, checked.forbids) == (True, None, mode == "CLOSED")


@pytest.mark.parametrize(
    ("mode", "decision", "reason"),
    [("CLOSED", Decision.DECLINED, Reason.RULE_UNAVAILABLE), ("OPEN", Decision.APPROVED, Reason.RULE_SKIPPED)],
)
def test_wider_rules_fail_open_or_closed_for_a_hurried_request_and_count_it(
    new_ledger: NewLedger, mode: str, decision: Decision, reason: Reason
) -> None:
    fail = f'[program.fraud]\nfail = {{ redemption = "{mode}" }}\n'
    ledger = new_ledger(rules=fail + rule(threshold=3, duration="1h"))
    for _ in range(3):
        redeem(ledger)
    account, inbox = ledger.member(100), Inbox()
    for _ in range(2):
        inbox.put(ledger.authorise_ask(account, 1, where=ANN))
    inbox.put(ledger.read_ask(Operation.QUOTE, account, where=ANN))
    inbox.hurry(0, 1)
    inbox.hurry(2, 1)
    hurried, judged, quote = ledger.decider.decide_inbox(inbox).verdicts()
    assert (hurried.decision, [Reason(code) for code, _ in hurried.reasons]) == (decision, [reason])
    assert [Reason(code) for code, _ in judged.reasons] == [Reason.FRAUD_RULE]
    assert reason in [Reason(code) for code, _ in quote.reasons]
    (advice,) = ledger.check(account).advice
    assert advice.measured == 5, "the one that was not looked at counts"
    with explaining(ledger) as explainer:
        assert all(each.reproduced for each in explainer.all_legs())


def test_an_uncounted_start_knows_in_the_end_what_one_that_counted_does(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules="".join(rule(scope, 'rolling = "1h"', name=f"of-{scope}") for scope in ENTITIES))
    for number in range(6):
        redeem(ledger, ANN, ("vip",) if number % 2 else ())
    start_uncounted(ledger)
    assert len(ledger.decider.memory.scopes.uncounted) == len(ENTITIES)
    for _ in range(2):
        redeem(ledger, ANN, ("vip",))
    assert ledger.decider.recounting is not None
    ledger.decider.take_counted(ledger.decider.recounting)
    assert not ledger.decider.memory.scopes.uncounted
    ours = ledger.decider.memory.scopes.arrays
    ledger.restart_decider()
    counted = ledger.decider.memory.scopes.arrays

    def held(arrays: ScopeArrays) -> list[list[int]]:
        return sorted(arrays.rings[: arrays.counts[IN_USE], : TOTAL + 1].tolist())

    assert held(ours) == held(counted)


def test_rules_that_change_while_nobody_knows_keep_what_is_not_known(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=rule(threshold=3))
    for _ in range(4):
        redeem(ledger)
    start_uncounted(ledger)
    ledger.change(rules=rule(threshold=3) + rule("STORE", threshold=3, name="new"))
    # The rule that is new was counted for its own sake; the other one goes on being counted.
    found = redeem(ledger)
    assert [Reason(code) for code, _ in found.reasons] == [Reason.FRAUD_RULE, Reason.RULE_UNAVAILABLE]
    assert ledger.reason_names(found)[1] == "ring"
