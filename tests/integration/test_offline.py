"""Redemptions approved without a line: covered, too late, in event time, and never above what was signed out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pointguard_server.domain.calendar import stretches_of
from pointguard_server.domain.codes import Decision, Operation, Outcome, Reason, RequestFlag
from pointguard_server.domain.offline import Occurrence, OccurrenceFlag, Terms, discrepancies, when
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.identifiers import key_bytes
from pointguard_server.engine.rows import RequestFields
from pointguard_server.service.occurrences import redemption_claim
from pointguard_server.storage.offline import OccurrenceStore
from tests.integration.audit import audit
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, MINUTE, TENANT, Ledger

LOTS = '[program.lots]\nexpiry = "ROLLING"\nexpires_after = "10d"\n'
DAILY = """
[[fraud_rule]]
name = "day"
context = "REDEMPTION"
measure = "POINTS"
counts = { parts = ["REDEEM"], attempts = "APPROVED" }
window = { calendar = "DAY" }
threshold = 100
posture = "WARN"
duration = "1d"
"""


Told = tuple[Ask, Occurrence]


class Till:
    """A terminal with one allowance of an account."""

    def __init__(self, ledger: Ledger, account: int, points: int, *, hours: int = 8) -> None:
        self.ledger, self.account = ledger, account
        self.issued = ledger.authorise_reserving(account, points, time_to_live=2 * hours * HOUR)
        now = ledger.clock.now()
        self.terms = Terms(self.issued.transaction_id, account, points, now, now + hours * HOUR)
        self.sequence = 0

    def ask(self, points: int, at: int = 0, key: str = "") -> Ask:
        """Tell of a redemption, which happened at a moment or just now."""
        self.sequence += 1
        at = at or self.ledger.clock.now()
        high, low = (
            int.from_bytes(half, "little", signed=True)
            for half in (self.terms.allowance_id[:8], self.terms.allowance_id[8:])
        )
        flags = int(RequestFlag.OFFLINE | RequestFlag.KEEP_OPEN)
        fields = RequestFields(
            int(Operation.CAPTURE), points=points, flags=flags, occurred_at=at, reservation_high=high,
            reservation_low=low,
        )  # fmt: skip
        key = key or f"offline {self.account} {self.sequence}"
        digest = key_bytes(repr(fields))
        seen = self.seen = Occurrence(1, 2, self.sequence, key_bytes(key), digest, at, self.terms, points)
        stretches = stretches_of(at, self.ledger.programs.programs[0].zone)
        return Ask(
            TENANT, fields.pack(), key_bytes(key), digest, claim=redemption_claim(TENANT, seen),
            lines=b"".join(value.to_bytes(8, "little") for value in stretches), line_count=1,
        )  # fmt: skip

    def tell(self, points: int, at: int = 0) -> Verdict:
        return self.ledger.one(self.ask(points, at))

    def told(self, points: int, key: str = "") -> Told:
        """Return a redemption as an upload has it."""
        return self.ask(points, key=key), self.seen


def upload(ledger: Ledger, *told: Told) -> list[Outcome]:
    """Upload redemptions as the call does: decide them, and then have all in the ledger."""
    verdicts = ledger.decide(*(ask for ask, _ in told))

    def keep(connection: Any) -> None:
        for _, seen in told:
            OccurrenceStore().keep(connection, TENANT, seen, ledger.decider.moment())

    ledger.decider.write(keep)
    return [Outcome(each.outcome) for each in verdicts]


def explained(ledger: Ledger) -> None:
    with explaining(ledger) as explainer:
        for each in explainer.all_legs():
            assert each.reproduced, each.differences


@pytest.mark.parametrize("journaled", [False, True])
def test_what_comes_in_time_is_covered_by_what_was_set_aside(
    new_ledger: Callable[..., Ledger], journaled: bool
) -> None:
    ledger = new_ledger(journaled=journaled)
    till = Till(ledger, ledger.member(100), 80)
    assert ledger.authorise(till.account, 21).decision == Decision.DECLINED
    ledger.clock.moment += 15 * HOUR
    taken = till.tell(30, till.terms.issued_at + HOUR)
    assert (taken.decision, taken.points, taken.posted, taken.reasons) == (Decision.APPROVED, 30, 70, ())
    newest = ledger.legs(till.account)[-1]
    assert (newest["operation"], newest["occurred_at"]) == (Operation.CAPTURE, till.terms.issued_at + HOUR)
    ledger.catch_up()
    audit(ledger)
    explained(ledger)


@pytest.mark.parametrize("lots", ["", LOTS])
def test_what_comes_too_late_takes_the_points_leaves_a_debt_and_the_next_points_pay_it(
    new_ledger: Callable[..., Ledger], lots: str
) -> None:
    ledger = new_ledger(lots=lots)
    till = Till(ledger, ledger.member(100), 100)
    ledger.clock.moment += DAY
    ledger.authorise(till.account, 70)
    late = till.tell(100, till.terms.issued_at + HOUR)
    assert (late.decision, late.points, late.posted) == (Decision.APPROVED, 100, -70)
    assert [code for code, _ in late.reasons] == [Reason.ALLOWANCE_ENDED]
    assert ledger.quote(till.account).points == 0
    assert ledger.accrue(till.account, 80).posted == -70 + 8
    ledger.restart_decider()
    again = ledger.accrue(till.account, 800)
    assert again.posted == 18
    assert ledger.authorise(till.account, 18).decision == Decision.APPROVED
    audit(ledger, -100)
    explained(ledger)


def test_what_comes_too_late_counts_in_the_day_on_which_it_happened(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=DAILY)
    account = ledger.member(1_000)
    ledger.authorise(account, 60)
    till = Till(ledger, account, 50, hours=1)
    ledger.void(till.issued)
    at = ledger.clock.now()
    ledger.clock.moment += 2 * DAY
    late = till.tell(50, at)
    assert {code for code, _ in late.reasons} == {Reason.FRAUD_WARNING, Reason.ALLOWANCE_ENDED}
    assert ledger.authorise(account, 100).reasons[0][0] == Reason.FRAUD_WARNING  # the advice stands
    ledger.restart_decider()
    ledger.authorise(account, 1)
    given = ledger.give_back(late)
    assert (given.outcome, sum(entry.signed_points for entry in given.entries)) == (0, 50)
    audit(ledger)
    explained(ledger)


def test_no_more_is_taken_than_was_signed_out_however_it_comes(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger()
    till = Till(ledger, ledger.member(1_000), 100)
    first, above, rest = ledger.decide(till.ask(60), till.ask(41), till.ask(40))
    assert (first.outcome, above.outcome, rest.outcome) == (0, Outcome.ABOVE_ALLOWANCE, 0)
    assert till.tell(1).outcome == Outcome.ABOVE_ALLOWANCE
    ledger.clock.moment += 2 * DAY
    assert till.tell(1).outcome == Outcome.ABOVE_ALLOWANCE
    assert ledger.legs(till.account)[-1]["posted"] == 900
    flags = [row["flags"] & OccurrenceFlag.ABOVE_ALLOWANCE for row in ledger.rows("occurrences")]
    assert [bool(each) for each in flags] == [False, True, False, True, True]
    audit(ledger)


def test_what_was_captured_with_a_line_is_spent_of_the_allowance_too(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger()
    till = Till(ledger, ledger.member(1_000), 100)
    assert ledger.capture(till.issued, 70).points == 70
    assert till.tell(31).outcome == Outcome.ABOVE_ALLOWANCE
    assert till.tell(30).outcome == 0


def test_no_upload_hides_what_was_spent_and_what_was_above_stays_so(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger()
    till = Till(ledger, ledger.member(1_000), 100)
    assert ledger.capture(till.issued, 100, key="K").points == 100
    above = [till.told(99) for _ in range(3)]
    assert upload(ledger, *above) == [Outcome.ABOVE_ALLOWANCE] * 3
    # Under the capture's key, as if that were an offline redemption.
    assert upload(ledger, till.told(1, "K")) == [Outcome.KEY_REUSED]
    assert upload(ledger, *above) == [Outcome.ABOVE_ALLOWANCE] * 3
    ask, seen = above[0]
    other = replace(seen, sequence=77)
    again = replace(ask, claim=redemption_claim(TENANT, other))
    assert upload(ledger, (again, other)) == [Outcome.ABOVE_ALLOWANCE]
    assert ledger.legs(till.account)[-1]["posted"] == 900


def test_what_was_above_stays_so_though_nothing_came_of_what_it_was_above(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger()
    till = Till(ledger, ledger.member(1_000), 100)
    # The first asks for more than the kernel takes of what is set aside, whatever its claim said.
    greedy, seen = till.told(60)
    greedy = replace(greedy, fields=till.ask(101).fields)
    above = till.told(50)
    assert upload(ledger, (greedy, seen), above) == [Outcome.CAPTURE_ABOVE_RESERVATION, Outcome.ABOVE_ALLOWANCE]
    assert upload(ledger, above) == [Outcome.ABOVE_ALLOWANCE]
    # And it spends nothing.
    assert upload(ledger, till.told(100)) == [Outcome.DONE]


def test_a_redemption_under_two_numbers_or_under_a_used_key_takes_nothing_of_the_allowance(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger()
    till = Till(ledger, ledger.member(1_000), 100)
    ask, seen = till.told(40)
    other = replace(seen, sequence=77)
    assert upload(ledger, (ask, seen)) == [Outcome.DONE]
    assert upload(ledger, (replace(ask, claim=redemption_claim(TENANT, other)), other)) == [Outcome.DONE]
    assert ledger.accrue(till.account, 10, key="U").outcome == 0
    assert upload(ledger, till.told(60, "U")) == [Outcome.KEY_REUSED]
    assert upload(ledger, till.told(60)) == [Outcome.DONE]
    assert upload(ledger, till.told(1)) == [Outcome.ABOVE_ALLOWANCE]
    audit(ledger)


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("journaled", [False, True])
def test_a_capture_beside_a_redemption_of_its_allowance_waits_and_cannot_pass_the_bound(
    new_ledger: Callable[..., Ledger], is_first: bool, journaled: bool
) -> None:
    ledger = new_ledger(journaled=journaled)
    till = Till(ledger, ledger.member(1_000), 100)
    other = ledger.authorise_reserving(till.account, 30)
    plain = ledger.end_ask(Operation.CAPTURE, till.issued.transaction_id, 100, key="P")
    another = ledger.end_ask(Operation.CAPTURE, other.transaction_id, 30)
    redemption = till.ask(100)
    asks = [plain, redemption, another] if is_first else [redemption, another, plain]
    outcomes = {each.key: verdict.outcome for each, verdict in zip(asks, ledger.decide(*asks), strict=True)}
    assert outcomes == {plain.key: Outcome.SPENT_ALONGSIDE, redemption.key: 0, another.key: 0}
    assert ledger.one(plain).outcome == Outcome.RESERVATION_ENDED
    assert ledger.legs(till.account)[-1]["posted"] == 870
    ledger.catch_up()
    audit(ledger)


def test_the_same_again_is_answered_as_before_and_another_under_its_key_is_refused(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger()
    till = Till(ledger, ledger.member(1_000), 100)
    ask = till.ask(60, key="k")
    first, same = ledger.decide(ask, ask)
    assert same.transaction_id == first.transaction_id
    ledger.restart_decider()
    again = ledger.one(ask)
    assert again.replayed
    assert again.transaction_id == first.transaction_id
    assert ledger.one(till.ask(61, key="k")).outcome == Outcome.KEY_REUSED
    assert len(ledger.rows("occurrences")) == 1


def test_a_failed_commit_leaves_nothing_of_a_redemption(
    new_ledger: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = new_ledger()
    till = Till(ledger, ledger.member(1_000), 100)
    ask = till.ask(60)

    def fail(*_: object) -> None:
        raise RuntimeError("no batch can be written")

    with monkeypatch.context() as failing:
        failing.setattr(ledger.store, "append", fail)
        with pytest.raises(RuntimeError):
            ledger.one(ask)
    assert ledger.rows("occurrences") == []
    assert ledger.one(ask).points == 60
    assert ledger.one(replace(till.ask(40), claim=None)).outcome == 0
    audit(ledger)


@pytest.mark.parametrize(
    ("at", "moment", "flags"),
    [
        (-3 * MINUTE, 0, OccurrenceFlag.CLOCK_BEHIND),
        (-2 * MINUTE, 0, 0),
        (5 * MINUTE, 5 * MINUTE, 0),
        (59 * MINUTE, 59 * MINUTE, 0),
        (60 * MINUTE, 60 * MINUTE, OccurrenceFlag.APPROVED_LATE),
        (182 * MINUTE, 180 * MINUTE, OccurrenceFlag.APPROVED_LATE),
        (183 * MINUTE, 180 * MINUTE, OccurrenceFlag.APPROVED_LATE | OccurrenceFlag.CLOCK_AHEAD),
    ],
)
def test_a_moment_lies_between_the_allowance_and_the_arrival(at: int, moment: int, flags: int) -> None:
    issued = 1_790_000_000_000_000
    told = Occurrence(1, 2, 1, b"", b"", issued + at, Terms(b"", 1, 10, issued, issued + HOUR), 5)
    assert when(told, issued + 3 * HOUR) == (issued + moment, flags)


def test_what_was_told_a_month_late_happened_a_month_ago() -> None:
    now = 1_790_000_000_000_000
    told = Occurrence(1, 2, 1, b"", b"", now - 32 * DAY)
    assert when(told, now) == (now - 31 * DAY, OccurrenceFlag.CLOCK_BEHIND)


def test_nothing_behind_a_number_does_not_fit_where_nothing_came() -> None:
    assert discrepancies(0, []) == []
