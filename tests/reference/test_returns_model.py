"""Random lives of an account whose purchases and redemptions are returned in parts, against the model of lots."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from pointguard_server.domain.codes import Operation, Outcome
from pointguard_server.engine.ask import Verdict
from tests.reference.lots import LotAccount
from tests.reference.test_lots_model import CONVERSION, EARN, LotsMachine, awards, places, points
from tests.support.ledger import DAY, open_ledger, sandboxed

GRACE = 2 * DAY
parts = st.sampled_from((0, 0, 1, 37, 150, 400))  # 0: all that is left


@dataclass
class Bought:
    """A purchase: what each award gave, as (number, points, matures at, expires at)."""

    transaction_id: bytes
    cents: int
    given: list[tuple[int, int, int, int]]
    returned: int = 0
    times: int = 0


@dataclass
class Spent:
    """A redemption: what it took of each award, in order."""

    transaction_id: bytes
    taken: list[tuple[int, int, int, int]]
    returned: int = 0

    @property
    def points(self) -> int:
        return sum(points for _, points, *_ in self.taken)


class ReturnsMachine(LotsMachine):
    """One account: all that the machine of lots does, and returns."""

    def __init__(self) -> None:
        super().__init__()
        self.bought: list[Bought] = []
        self.spent: list[Spent] = []

    @initialize(
        floor=st.sampled_from((0, -100)),
        journaled=st.booleans(),
        negative=st.booleans(),
        grace=st.sampled_from((0, GRACE)),
    )
    def enroll(self, floor: int, journaled: bool, negative: bool, grace: int) -> None:
        returns = f'[program.returns]\nnegative_balance = {str(negative).lower()}\ngrace = "{grace // DAY}d"'
        ledger = open_ledger(
            earn=EARN,
            settings=f"points_floor = {floor}",
            lots=CONVERSION,
            returns=returns,
            journaled=journaled,
            back_end=sandboxed,
        )
        self.ledger = self.stack.enter_context(ledger)
        self.account = self.ledger.member()
        self.model = LotAccount(floor)
        self.floor, self.negative, self.grace = floor, negative, grace
        self.earn(1_000)
        self.redeem(90)

    @rule(cents=st.integers(0, 1_000))
    def earn(self, cents: int) -> None:
        now, first = self.coming, self.model.numbers + 1
        verdict = self.ledger.accrue(self.account, cents)
        given = awards(cents, now)
        self.model.earn(now, given)
        self.compare(verdict, done=True)
        numbered = [(number, *award) for number, award in enumerate(given, first)]
        self.bought.append(Bought(verdict.transaction_id, cents, numbered))

    @rule(amount=points)
    def redeem(self, amount: int) -> None:
        now = self.coming
        verdict = self.ledger.authorise(self.account, amount)
        done = self.model.redeem(now, amount)
        self.compare(verdict, done)
        if done:
            self.spent.append(Spent(verdict.transaction_id, list(self.model.spent)))

    @rule(place=places, amount=st.integers(1, 60), keep_open=st.booleans())
    def capture(self, place: int, amount: int, keep_open: bool = False) -> None:
        if self.reservations:
            reservation, seq = self.reservations[place % len(self.reservations)]
            now = self.coming
            verdict = self.ledger.one(self.ledger.end_ask(Operation.CAPTURE, reservation, amount, keep_open=keep_open))
            done = self.model.end(now, seq, amount, keep_open=keep_open)
            self.compare(verdict, done)
            if done:
                self.spent.append(Spent(verdict.transaction_id, list(self.model.spent)))

    def refuse(self, verdict: Verdict) -> None:
        """Nothing was returned: more was asked for than is left."""
        assert verdict.outcome == Outcome.RETURN_ABOVE_ORIGINAL

    @rule(place=places, part=parts)
    def return_of_a_purchase(self, place: int, part: int) -> None:
        if not self.bought:
            return
        bought = self.bought[place % len(self.bought)]
        left = bought.cents - bought.returned
        money, now = part or left, self.coming
        verdict = self.ledger.one(self.ledger.return_ask(bought.transaction_id, money=part))
        self.model.come_to(now)
        if money > left or (left == 0 and bought.times):
            self.refuse(verdict)
            return
        before, bought.returned = bought.returned, bought.returned + money
        bought.times += 1
        due = [
            (number, _between(given, before, bought.returned, bought.cents), matures_at, expires_at)
            for number, given, matures_at, expires_at in bought.given
        ]
        taken = self.model.take_back(now, due, None if self.negative else max(self.model.available, 0))
        assert (verdict.points, verdict.money) == (taken, money)
        assert verdict.points + verdict.released == sum(points for _, points, *_ in due)
        assert not (self.negative and verdict.released)
        self.compare(verdict, done=True)

    @rule(place=places, part=parts)
    def return_of_a_redemption(self, place: int, part: int) -> None:
        if not self.spent:
            return
        spent = self.spent[place % len(self.spent)]
        left = spent.points - spent.returned
        amount, now = part or left, self.coming
        verdict = self.ledger.one(self.ledger.return_ask(spent.transaction_id, points=part))
        self.model.come_to(now)
        if amount > left or left == 0:
            self.refuse(verdict)
            return
        taken, behind, ended = [], 0, 0
        for number, of_lot, matures_at, expires_at in reversed(spent.taken):
            piece = max(min(spent.returned + amount, behind + of_lot) - max(spent.returned, behind), 0)
            behind += of_lot
            if 0 < expires_at <= now:
                ended += piece
            elif piece:
                taken.append((number, piece, matures_at, expires_at))
        for each in reversed(taken):
            self.model.put_back(*each)
        if ended and self.grace:
            self.model.numbers += 1
            self.model.put_back(self.model.numbers, ended, 0, now + self.grace)
        spent.returned += amount
        lost = 0 if self.grace else ended
        assert (verdict.points, verdict.released) == (amount - lost, lost)
        self.compare(verdict, done=True)


def _between(total: int, before: int, after: int, whole: int) -> int:
    return total * after // whole - total * before // whole if whole else total


ReturnsMachine.TestCase.settings = settings(max_examples=10, stateful_step_count=14)
TestReturnsAgreeWithTheModel = ReturnsMachine.TestCase
