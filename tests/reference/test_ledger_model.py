"""Random requests against a plain-Python model of the account, with the whole ledger audited after every step."""

import copy
import dataclasses
from contextlib import ExitStack
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pointguard_server.domain.codes import (
    CASES,
    AdviceEvent,
    CaseOutcome,
    Context,
    Factor,
    Kind,
    Operation,
    Outcome,
    Posture,
    Reason,
)
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.world import RULE
from tests.integration.account_model import Account, Answer, Rule, quoted
from tests.integration.audit import audit
from tests.reference.windows import measure_of
from tests.support.ledger import DAY, HOUR, MINUTE, SECOND, Ledger, open_ledger

CONTROLS = (
    'daily_cap = { money_minor = 150, posture = "BLOCK" }\nout_of_province = { posture = "BLOCK", duration = "30m" }\n'
)
RULES = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_BURN_WEEK"
window = { rolling = "7d" }
threshold = 6
posture = "BLOCK"
duration = "2d"

[[fraud_rule]]
name = "points-in-a-month"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "APPROVED" }
measure = "POINTS"
window = { calendar = "MONTH" }
threshold = 60
posture = "WARN"
duration = "1d"
net_of_reversals = true

[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_PURCHASE_TRANSACTION_COUNT_DAY"
window = { calendar = "DAY" }
threshold = 3
posture = "BLOCK"
duration = "0s"

[[fraud_rule]]
name = "easy-come"
context = "REDEMPTION"
counts = { kinds = ["ACTIVITY"], attempts = "APPROVED" }
measure = "MONEY"
window = { rolling = "1h" }
threshold = 1500
posture = "BLOCK"
duration = "1h"

[[fraud_rule]]
name = "knocking"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "1h" }
threshold = 3
posture = "LOG"
duration = "1h"
include_blocked = true
extends = true

[[fraud_rule]]
name = "fiddling"
context = "EARNING"
counts = { kinds = ["REDEMPTION_LOCK"], attempts = "ALL" }
measure = "COUNT"
window = { calendar = "WEEK" }
threshold = 2
posture = "BLOCK"
duration = "12h"

[[fraud_rule]]
name = "hasty"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "APPROVED" }
measure = "COUNT"
window = { rolling = "10m" }
threshold = 1
posture = "STEP_UP"
step_up = "PIN"
duration = "5m"

[[fraud_rule]]
name = "thirsty"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "APPROVED" }
measure = "POINTS"
window = { rolling = "7h" }
threshold = 40
posture = "REVIEW"
duration = "1h"

[[fraud_rule]]
name = "shopper"
context = "EARNING"
counts = { kinds = ["PURCHASE"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "1h" }
threshold = 2
posture = "REVIEW_BLOCK"
four_eyes = true
duration = "10m"

[[fraud_rule]]
name = "stubborn"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "7h" }
threshold = 4
posture = "LOCK"
duration = "10m"

