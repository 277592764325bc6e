"""Random lives of an account with lots against a plain-Python model, with the whole ledger audited after every step."""

import copy
from contextlib import ExitStack

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pointguard_server.domain.codes import Decision, Operation, Outcome
from pointguard_server.domain.conversions import Conversion
from pointguard_server.engine.ask import Verdict
from tests.integration.audit import audit
from tests.integration.test_conversions import convert_ask
from tests.reference.lots import LotAccount
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, MINUTE, Ledger, open_ledger

# Three lots, of which one is held back, and points that never end, of which some are held back.
EARN = """
rule "base"
    earn base order.total * 10
    expire after 3 days
rule "held back"
    when order.total > 2
    earn bonus 40
    pending 2 days
    expire after 4 days
rule "soon over"
    when order.total > 4
    earn bonus 30
    expire after 1 days
rule "for ever"
    when order.total > 6
    earn bonus 20
rule "for ever, later"
    when order.total > 8
    earn bonus 10
    pending 1 days
"""
CONVERSION = """
[[program.conversion]]
code = "MILES"
points = 1
gives = 2
unit = "miles"
"""
WAITS = (1, MINUTE, 7 * HOUR, DAY, DAY - 1, 2 * DAY)
points = st.integers(1, 150)
places = st.integers(0, 10)


