"""Random lives of three accounts that send each other points which end, in batches, against a model of plain sums."""

from collections import Counter
from collections.abc import Sequence
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import Decision, Outcome
from pointguard_server.engine.ask import Ask, Verdict
from tests.integration.audit import audit
from tests.support.explaining import explaining
from tests.support.ledger import DAY, Ledger, open_ledger, sandboxed

LIFE = 30 * DAY
LOTS = '[program.lots]\nexpiry = "ROLLING"\nexpires_after = "30d"\n'
COUNT = 3
places, points = st.integers(0, COUNT - 1), st.sampled_from((1, 3, 7, 20, 55))
Step = tuple[str, tuple[int, ...], int]
steps = st.one_of(
    st.tuples(st.just("earn"), st.tuples(places), points),
    st.tuples(st.just("spend"), st.tuples(places), points),
    st.tuples(st.just("move"), st.tuples(places, places), points),
    st.tuples(st.just("household"), st.sampled_from([*permutations(range(COUNT)), (0, 1), (2, 1)]), points),
)
batches = st.lists(
    st.tuples(st.lists(steps, min_size=1, max_size=6), st.integers(0, 12), st.booleans()), min_size=1, max_size=8
)


class Model:
    """What each account has, by its end."""

    def __init__(self) -> None:
        self.points: list[Counter[int]] = [Counter() for _ in range(COUNT)]

    def come_to(self, now: int) -> None:
        """Let what has ended be gone."""
        for each in self.points:
            for end in [end for end in each if end <= now]:
                del each[end]

    def take(self, place: int, wanted: int) -> Counter[int]:
        """Take points from what ends first; the account must have them."""
        taken: Counter[int] = Counter()
        for end in sorted(self.points[place]):
            taken[end] = min(self.points[place][end], wanted)
            wanted -= taken[end]
        self.points[place] = self.points[place] - taken
        return taken

    def decide(self, step: Step, now: int) -> Outcome | Decision:
        """Do what a request asks for, if it may be done."""
        what, who, wanted = step
        if len(set(who)) < len(who):
            return Outcome.SAME_ACCOUNT
        if what == "earn":
            self.points[who[0]][now + LIFE] += wanted
            return Decision.APPROVED
        has = [self.points[place].total() for place in (who if what == "household" else who[:1])]
        if sum(has) < wanted:
            return Decision.DECLINED
        if what == "move":
            self.points[who[1]] += self.take(who[0], wanted)
            return Decision.APPROVED
        for place, most in zip(who, has, strict=False):
            self.take(place, min(most, wanted))
            wanted -= min(most, wanted)
        return Decision.APPROVED


def ask(ledger: Ledger, accounts: Sequence[int], step: Step) -> Ask:
    what, who, wanted = step
    own = [accounts[place] for place in who]
    match what:
        case "earn":
            return ledger.accrue_ask(own[0], wanted * 10)
        case "spend":
            return ledger.authorise_ask(own[0], wanted)
        case "move":
            return ledger.transfer_ask(own[0], own[1], wanted)
        case _:
            return ledger.household_ask(own, wanted)


def said(verdict: Verdict) -> Outcome | Decision:
    return Outcome(verdict.outcome) if verdict.outcome else Decision(verdict.decision)


@settings(max_examples=20)
@given(life=batches, journaled=st.booleans())
def test_what_moves_between_accounts_is_what_a_plain_sum_says_and_no_point_is_made_or_lost(
    life: list[tuple[list[Step], int, bool]], journaled: bool
) -> None:
    with open_ledger(lots=LOTS, journaled=journaled, back_end=sandboxed) as ledger:
        accounts, model = [ledger.member() for _ in range(COUNT)], Model()
        for asked, days, restarts in life:
            asks = [ask(ledger, accounts, step) for step in asked]
            verdicts = ledger.decide(*asks)
            now = ledger.decider.latest_moment
            model.come_to(now)
            assert [said(each) for each in verdicts] == [model.decide(step, now) for step in asked]
            ledger.clock.moment += days * DAY
            if restarts:
                ledger.restart_decider()
            again = ledger.decide(*asks)
            assert [each.transaction_id for each in again] == [each.transaction_id for each in verdicts]
            found = [ledger.balance(account) for account in accounts]
            model.come_to(ledger.decider.latest_moment)
            assert [each.posted for each in found] == [each.total() for each in model.points]
            ends = [(min(each), each[min(each)]) if each else (0, 0) for each in map(Counter.__pos__, model.points)]
            assert [(each.expiring_at, each.expiring_points) for each in found] == ends
        audit(ledger)
        with explaining(ledger) as explainer:
            assert [each.differences for each in explainer.all_legs()[-6:] if not each.reproduced] == []