[[fraud_rule]]
name = "busy"
context = "EARNING"
counts = { kinds = ["PURCHASE", "ADHOC_REDEEM"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "1h" }
threshold = 5
posture = "SUSPEND"
duration = "10m"
"""
AUTHORS = ("analyst 7", "analyst 8")
PROVINCES = ("", "CA-ON", "CA-QC")
WAITS = (SECOND, 10 * MINUTE, HOUR, 7 * HOUR, DAY, 7 * DAY)

points = st.integers(1, 120)
numbers = st.integers(0, 2)
places = st.integers(0, 30)
Request = tuple[int, tuple[Any, ...]]
"""An account's number, and what is asked of it."""
requests: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("accrue"), st.integers(0, 1000), st.sampled_from((Kind.PURCHASE, Kind.ACTIVITY))),
    st.tuples(
        st.just("authorise"),
        points,
        st.sampled_from((Kind.PURCHASE, Kind.ADHOC_REDEEM)),
        st.sampled_from(PROVINCES),
        st.sampled_from((5 * MINUTE, 8 * HOUR)),
        st.booleans(),
        st.booleans(),
        st.sampled_from((None, None, Factor.PIN, Factor.SUPERVISOR)),
    ),
    st.tuples(st.just("capture"), places, st.integers(0, 60), st.booleans()),
    st.tuples(st.just("extend"), places, st.sampled_from((MINUTE, HOUR, 3 * HOUR, DAY))),
    st.tuples(st.just("void"), places),
    st.tuples(st.just("lock"), st.booleans()),
    st.tuples(st.just("suspend"), st.booleans()),
    st.tuples(
        st.just("raise"),
        st.sampled_from(Context),
        st.sampled_from((Posture.WARN, Posture.BLOCK, Posture.SUSPEND)),
        st.sampled_from((5 * MINUTE, DAY)),
    ),
    st.tuples(
        st.just("raise"),
        st.just(Context.REDEMPTION),
        st.sampled_from((Posture.STEP_UP, Posture.LOCK)),
        st.sampled_from((5 * MINUTE, DAY)),
    ),
    st.tuples(st.just("resolve"), places, st.sampled_from(CaseOutcome), st.sampled_from(AUTHORS)),
    st.tuples(st.just("override"), places),
    st.tuples(st.just("remove"), places),
)


def model_rules(ledger: Ledger) -> list[Rule]:
    """The program's rules in the model's words."""
    program = ledger.programs.programs[0]
    found = []
    for row in program.rules:
        rule = dict(zip(RULE.names or (), row, strict=True))
        found.append(
            Rule(
                ledger.names.text(rule["rule_id"]),
                measure_of(program.measures[rule["measure"]]) if rule["measure"] >= 0 else None,
                rule["threshold"],
                Posture(rule["posture"]),
                Context(rule["context"]),
                rule["duration"],
                bool(rule["extends"]),
                Reason(rule["reason"]),
                bool(rule["is_limit"]),
                Factor(rule["factor"]) if rule["factor"] else None,
                bool(rule["four_eyes"]),
            )
        )
    return found


