"""Books of random histories, as of any moment, against plain-Python accounts that lived through them."""

import copy
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import Decision, EntryType, Operation
from pointguard_server.service.books import Liability
from tests.reference.lots import LotAccount
from tests.reference.test_lots_model import EARN, WAITS, awards
from tests.support.books import open_books
from tests.support.ledger import DAY, MINUTE, Ledger, open_ledger

Step = tuple[str, int, int]
MEMBERS = 3
steps = st.tuples(
    st.sampled_from(("earn", "earn", "redeem", "reserve", "end", "part", "extend", "settle", "wait", "wait")),
    st.integers(0, MEMBERS - 1),
    st.integers(0, 1_000),
)


@dataclass
class Lives:
    """Accounts of a ledger, and what they were at each moment that was noted, by the model alone."""

    ledger: Ledger
    floor: int
    accounts: list[int] = field(default_factory=list)
    models: list[LotAccount] = field(default_factory=list)
    reservations: list[list[tuple[bytes, int]]] = field(default_factory=list)
    noted: dict[int, list[LotAccount]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.accounts = [self.ledger.member() for _ in range(MEMBERS)]
        self.models = [LotAccount(self.floor) for _ in range(MEMBERS)]
        self.reservations = [[] for _ in range(MEMBERS)]

    @property
    def coming(self) -> int:
        return max(self.ledger.clock.now(), self.ledger.decider.heads.accepted_at + 1)

    def note(self, moment: int) -> None:
        """Note what everybody has at a moment up to which nothing more will happen."""
        models = copy.deepcopy(self.models)
        for model in models:
            model.come_to(moment)
        self.noted[moment] = models

    def take(self, step: Step) -> None:
        name, place, number = step
        account, model, open_ones = self.accounts[place], self.models[place], self.reservations[place]
        now = self.coming
        self.note(now - 1)
        if name == "wait":
            self.ledger.clock.moment = now + WAITS[number % len(WAITS)]
            self.note(now + (self.ledger.clock.moment - now) // 2)
        elif name == "earn":
            self.ledger.accrue(account, number)
            model.earn(now, awards(number, now))
        elif name == "redeem":
            verdict = self.ledger.authorise(account, number // 8 + 1)
            assert (verdict.decision == Decision.APPROVED) == model.redeem(now, number // 8 + 1)
        elif name == "reserve":
            time_to_live = (MINUTE, DAY, 6 * DAY)[number % 3]
            verdict = self.ledger.authorise_reserving(account, number // 10 + 1, time_to_live=time_to_live)
            if model.reserve(now, number // 10 + 1, verdict.seq, time_to_live):
                open_ones.append((verdict.transaction_id, verdict.seq))
        elif name == "settle":
            self.ledger.one(self.ledger.read_ask(Operation.SETTLE, account))
            model.come_to(now)
        elif name in ("part", "extend") and open_ones:
            reservation, seq = open_ones[number % len(open_ones)]
            if name == "extend":
                time_to_live = (MINUTE, DAY, 6 * DAY)[number % 3]
                self.ledger.one(self.ledger.end_ask(Operation.EXTEND, reservation, time_to_live=time_to_live))
                model.extend(now, seq, time_to_live)
            else:
                captured = number // 40 + 1
                self.ledger.one(self.ledger.end_ask(Operation.CAPTURE, reservation, captured, keep_open=True))
                model.end(now, seq, captured, keep_open=True)
        elif name == "end" and open_ones:
            reservation, seq = open_ones.pop(number % len(open_ones))
            captured = number // 40
            operation = Operation.CAPTURE if captured else Operation.VOID
            self.ledger.one(self.ledger.end_ask(operation, reservation, captured))
            model.end(now, seq, captured)


def assert_liability(found: Liability, models: list[LotAccount], opening: list[LotAccount]) -> None:
    totals = found.totals
    posted = sum(model.posted for model in models)
    owed = sum(max(-model.rest, 0) for model in models)
    assert (totals.posted, totals.owed, totals.outstanding) == (posted, owed, posted + owed)
    assert totals.reserved == sum(model.reserved for model in models)
    assert totals.pending == sum(model.pending for model in models)
    by_day: Counter[str] = Counter()
    pending: Counter[str] = Counter()
    for model in models:
        by_day[""] += max(model.rest, 0)
        for lot in model.lots:
            end = (lot.expires_at - 1) / 1_000_000
            day = datetime.fromtimestamp(end, UTC).date().isoformat() if lot.expires_at else ""
            by_day[day] += lot.points
            pending[day] += lot.points if lot.matures_at > totals.moment else 0
    days = found.totals.by_day(ZoneInfo("UTC"))
    assert {day: points for day, points, _ in days} == +by_day
    assert {day: held for day, _, held in days if held} == +pending
    assert [day for day, *_ in days] == sorted((day for day, *_ in days), key=lambda day: (not day, day))
    before = sum(model.posted for model in opening)
    assert found.opening == before
    assert before + sum(found.movements.values()) == posted
    expired = sum(model.expired for model in models) - sum(model.expired for model in opening)
    assert found.breakage == expired
    assert (EntryType.EXPIRE in found.movements) == (expired != 0)


@settings(max_examples=12)
@given(history=st.lists(steps, min_size=4, max_size=25), floor=st.sampled_from((0, -100)), journaled=st.booleans())
def test_the_books_of_any_moment_are_what_lived_through_it(history: list[Step], floor: int, journaled: bool) -> None:
    with open_ledger(
        earn=EARN, settings=f"points_floor = {floor}", journaled=journaled, zone="UTC"
    ) as ledger, open_books(ledger) as books:  # fmt: skip
        lives = Lives(ledger, floor)
        for step in history:
            lives.take(step)
        lives.note(lives.coming - 1)
        moments = sorted(lives.noted)
        for moment in moments:
            for account, model in zip(lives.accounts, lives.noted[moment], strict=True):
                then = books.balance(account, moment)
                assert (then.posted, then.pending, then.reserved) == (model.posted, model.pending, model.reserved)
                assert then.next_expiry == model.next_expiry
        for moment in moments[:: max(len(moments) // 5, 1)]:
            found = books.liability(moment)
            assert_liability(found, lives.noted[moment], [])
            earlier = moments[moments.index(moment) // 2]
            if earlier < moment:
                assert_liability(books.liability(moment, earlier), lives.noted[moment], lives.noted[earlier])
