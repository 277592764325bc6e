"""Cards: by which identifier a leg's account was named, the cap on linking, and replacing one."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pointguard_server.domain.calendar import local_time, to_microseconds
from pointguard_server.domain.codes import Decision, Kind, Operation, Outcome
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.domain.record import decode_record
from pointguard_server.engine.inbox import Inbox
from tests.support.explaining import explaining
from tests.support.ledger import DAY, SECOND, Ledger, Where, named

NewLedger = Callable[..., Ledger]
CARD, PHONE, LOYALTY = IdentifierKind.CARD, IdentifierKind.PHONE, IdentifierKind.LOYALTY_ID
DEVICE = IdentifierKind.DEVICE_GUID
TORONTO = ZoneInfo("America/Toronto")


@pytest.fixture
def ledger(new_ledger: NewLedger) -> Ledger:
    return new_ledger(zone="America/Toronto")


def link(ledger: Ledger, account: int, card: str, unit: str = "", most: int | None = 2) -> Outcome:
    return Outcome(ledger.one(ledger.link_ask(account, CARD, card, unit=unit, most=most)).outcome)


def identified_by(ledger: Ledger, account: int) -> list[tuple[int, int]]:
    return [(leg["identifier_kind"], leg["identifier_id"]) for leg in ledger.legs(account)]


# ------------------------------------------------------------------------------------------------------------- the leg


def test_a_leg_says_by_which_identifier_its_account_was_named_and_its_record_too(ledger: Ledger) -> None:
    account = ledger.member(100)
    ledger.one(ledger.link_ask(account, CARD, "c1"))
    ledger.one(ledger.link_ask(account, PHONE, "+14165550100"))
    for kind, value in ((CARD, "c1"), (PHONE, "+14165550100"), (CARD, "c1")):
        assert ledger.one(named(ledger.authorise_ask(account, 1), kind, value)).decision == Decision.APPROVED
    ledger.authorise(account, 1)
    both = ((CARD, "c1"), (PHONE, "+14165550100"))
    found = [(int(kind), ledger.store.find_identifier(1, kind, value)) for kind, value in both]
    card, phone = ((kind, each.identifier_id) for kind, each in found if each)
    assert identified_by(ledger, account)[-4:] == [card, phone, card, (0, 0)]
    records = [decode_record(leg["record"]).leg for leg in ledger.legs(account)[-4:]]
    assert [(each["identifier_kind"], each["identifier_id"]) for each in records] == [card, phone, card, (0, 0)]


def test_what_ends_a_reservation_names_no_identifier(ledger: Ledger) -> None:
    account = ledger.member(100)
    ledger.one(ledger.link_ask(account, CARD, "c1"))
    ask = named(ledger.authorise_ask(account, 10, capture=False), CARD, "c1")
    ledger.capture(ledger.one(ask))
    assert [kind for kind, _ in identified_by(ledger, account)[-2:]] == [CARD, 0]


# ------------------------------------------------------------------------------------------------------------- the cap


def test_the_third_card_of_a_month_is_refused_and_only_that_is_written(ledger: Ledger) -> None:
    account = ledger.member()
    assert [link(ledger, account, card) for card in ("a", "b")] == [Outcome.DONE] * 2
    before = len(ledger.rows("legs")), len(ledger.rows("identifiers"))
    assert link(ledger, account, "c") == Outcome.CARD_LINKING_CAP
    assert (len(ledger.rows("legs")), len(ledger.rows("identifiers"))) == before
    assert ledger.store.find_identifier(1, CARD, "c") is None
    (refused,) = ledger.rows("refused_cards")
    month = local_time(ledger.clock.moment, TORONTO).month_start
    assert (refused["account_id"], refused["kind"], refused["linked"], refused["most"]) == (account, CARD, 2, 2)
    assert refused["counted_from"] == month <= refused["refused_at"]
    assert link(ledger, ledger.member(), "c") == Outcome.DONE


def test_each_business_unit_and_each_account_has_a_cap_of_its_own(ledger: Ledger) -> None:
    account, other = ledger.member(), ledger.member()
    assert [link(ledger, account, f"{unit}{n}", unit) for unit in ("grocer", "baker") for n in (1, 2)] == [0] * 4
    assert link(ledger, account, "grocer3", "grocer") == Outcome.CARD_LINKING_CAP
    assert link(ledger, account, "none1") == link(ledger, other, "grocer3", "grocer") == Outcome.DONE


def test_other_identifiers_links_that_are_there_and_what_a_member_came_with_count_for_nothing(ledger: Ledger) -> None:
    account = ledger.member()  # with a loyalty id
    assert ledger.one(ledger.link_ask(account, PHONE, "+14165550100", most=2)).outcome == Outcome.DONE
    assert [link(ledger, account, card) for card in ("a", "a", "b")] == [Outcome.DONE] * 3
    assert link(ledger, account, "a") == Outcome.DONE
    assert ledger.one(ledger.link_ask(account, LOYALTY, "l9", most=2)).outcome == Outcome.CARD_LINKING_CAP
    assert ledger.one(ledger.link_ask(account, PHONE, "+14165550101", most=2)).outcome == Outcome.DONE


def test_the_month_is_that_of_the_programs_zone_to_the_microsecond(ledger: Ledger) -> None:
    account = ledger.member()
    may = to_microseconds(datetime(2027, 5, 1, tzinfo=TORONTO))
    ledger.clock.moment = may - 10 * SECOND
    assert [link(ledger, account, card) for card in ("a", "b", "c")] == [0, 0, Outcome.CARD_LINKING_CAP]
    ledger.clock.moment = may - 1
    assert link(ledger, account, "c") == Outcome.CARD_LINKING_CAP
    ledger.clock.moment = may
    assert [link(ledger, account, card) for card in ("c", "d", "e")] == [0, 0, Outcome.CARD_LINKING_CAP]


def test_of_two_that_race_for_the_last_place_one_wins(ledger: Ledger) -> None:
    account = ledger.member()
    assert link(ledger, account, "a") == Outcome.DONE
    verdicts = ledger.decide(*(ledger.link_ask(account, CARD, card, most=2) for card in ("b", "c")))
    assert [each.outcome for each in verdicts] == [Outcome.DONE, Outcome.CARD_LINKING_CAP]


def test_a_replay_is_answered_as_before_when_the_cap_is_reached(ledger: Ledger) -> None:
    account = ledger.member()
    asks = [ledger.link_ask(account, CARD, card, most=2, key=f"link {card}") for card in ("a", "b", "c")]
    first, second, third = (ledger.one(ask) for ask in asks)
    assert third.outcome == Outcome.CARD_LINKING_CAP
    assert [ledger.one(ask).transaction_id for ask in asks[:2]] == [first.transaction_id, second.transaction_id]
    assert ledger.one(asks[2]).outcome == Outcome.CARD_LINKING_CAP
    ledger.clock.moment += 31 * DAY
    assert ledger.one(asks[2]).outcome == Outcome.DONE


def test_the_cap_counts_what_was_linked_before_a_restart(new_ledger: NewLedger) -> None:
    ledger = new_ledger(journaled=True)
    account = ledger.member()
    assert link(ledger, account, "a") == link(ledger, account, "b") == Outcome.DONE
    ledger.restart_decider()
    assert link(ledger, account, "c") == Outcome.CARD_LINKING_CAP
    ledger.restart_decider()
    assert len(ledger.rows("refused_cards")) == 1
    assert not ledger.connection.in_transaction


# ------------------------------------------------------------------------------------------------------- replacing one


def test_a_card_that_is_replaced_finds_nobody_and_its_replacement_the_account(ledger: Ledger) -> None:
    account = ledger.member(100)
    assert link(ledger, account, "old") == Outcome.DONE
    replaced = ledger.one(ledger.link_ask(account, CARD, "new", most=2, replaces="old", key="replace"))
    assert (replaced.outcome, replaced.account_id) == (Outcome.DONE, account)
    leg = ledger.legs(account)[-1]
    assert (leg["operation"], leg["kind"]) == (Operation.LINK_IDENTIFIER, Kind.CARD_REPLACE)
    spend = ledger.authorise_ask(account, 1)
    assert ledger.one(named(spend, CARD, "old")).outcome == Outcome.ACCOUNT_UNKNOWN
    assert ledger.one(named(ledger.authorise_ask(account, 1), CARD, "new")).decision == Decision.APPROVED
    assert ledger.one(ledger.link_ask(account, CARD, "new", replaces="old", key="replace")).replayed
    # It counted as a new card, and one that was replaced is nobody's for good.
    assert link(ledger, account, "third") == Outcome.CARD_LINKING_CAP
    assert link(ledger, ledger.member(), "old") == link(ledger, account, "old", most=None) == Outcome.IDENTIFIER_TAKEN


def test_of_two_that_replace_the_same_card_at_once_one_wins(ledger: Ledger) -> None:
    account = ledger.member()
    link(ledger, account, "old")
    verdicts = ledger.decide(*(ledger.link_ask(account, CARD, card, replaces="old") for card in ("new", "other")))
    assert [each.outcome for each in verdicts] == [Outcome.DONE, Outcome.ACCOUNT_UNKNOWN]
    assert ledger.store.find_identifier(1, CARD, "other") is None


def test_a_replacement_above_the_cap_leaves_the_old_card_as_it_is(ledger: Ledger) -> None:
    account = ledger.member(100)
    assert [link(ledger, account, card) for card in ("a", "b")] == [Outcome.DONE] * 2
    assert ledger.one(ledger.link_ask(account, CARD, "c", most=2, replaces="a")).outcome == Outcome.CARD_LINKING_CAP
    assert ledger.one(named(ledger.authorise_ask(account, 1), CARD, "a")).decision == Decision.APPROVED


def test_who_has_read_a_request_by_a_card_that_is_replaced_meanwhile_finds_nobody(ledger: Ledger) -> None:
    account = ledger.member(100)
    link(ledger, account, "old")
    ask, other = named(ledger.authorise_ask(account, 1), CARD, "old"), ledger.authorise_ask(account, 1)
    inbox = Inbox()
    for each in (ask, other):
        inbox.put(each)
    found = ledger.store.find_identifier(1, CARD, "old")
    assert found is not None
    inbox.identifiers.clear()  # as the reading kernel leaves it, which knows the card
    inbox.envelopes["account_id"][0], inbox.envelopes["identifier_id"][0] = found
    ledger.one(ledger.link_ask(account, CARD, "new", replaces="old"))
    outcomes = [verdict.outcome for verdict in ledger.decider.decide_inbox(inbox).verdicts()]
    assert outcomes == [Outcome.ACCOUNT_UNKNOWN, Outcome.DONE]


def test_a_replacement_that_could_not_be_written_leaves_the_old_card_as_it_is(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = ledger.member(100)
    link(ledger, account, "old")

    def fail(_rows: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(ledger.store, "append", fail)
        with pytest.raises(OSError, match="disk full"):
            ledger.one(ledger.link_ask(account, CARD, "new", replaces="old"))
    assert ledger.one(named(ledger.authorise_ask(account, 1), CARD, "old")).decision == Decision.APPROVED
    assert ledger.store.find_identifier(1, CARD, "new") is None
    assert np.all(ledger.store.ended_identifiers)


# ---------------------------------------------------------------------------------------------- fraud rules about cards

SHARED = """
[[fraud_rule]]
name = "card"
context = "REDEMPTION"
scope = "CARD"
counts = { parts = ["REDEEM"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "64s" }
threshold = 10
posture = "BLOCK"
duration = "0s"
"""
MANY_NAMES = """
[[fraud_rule]]
name = "cards"
context = "REDEMPTION"
when = "distinct({named} of redemptions, 1 day) > 2"
posture = "BLOCK"
duration = "0s"
"""


def explained(ledger: Ledger, transaction_id: bytes) -> str:
    """Explain a decision; return whose the first rule's window was."""
    with explaining(ledger) as explainer:
        for each in explainer.all_legs():
            assert each.reproduced, each.differences
        explanation = explainer.explain(transaction_id)
    assert explanation.retrial is not None
    return explanation.retrial.checked[0].entity


def test_the_eleventh_redemption_by_one_card_is_declined_and_those_by_others_are_not(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=SHARED)
    account = ledger.member(100)
    for card in ("a", "b"):
        link(ledger, account, card)

    def redeem(kind: IdentifierKind | None = CARD, value: str = "a") -> Decision:
        ask = ledger.authorise_ask(account, 1, where=Where("north", "ann", "1"))
        return Decision(ledger.one(ask if kind is None else named(ask, kind, value)).decision)

    assert [redeem() for _ in range(10)] == [Decision.APPROVED] * 10
    ledger.restart_decider()
    assert redeem() == Decision.DECLINED
    declined = ledger.legs(account)[-1]
    quote = named(ledger.read_ask(Operation.QUOTE, account), CARD, "a")
    assert (ledger.one(quote).points, ledger.quote(account).points) == (0, 90)
    assert redeem(value="b") == redeem(kind=None) == Decision.APPROVED
    found = ledger.store.find_identifier(1, CARD, "a")
    assert found is not None
    assert explained(ledger, declined["transaction_id"]) == str(found.identifier_id)


@pytest.mark.parametrize(("named_by", "other"), [(CARD, DEVICE), (DEVICE, CARD)])
def test_a_third_card_or_device_of_the_day_trips_a_condition_and_other_identifiers_do_not(
    new_ledger: NewLedger, named_by: IdentifierKind, other: IdentifierKind
) -> None:
    ledger = new_ledger(rules=MANY_NAMES.format(named="cards" if named_by is CARD else "devices"))
    account = ledger.member(100)
    names = {name: f"0000000{name}-0000-4000-8000-000000000000" for name in "abcd"}
    for name in "abc":
        ledger.one(ledger.link_ask(account, named_by, names[name]))
    ledger.one(ledger.link_ask(account, PHONE, "+14165550100"))
    ledger.one(ledger.link_ask(account, other, names["d"]))

    def redeem(kind: IdentifierKind, name: str) -> Decision:
        ask = named(ledger.authorise_ask(account, 1), kind, names.get(name, name))
        return Decision(ledger.one(ask).decision)

    assert [redeem(named_by, name) for name in ("a", "b", "a")] == [Decision.APPROVED] * 3
    assert redeem(PHONE, "+14165550100") == redeem(other, "d") == Decision.APPROVED
    ledger.decider.memory.evict([account])
    assert redeem(named_by, "c") == Decision.DECLINED
    assert redeem(named_by, "b") == ledger.authorise(account, 1).decision == Decision.APPROVED
    ledger.clock.moment += DAY + SECOND
    assert redeem(named_by, "c") == Decision.APPROVED
    explained(ledger, ledger.legs(account)[-1]["transaction_id"])


# ------------------------------------------------------------------------------------------------------------- groups


def test_groups_are_changed_one_at_a_time_and_past_decisions_keep_theirs(ledger: Ledger) -> None:
    account = ledger.member(100, groups=("vip",))
    assert ledger.one(ledger.groups_ask(account, "staff", ("vip",))).outcome == Outcome.DONE
    ledger.authorise(account, 1)
    assert ledger.one(ledger.groups_ask(account, "vip", ("staff", "vip"), is_removal=True)).outcome == Outcome.DONE
    ledger.decider.memory.evict([account])
    ledger.authorise(account, 1)
    texts = {leg["group_set_id"]: ledger.names.text(leg["group_set_id"]) for leg in ledger.legs(account)}
    sets = [texts[leg["group_set_id"]] for leg in ledger.legs(account)]
    assert sets == ["vip", "vip", "staff\nvip", "staff\nvip", "staff", "staff"]
    with explaining(ledger) as explainer:
        for each in explainer.all_legs():
            assert each.reproduced, each.differences


def test_a_change_of_groups_that_others_changed_meanwhile_writes_nothing(ledger: Ledger) -> None:
    account = ledger.member()
    changes = [ledger.groups_ask(account, group, ()) for group in ("vip", "staff")]
    assert [each.outcome for each in ledger.decide(*changes)] == [Outcome.DONE, Outcome.GROUPS_CHANGED]
    assert len(ledger.legs(account)) == 2
    assert ledger.one(ledger.groups_ask(account, "staff", ("vip",))).outcome == Outcome.DONE