def awards(cents: int, now: int) -> list[tuple[int, int, int]]:
    """What the rules give at a moment: (points, matures at, expires at)."""
    return [
        (cents // 10, 0, now + 3 * DAY),
        *([(40, now + 2 * DAY, now + 4 * DAY)] if cents > 200 else []),
        *([(30, 0, now + DAY)] if cents > 400 else []),
        *([(20, 0, 0)] if cents > 600 else []),
        *([(10, now + DAY, 0)] if cents > 800 else []),
    ]


class LotsMachine(RuleBasedStateMachine):
    """One account: it earns and spends, time goes by, memory is lost, and the sweeper looks or does not."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.ledger: Ledger
        self.model: LotAccount
        self.reservations: list[tuple[bytes, int]] = []  # id, seq

    def teardown(self) -> None:
        """Have every decision explained from the ledger alone before it goes."""
        try:
            if hasattr(self, "floor"):
                with explaining(self.ledger) as explainer:
                    for explanation in explainer.all_legs():
                        assert explanation.reproduced, (explanation.differences, explanation.stored.leg)
        finally:
            self.stack.close()

    @initialize(floor=st.sampled_from((0, 0, -100)), journaled=st.booleans())
    def enroll(self, floor: int, journaled: bool) -> None:
        self.ledger = self.stack.enter_context(
            open_ledger(earn=EARN, settings=f"points_floor = {floor}", lots=CONVERSION, journaled=journaled)
        )
        self.account = self.ledger.member()
        self.model = LotAccount(floor)
        self.floor = floor

    @property
    def coming(self) -> int:
        """The moment of the next batch."""
        return max(self.ledger.clock.now(), self.ledger.decider.heads.accepted_at + 1)

    def compare(self, verdict: Verdict, done: bool) -> None:
        """What the engine decided is what the model did, and it says the same balance."""
        assert (verdict.outcome == Outcome.DONE and verdict.decision == Decision.APPROVED) == done
        if verdict.outcome == Outcome.DONE:
            self.compare_balance(verdict, self.model)

    def compare_balance(self, verdict: Verdict, model: LotAccount) -> None:
        assert (verdict.posted, verdict.pending, verdict.reserved) == (model.posted, model.pending, model.reserved)

    # ----------------------------------------------------------------------------------------------------------- rules

    @rule(cents=st.integers(0, 1_000))
    def earn(self, cents: int) -> None:
        now = self.coming
        verdict = self.ledger.accrue(self.account, cents)
        self.model.earn(now, awards(cents, now))
        self.compare(verdict, done=True)

    @rule(amount=points)
    def redeem(self, amount: int) -> None:
        now = self.coming
        self.compare(self.ledger.authorise(self.account, amount), self.model.redeem(now, amount))

    @rule(amount=points)
    def convert(self, amount: int) -> None:
        now, made = self.coming, Conversion("MILES", 2 * amount, "miles")
        verdict = self.ledger.one(convert_ask(self.ledger, self.account, made, amount))
        self.compare(verdict, self.model.redeem(now, amount))

    @rule(amount=points, time_to_live=st.sampled_from((MINUTE, DAY, 6 * DAY)))
    def reserve(self, amount: int, time_to_live: int) -> None:
        now = self.coming
        verdict = self.ledger.authorise_reserving(self.account, amount, time_to_live=time_to_live)
        done = self.model.reserve(now, amount, verdict.seq, time_to_live)
        self.compare(verdict, done)
        if done:
            self.reservations.append((verdict.transaction_id, verdict.seq))

    @rule(place=places, amount=st.integers(1, 60), keep_open=st.booleans())
    def capture(self, place: int, amount: int, keep_open: bool = False) -> None:
        if self.reservations:
            reservation, seq = self.reservations[place % len(self.reservations)]
            now = self.coming
            verdict = self.ledger.one(self.ledger.end_ask(Operation.CAPTURE, reservation, amount, keep_open=keep_open))
            self.compare(verdict, self.model.end(now, seq, amount, keep_open=keep_open))

    @rule(place=places, time_to_live=st.sampled_from((MINUTE, DAY, 3 * DAY, 6 * DAY)))
    def extend(self, place: int, time_to_live: int) -> None:
        if self.reservations:
            reservation, seq = self.reservations[place % len(self.reservations)]
            now = self.coming
            ask = self.ledger.end_ask(Operation.EXTEND, reservation, time_to_live=time_to_live)
            self.compare(self.ledger.one(ask), self.model.extend(now, seq, time_to_live))

    @rule(place=places)
    def void(self, place: int) -> None:
        if self.reservations:
            reservation, seq = self.reservations[place % len(self.reservations)]
            now = self.coming
            self.compare(self.ledger.one(self.ledger.end_ask(Operation.VOID, reservation)), self.model.end(now, seq, 0))

    @rule(cents=st.lists(st.integers(0, 1_000), min_size=2, max_size=4), amount=points)
    def earn_and_redeem_at_once(self, cents: list[int], amount: int) -> None:
        now = self.coming
        asks = [self.ledger.accrue_ask(self.account, each) for each in cents]
        *_, verdict = self.ledger.decide(*asks, self.ledger.authorise_ask(self.account, amount))
        for each in cents:
            self.model.earn(now, awards(each, now))
        self.compare(verdict, self.model.redeem(now, amount))

    @rule(wait=st.sampled_from(WAITS))
    def wait(self, wait: int) -> None:
        self.ledger.clock.moment += wait

    @rule(before=st.sampled_from((1, 0)))
    def wait_for_what_happens_next(self, before: int) -> None:
        """Stop at the very moment, or the microsecond before it."""
        lots, now = self.model.lots, self.coming
        moments = [moment - before for lot in lots for moment in (lot.matures_at, lot.expires_at)]
        self.ledger.clock.moment = max(now, min((each for each in moments if each > now), default=now))

    @rule(
        cents=st.integers(300, 1_000), share=st.integers(2, 4), moments=st.integers(0, 4), captured=st.integers(0, 3),
        parts=st.integers(0, 2),
    )  # fmt: skip
    def reserve_and_end_after_something_has_ended(
        self, cents: int, share: int, moments: int, captured: int, parts: int
    ) -> None:
        """Hold a part of what there is, go on to one of the next moments or a bit further, capture a part or void."""
        self.earn(cents)
        amount = self.model.available // share
        if amount < 1:
            return
        self.reserve(amount, 6 * DAY)
        for _ in range(moments):
            self.wait_for_what_happens_next(0)
            self.settle()
        place = len(self.reservations) - 1
        for _ in range(parts):
            self.capture(place, max(amount // 5, 1), keep_open=True)
        if captured:
            self.capture(place, max(amount * captured // 3, 1))
        else:
            self.void(place)

    @rule()
    def settle(self) -> None:
        now = self.coming
        self.ledger.one(self.ledger.read_ask(Operation.SETTLE, self.account))
        self.model.come_to(now)

    @rule()
    def restart(self) -> None:
        self.ledger.restart_decider()

    @rule()
    def evict(self) -> None:
        self.ledger.decider.memory.evict([self.account])

    @rule()
    def restart_the_journal(self) -> None:
        if self.ledger.journal is not None:
            self.ledger.catch_up()

    # ------------------------------------------------------------------------------------------------------ invariants

    @invariant()
    def any_reader_sees_the_same(self) -> None:
        if not hasattr(self, "floor"):
            return
        ask = self.ledger.read_ask(Operation.BALANCE, self.account), self.ledger.read_ask(Operation.QUOTE, self.account)
        now = self.coming
        model = copy.deepcopy(self.model)
        model.come_to(now)
        for balance, quote in (self.ledger.rehearse(*ask), self.ledger.decide(*ask)):
            self.compare_balance(balance, model)
            assert (balance.expiring_points, balance.expiring_at) == model.next_expiry
            assert quote.points == max(model.available, 0)

    @invariant()
    def the_ledger_is_sound(self) -> None:
        if hasattr(self, "floor"):
            audit(self.ledger, self.floor)


LotsMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=15)
TestLotsAgreeWithTheModel = LotsMachine.TestCase