class AccountMachine(RuleBasedStateMachine):
    """Three accounts of one program, asked one by one and in batches, forgotten, restarted and asked again."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.ledger: Ledger = self.stack.enter_context(
            open_ledger(rules=RULES, controls=CONTROLS, settings='reservation_ttl_max = "12h"')
        )
        self.ledger.clock.set("2026-10-29T20:00-04:00")
        self.accounts: list[int] = []
        self.models: list[Account] = []
        self.reservations: list[tuple[int, bytes, int]] = []  # account's number, id, seq
        self.answered: list[tuple[Ask, Verdict]] = []

    def teardown(self) -> None:
        self.stack.close()

    @initialize()
    def enroll(self) -> None:
        zone = self.ledger.programs.programs[0].zone
        for number, province in enumerate(PROVINCES):
            ask, now = self.ledger.enroll_ask(f"member {number}", province), self.coming
            verdict = self.decide(ask)[0]
            self.accounts.append(verdict.account_id)
            self.models.append(Account(model_rules(self.ledger), zone, province))
            self.compare(verdict, number, self.models[number].record_fact(now, Kind.PROFILE_UPDATE))
        self.send([(number, ("accrue", 1_000 * number, Kind.PURCHASE)) for number in range(len(PROVINCES))])

    @property
    def coming(self) -> int:
        """The moment of the next batch: time does not go back behind what was written, nor behind what was read."""
        decider = self.ledger.decider
        return max(self.ledger.clock.now(), decider.latest_moment, decider.heads.accepted_at + 1)

    def decide(self, *asks: Ask) -> list[Verdict]:
        verdicts = self.ledger.decide(*asks)
        self.answered += [(ask, each) for ask, each in zip(asks, verdicts, strict=True) if each.outcome == Outcome.DONE]
        return verdicts

    # ----------------------------------------------------------------------------------------------------------- rules

    @rule(batch=st.lists(st.tuples(numbers, requests), min_size=3, max_size=8))
    def send_at_once(self, batch: list[Request]) -> None:
        self.send(batch)

    @rule(number=numbers, request=requests)
    def send_one(self, number: int, request: tuple[Any, ...]) -> None:
        self.send([(number, request)])

    @rule(
        spaced=st.lists(st.tuples(st.sampled_from((0, 0, SECOND, *WAITS)), numbers, requests), min_size=4, max_size=12)
    )
    def send_one_after_another(self, spaced: list[tuple[int, int, tuple[Any, ...]]]) -> None:
        for wait, number, request in spaced:
            self.ledger.clock.moment += wait
            self.send([(number, request)])

    def send(self, batch: list[Request]) -> None:
        plans = [self.plan(number, *request) for number, request in batch]
        plans = [plan for plan in plans if plan is not None]
        if not plans:
            return
        now = self.coming
        verdicts = self.decide(*(ask for ask, _, _ in plans))
        for (ask, number, expect), verdict in zip(plans, verdicts, strict=True):
            answer = expect(now)
            self.compare(verdict, number, answer)
            if verdict.expires_at and ask.fields[0] == Operation.AUTHORISE:
                self.reservations.append((number, verdict.transaction_id, verdict.seq))

    def plan(self, number: int, name: str, *rest: Any) -> Any:
        """An ask, the account's number, and what the model says to it once the moment is known."""
        ledger, account, model = self.ledger, self.accounts[number], self.models[number]
        if name == "accrue":
            cents, kind = rest
            return (
                ledger.accrue_ask(account, cents, kind=kind),
                number,
                lambda now: model.accrue(now, cents // 10, cents, kind),
            )
        if name == "authorise":
            amount, kind, store, time_to_live, capture, partial, verified = rest
            ask = ledger.authorise_ask(
                account, amount, kind=kind, province=store, time_to_live=time_to_live, capture=capture,
                partial=partial, verified=verified,
            )  # fmt: skip
            return (
                ask,
                number,
                lambda now: model.authorise(
                    now, amount, kind, store, time_to_live, verified, capture=capture, partial=partial
                ),
            )
        if name == "lock":
            return ledger.lock_ask(account, *rest), number, lambda now: self.switch(model, now, *rest)
        if name == "suspend":
            (suspended,) = rest
            return ledger.status_ask(account, suspended), number, lambda now: model.suspend(now, suspended=suspended)
        if name == "raise":
            context, posture, duration = rest
            ask = ledger.raise_ask(account, context=context, posture=posture, duration=duration)
            return ask, number, lambda now: model.raise_by_hand(now, context, posture, duration)
        if name in ("override", "remove"):
            ids = [row["advice_id"] for row in self.raised_against(account)]
            if not ids:
                return None
            place = len(ids) - 1 - rest[0] % len(ids)  # rather one of the latest, which may still stand
            operation = Operation.OVERRIDE_ADVICE if name == "override" else Operation.REMOVE_ADVICE
            end = model.override if name == "override" else model.remove
            return ledger.settle_ask(operation, account, ids[place]), number, lambda now: end(now, place)
        if name == "resolve":
            raised = self.raised_against(account)
            cases = [place for place, row in enumerate(raised) if row["posture"] in CASES]
            if not cases:
                return None
            outcome, author = rest[1:]
            place = cases[-1 - rest[0] % len(cases)]
            ask = ledger.resolve_ask(account, raised[place]["advice_id"], outcome, author, author)
            return ask, number, lambda now: model.resolve(now, place, outcome, author)
        return self.plan_about_reservation(name, *rest)

    def plan_about_reservation(self, name: str, *rest: Any) -> Any:
        """As ``plan``, of one of the reservations there were."""
        if not self.reservations:
            return None
        ledger = self.ledger
        number, reservation, seq = self.reservations[rest[0] % len(self.reservations)]
        model = self.models[number]
        if name == "capture":
            ask = ledger.end_ask(Operation.CAPTURE, reservation, rest[1], keep_open=rest[2])
            return ask, number, lambda now: model.capture(now, seq, rest[1], keep_open=rest[2])
        if name == "extend":
            ask = ledger.end_ask(Operation.EXTEND, reservation, time_to_live=rest[1])
            return ask, number, lambda now: model.extend(now, seq, rest[1], 12 * HOUR)
        return ledger.end_ask(Operation.VOID, reservation), number, lambda now: model.void(now, seq)

    def raised_against(self, account: int) -> list[dict[str, Any]]:
        """The rows by which advice was raised against an account, in order."""
        rows = self.ledger.rows("advice")
        return [row for row in rows if row["account_id"] == account and row["event"] == AdviceEvent.RAISED]

    @staticmethod
    def switch(model: Account, now: int, locked: bool) -> Answer:
        answer = model.record_fact(now, Kind.REDEMPTION_LOCK)
        model.locked = locked
        return answer

    def compare(self, verdict: Verdict, number: int, expected: Answer) -> None:
        """What the engine answered is what the model says."""
        model = self.models[number]
        assert verdict.outcome == expected.outcome
        if verdict.outcome == Outcome.DONE:
            names = frozenset((code, self.ledger.names.text(rule_id)) for code, rule_id in verdict.reasons)
            assert (verdict.decision, verdict.points, names) == (expected.decision, expected.points, expected.reasons)
            assert verdict.released == expected.released
        assert (verdict.posted, verdict.reserved, verdict.seq) == (model.posted, model.reserved, model.seq)

    @rule(wait=st.sampled_from(WAITS))
    def wait(self, wait: int) -> None:
        self.ledger.clock.moment += wait

    @rule(wait=st.sampled_from((SECOND, DAY)))
    def the_clock_steps_back(self, wait: int) -> None:
        self.ledger.clock.moment -= wait

    @rule()
    def restart(self) -> None:
        self.ledger.restart_decider()

    @rule(number=numbers)
    def evict(self, number: int) -> None:
        self.ledger.decider.memory.evict([self.accounts[number]])

    @rule(place=places)
    def replay(self, place: int) -> None:
        ask, first = self.answered[place % len(self.answered)]
        heads = self.ledger.decider.heads
        again = self.ledger.one(ask)
        assert again == first._replace(leg_row=-1, first_entry=0, replayed=True)
        assert self.ledger.decider.heads == heads

    @rule(place=places)
    def reuse_a_key(self, place: int) -> None:
        ask, _ = self.answered[place % len(self.answered)]
        heads = self.ledger.decider.heads
        other = dataclasses.replace(ask, digest=bytes(16))
        assert self.ledger.one(other).outcome == Outcome.KEY_REUSED
        assert self.ledger.decider.heads == heads

    @rule(number=numbers, store=st.sampled_from(PROVINCES))
    def quote(self, number: int, store: str) -> None:
        verdict = self.ledger.rehearse(self.ledger.read_ask(Operation.QUOTE, self.accounts[number], store))[0]
        now = self.coming
        model = copy.deepcopy(self.models[number])
        model.come_to(now)
        assert verdict.points == quoted(model, now, store)
        assert (verdict.posted, verdict.reserved) == (model.posted, model.reserved)

    @rule(number=numbers)
    def check(self, number: int) -> None:
        verdict = self.ledger.one(self.ledger.read_ask(Operation.CHECK, self.accounts[number]))
        now = self.coming
        shown = [(self.ledger.names.text(advice.rule_id), advice.ends_at) for advice in verdict.advice]
        model = self.models[number]
        stands = [(advice.name, advice.ends_at) for advice in model.standing if advice.ends_at > now]
        assert sorted(shown) == sorted(stands)

    @invariant()
    def the_ledger_is_sound(self) -> None:
        audit(self.ledger)


AccountMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=30)
TestTheEngineAgreesWithTheModel = AccountMachine.TestCase
