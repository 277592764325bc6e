"""Faults to plant into a sound history and its ledger: each is one thing that a server, a disk or an attacker could do.

``FAULTS`` has for each the kind that the checker must name. ``test_history_checker.py`` plants them one at a time.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pointguard_server.domain.codes import Decision, Operation, Reason
from tests.e2e.audit import LedgerRows, uuid_text
from tests.torture.checker import Leg, Terms
from tests.torture.history import Call, History

HOUR_NS = 3_600_000_000_000
Plant = Callable[["Evidence"], None]
FAULTS: dict[str, tuple[str, Plant]] = {}


@dataclass
class Evidence:
    """A history, its ledger and the program's terms, to be spoiled: a copy of what is sound."""

    history: History
    rows: LedgerRows
    terms: Terms

    @classmethod
    def copy_of(cls, history: History, rows: LedgerRows, terms: Terms) -> "Evidence":
        """Return a copy of which everything may be changed but messages, windows and records."""
        calls = [replace(call) for call in history.calls]
        tables = ([dict(row) for row in table] for table in (rows.legs, rows.entries, rows.batches))
        return cls(replace(history, calls=calls), LedgerRows(*tables), terms)

    def calls(self, name: str, *, answered: bool = True) -> list[Call]:
        """The calls of an RPC that have an answer, or that have none."""
        return [call for call in self.history.calls if call.name == name and (call.answer is not None) == answered]

    def leg_of(self, call: Call) -> Leg:
        """The first leg under a call's key."""
        key = uuid.UUID(call.key).bytes
        return next(leg for leg in self.rows.legs if leg["idempotency_key"] == key)

    def call_of(self, leg: Leg) -> Call:
        """The answered call that a leg is of."""
        key = uuid_text(leg["idempotency_key"])
        return next(call for call in self.history.calls if call.name != "GetBalance" and call.key == key)

    def legs(self, **columns: Any) -> list[Leg]:
        """The legs with these values."""
        return [leg for leg in self.rows.legs if all(leg[name] == value for name, value in columns.items())]

    def entries_of(self, leg: Leg) -> list[Leg]:
        return [entry for entry in self.rows.entries if entry["leg_position"] == leg["position"]]

    def after(self, leg: Leg) -> Iterator[Leg]:
        """The later legs of the same account."""
        return (each for each in self.legs(account_id=leg["account_id"]) if each["seq"] > leg["seq"])

    def answer(self, call: Call) -> Any:
        """A call's answer, as a copy that may be changed."""
        call.answer = type(call.answer).FromString(call.answer.SerializeToString())
        return call.answer

    def request(self, call: Call) -> Any:
        """The request of a call, likewise, which is that of all calls of the key."""
        asked = type(call.request).FromString(call.request.SerializeToString())
        for each in self.history.calls:
            if each.name == call.name and each.key == call.key:
                each.request = asked
        return asked

    def move(self, call: Call, to: int) -> None:
        """Have a call begin at another time and take a nanosecond."""
        call.sent_at, call.ended_at = to, to + 1

    def take_out(self, leg: Leg) -> None:
        """Take a leg out of the ledger so that what is left holds together; later points must not need its own."""
        moved = sum(entry["signed_points"] for entry in self.entries_of(leg))
        self.rows.entries = [entry for entry in self.rows.entries if entry["leg_position"] != leg["position"]]
        self.rows.legs.remove(leg)
        for row in (*self.rows.legs, *self.rows.entries):
            if row["account_id"] != leg["account_id"] or row["seq"] < leg["seq"]:
                continue
            row["seq"] -= 1
            if "posted" in row:
                row["posted"] -= moved
                row["refers_to_seq"] -= row["refers_to_seq"] > leg["seq"]
            else:
                row["running_balance"] -= moved
        places = {each["position"]: place for place, each in enumerate(self.rows.legs, 1)}
        for each in self.rows.legs:
            each["position"] = places[each["position"]]
        for place, entry in enumerate(self.rows.entries, 1):
            entry["position"], entry["leg_position"] = place, places[entry["leg_position"]]

    def accrual_to_spare(self) -> Leg:
        """A leg that earned points which nothing after it has needed."""
        return next(
            leg
            for leg in self.legs(operation=Operation.ACCRUE)[::-1]
            if 0
            < leg["points"]
            <= min([each["posted"] - each["reserved"] for each in self.after(leg)], default=1 << 62)
        )

    def open_hold(self) -> Leg:
        """A leg that opened a reservation which was ended by a later one."""
        ended = {(leg["account_id"], leg["refers_to_seq"]) for leg in self.legs(operation=Operation.VOID)}
        return next(
            leg
            for leg in self.legs(operation=Operation.AUTHORISE)
            if leg["hold_expires_at"] and (leg["account_id"], leg["seq"]) in ended
        )

    def read_with_hold(self) -> Call:
        """A read that told of points in reservations."""
        return next(call for call in self.calls("GetBalance") if call.balance.reserved)


def plants(kind: str) -> Callable[[Plant], Plant]:
    """Note that the function below plants a fault of a kind; its name says which."""

    def note(plant: Plant) -> Plant:
        FAULTS[plant.__name__.replace("_", " ")] = kind, plant
        return plant

    return note


# ------------------------------------------------------------------------------------ what was said and is not so


@plants("lost")
def an_answered_decline_is_missing(of: Evidence) -> None:
    of.take_out(next(leg for leg in of.legs(operation=Operation.AUTHORISE, decision=Decision.DECLINED)))


@plants("lost")
def an_answered_accrual_is_missing(of: Evidence) -> None:
    of.take_out(of.accrual_to_spare())


@plants("lost")
def a_reservation_that_was_ended_is_missing(of: Evidence) -> None:
    call = of.calls("CaptureRedemption")[0]
    of.request(call).reservation_id = str(uuid.UUID(int=7))


@plants("unasked")
def an_accrual_was_booked_twice_under_two_keys(of: Evidence) -> None:
    of.accrual_to_spare()["idempotency_key"] = bytes(16)


@plants("ledger")
def an_accrual_was_booked_twice_under_one_key(of: Evidence) -> None:
    first, second = of.legs(operation=Operation.ACCRUE)[:2]
    second["idempotency_key"] = first["idempotency_key"]


@plants("answer")
def an_answer_told_another_balance(of: Evidence) -> None:
    of.answer(of.calls("Accrue")[3]).balance.posted += 1


@plants("answer")
def an_answer_told_more_points_than_were_booked(of: Evidence) -> None:
    of.answer(of.calls("Accrue")[3]).points += 1


@plants("answer")
def an_answer_told_the_other_decision(of: Evidence) -> None:
    call = next(call for call in of.calls("AuthoriseRedemption") if call.answer.decision == Decision.DECLINED)
    of.answer(call).decision = Decision.APPROVED


@plants("answer")
def an_answer_named_another_transaction(of: Evidence) -> None:
    first, second = of.calls("Accrue")[:2]
    of.answer(first).transaction_id = second.answer.transaction_id


@plants("replay")
def a_replay_was_answered_differently(of: Evidence) -> None:
    call = of.calls("TransferPoints")[0]
    again = replace(call)
    of.history.calls.append(again)
    of.answer(again).balance.available += 1


@plants("history")
def one_key_was_taken_for_two_requests(of: Evidence) -> None:
    again = replace(of.calls("Accrue")[0])
    again.request = type(again.request).FromString(again.request.SerializeToString())
    again.request.total.minor_units += 10
    of.history.calls.append(again)


# ----------------------------------------------------------------------------------------------------------- refusals


@plants("refused")
def what_was_refused_was_done(of: Evidence) -> None:
    call = of.calls("VoidRedemption")[0]
    call.answer, call.refused = None, "FAILED_PRECONDITION"


@plants("refusal")
def a_capture_was_refused_before_anybody_ended_the_reservation(of: Evidence) -> None:
    opened = of.open_hold()
    done = of.call_of(opened)
    refused = Call(
        "CaptureRedemption", type(of.calls("CaptureRedemption")[0].request)(), 0, refused="FAILED_PRECONDITION"
    )
    refused.request.idempotency_key = str(uuid.UUID(int=9))
    refused.request.reservation_id = uuid_text(opened["transaction_id"])
    of.move(refused, (done.ended_at or 0) + 1)
    end = next(leg for leg in of.after(opened) if leg["refers_to_seq"] == opened["seq"])
    # Nobody had asked for the end yet.
    of.call_of(end).sent_at = (refused.ended_at or 0) + 1
    of.history.calls.append(refused)


@plants("refusal")
def a_transfer_was_refused_with_a_status_that_means_a_defect(of: Evidence) -> None:
    call = replace(of.calls("TransferPoints")[0], answer=None, refused="INTERNAL")
    of.history.calls.append(call)
    of.request(call)
    call.request.idempotency_key = str(uuid.UUID(int=8))
    of.history.calls = [each for each in of.history.calls if each is call or each.request is not call.request]
    again = of.calls("TransferPoints")[0]
    call.request = type(again.request).FromString(again.request.SerializeToString())
    call.request.idempotency_key = str(uuid.UUID(int=8))


# --------------------------------------------------------------------------------------------------------- real time


@plants("order")
def a_transaction_overtook_one_that_was_answered_before_it_was_sent(of: Evidence) -> None:
    earlier, later = of.legs(operation=Operation.ACCRUE, account_id=of.accrual_to_spare()["account_id"])[1:3]
    of.move(of.call_of(later), of.call_of(earlier).sent_at - 1_000)


@plants("order")
def a_transaction_overtook_one_of_another_account(of: Evidence) -> None:
    first = of.legs(operation=Operation.ACCRUE)[4]
    other = next(
        leg
        for leg in of.rows.legs
        if leg["position"] > first["position"] + 8
        and leg["operation"] == Operation.ACCRUE
        and leg["account_id"] != first["account_id"]
    )
    of.move(of.call_of(other), of.call_of(first).sent_at - 1_000)


@plants("order")
def a_read_told_of_what_had_long_been_followed(of: Evidence) -> None:
    call = of.calls("GetBalance")[0]
    of.move(call, call.sent_at + HOUR_NS)


@plants("order")
def a_read_told_of_what_nobody_had_asked_for_yet(of: Evidence) -> None:
    call = of.calls("GetBalance")[-1]
    of.move(call, call.sent_at - HOUR_NS)


@plants("order")
def a_second_read_told_of_less_than_the_first(of: Evidence) -> None:
    late = of.calls("GetBalance")[-1]
    before = next(
        call
        for call in of.calls("GetBalance")
        if call.answer.account_id == late.answer.account_id and call.answer.seq < late.answer.seq
    )
    before.sent_at, before.ended_at = (late.ended_at or 0) + 1, (late.ended_at or 0) + 2


# -------------------------------------------------------------------------------------------------------------- reads


@plants("read")
def a_read_told_another_balance(of: Evidence) -> None:
    balance = of.answer(of.calls("GetBalance")[2]).balance
    balance.posted += 1
    balance.available += 1


@plants("read")
def a_read_left_out_an_open_reservation(of: Evidence) -> None:
    balance = of.answer(of.read_with_hold()).balance
    balance.available += balance.reserved
    balance.reserved = 0


@plants("read")
def a_read_does_not_add_up(of: Evidence) -> None:
    of.answer(of.calls("GetBalance")[2]).balance.available += 1


@plants("read")
def a_read_told_of_a_seq_that_does_not_exist(of: Evidence) -> None:
    of.answer(of.calls("GetBalance")[2]).seq = 1 << 40


@plants("read")
def a_read_told_of_another_account(of: Evidence) -> None:
    of.answer(of.calls("GetBalance")[2]).account_id += 1


# ---------------------------------------------------------------------------------------------------------- decisions


@plants("decline")
def a_redemption_was_declined_though_the_points_were_there(of: Evidence) -> None:
    leg = next(
        leg
        for leg in of.legs(operation=Operation.AUTHORISE, reason=Reason.INSUFFICIENT_POINTS, decision=Decision.DECLINED)
        if leg["posted"] > leg["reserved"]
    )
    of.request(of.call_of(leg)).points = 1


@plants("decline")
def a_redemption_was_declined_by_a_limit_that_had_room(of: Evidence) -> None:
    leg = of.legs(operation=Operation.AUTHORISE, reason=Reason.INSUFFICIENT_POINTS, decision=Decision.DECLINED)[0]
    leg["reason"] = Reason.FRAUD_RULE


@plants("decline")
def a_transfer_was_declined_though_the_points_were_there(of: Evidence) -> None:
    for leg in of.legs(operation=Operation.TRANSFER, decision=Decision.APPROVED)[:2]:
        leg["decision"] = Decision.DECLINED


@plants("limit")
def more_was_redeemed_than_the_limit_allows(of: Evidence) -> None:
    largest = max(
        leg["windows"].get(of.terms.points_measure, 0) for leg in of.rows.legs if leg["decision"] == Decision.APPROVED
    )
    of.terms = replace(of.terms, points_max=largest - 1)


@plants("row")
def more_was_redeemed_than_was_asked_for(of: Evidence) -> None:
    call = next(call for call in of.calls("AuthoriseRedemption") if call.answer.points > 1)
    of.request(call).points = 1


@plants("row")
def less_was_redeemed_though_all_or_nothing_was_asked_for(of: Evidence) -> None:
    call = next(
        call for call in of.calls("AuthoriseRedemption") if call.answer.points and not call.request.allow_partial
    )
    of.request(call).points += 1


@plants("row")
def an_accrual_earned_what_no_rule_gives(of: Evidence) -> None:
    of.request(of.calls("Accrue")[5]).total.minor_units += 10


@plants("row")
def a_transaction_was_booked_on_another_account(of: Evidence) -> None:
    call = of.calls("Accrue")[5]
    other = next(each for each in of.calls("Accrue") if each.request.member != call.request.member)
    of.request(call).member.CopyFrom(other.request.member)


@plants("row")
def a_void_was_booked_as_a_capture(of: Evidence) -> None:
    leg = of.leg_of(of.calls("VoidRedemption")[0])
    leg["operation"], leg["points"], leg["released"] = Operation.CAPTURE, leg["released"], 0


@plants("row")
def a_capture_ended_another_reservation(of: Evidence) -> None:
    first, second = of.calls("CaptureRedemption")[:2]
    of.request(first).reservation_id = second.request.reservation_id


@plants("overdraft")
def points_were_spent_that_had_ended(of: Evidence) -> None:
    leg = next(leg for leg in of.legs(operation=Operation.AUTHORISE, decision=Decision.APPROVED) if leg["seq"] > 1)
    before = next(each for each in of.legs(account_id=leg["account_id"]) if each["seq"] == leg["seq"] - 1)
    before["pending"] = before["posted"] - before["reserved"]


# ------------------------------------------------------------------------------------------------- several accounts


@plants("ledger")
def half_a_transfer_is_missing(of: Evidence) -> None:
    of.take_out(next(leg for leg in of.legs(operation=Operation.TRANSFER, decision=Decision.DECLINED, leg_number=1)))


@plants("whole")
def a_transfer_moved_other_points_than_were_asked_for(of: Evidence) -> None:
    call = next(call for call in of.calls("TransferPoints") if call.answer.points)
    of.request(call).points += 1


@plants("whole")
def a_household_gave_less_than_was_asked_for(of: Evidence) -> None:
    call = next(call for call in of.calls("RedeemHousehold") if call.answer.points)
    of.request(call).points += 1


@plants("whole")
def a_member_of_a_household_gave_before_the_first_had_nothing_left(of: Evidence) -> None:
    legs = of.legs(operation=Operation.REDEEM_HOUSEHOLD, decision=Decision.APPROVED, leg_number=1)
    first = next(each for each in of.rows.legs if each["position"] == legs[0]["position"] - 1)
    before = next(each for each in of.legs(account_id=first["account_id"]) if each["seq"] == first["seq"] - 1)
    before["pending"] -= 1


@plants("whole")
def the_legs_of_a_transaction_were_decided_differently(of: Evidence) -> None:
    of.legs(operation=Operation.REDEEM_HOUSEHOLD, leg_number=1)[0]["reason"] = Reason.REDEMPTION_LOCKED


@plants("whole")
def a_leg_of_a_household_redemption_has_another_number(of: Evidence) -> None:
    of.legs(operation=Operation.REDEEM_HOUSEHOLD, leg_number=1)[0]["leg_number"] = 9


@plants("row")
def a_household_was_asked_in_another_order(of: Evidence) -> None:
    call = of.call_of(of.legs(operation=Operation.REDEEM_HOUSEHOLD, leg_number=1)[0])
    members = of.request(call).members
    turned = list(members)[::-1]
    del members[:]
    members.extend(turned)


# ------------------------------------------------------------------------------------------------------------- the rows


@plants("ledger")
def an_account_lacks_a_seq(of: Evidence) -> None:
    leg = of.rows.legs[-1]
    leg["seq"] += 1


@plants("ledger")
def two_legs_have_one_seq(of: Evidence) -> None:
    account = of.legs(account_id=of.rows.legs[-1]["account_id"])
    account[-1]["seq"] = account[-2]["seq"]


@plants("ledger")
def the_ledger_lacks_a_position(of: Evidence) -> None:
    of.rows.legs[-1]["position"] += 1


@plants("ledger")
def an_entry_is_missing(of: Evidence) -> None:
    of.rows.entries.pop()


@plants("ledger")
def an_entry_moves_more_than_its_leg_says(of: Evidence) -> None:
    of.rows.entries[7]["signed_points"] += 1


@plants("ledger")
def a_running_balance_is_wrong(of: Evidence) -> None:
    of.rows.entries[7]["running_balance"] -= 1


@plants("ledger")
def a_leg_says_another_balance_than_its_entries(of: Evidence) -> None:
    of.legs(operation=Operation.ACCRUE)[4]["posted"] += 1


@plants("ledger")
def a_reservation_is_gone_without_an_end(of: Evidence) -> None:
    opened = of.open_hold()
    opened["reserved"] -= opened["points"]


@plants("ledger")
def a_reservation_was_ended_twice(of: Evidence) -> None:
    account = of.open_hold()["account_id"]
    first, second = [leg for leg in of.legs(account_id=account) if leg["operation"] in {2, 3}][:2]
    second["refers_to_seq"] = first["refers_to_seq"]


@plants("ledger")
def more_was_captured_than_was_reserved(of: Evidence) -> None:
    of.legs(operation=Operation.CAPTURE)[0]["points"] += 1


@plants("ledger")
def time_went_backwards(of: Evidence) -> None:
    account = of.legs(account_id=of.rows.legs[-1]["account_id"])
    account[-1]["accepted_at"] = account[0]["accepted_at"] - 1


@plants("ledger")
def more_is_gone_than_was_there(of: Evidence) -> None:
    leg = of.legs(operation=Operation.ACCRUE)[0]
    taken = leg["posted"] + 1
    for row in (*of.rows.legs, *of.rows.entries):
        if row["account_id"] == leg["account_id"] and row["seq"] >= leg["seq"]:
            row["posted" if "posted" in row else "running_balance"] -= taken
    of.entries_of(leg)[0]["signed_points"] -= taken


# ------------------------------------------------------------------------------------------------------------- windows


def _with_windows(of: Evidence, measure: int | None) -> Leg:
    leg = next(leg for leg in of.rows.legs if leg["decision"] == Decision.APPROVED and measure in leg["windows"])
    leg["windows"] = dict(leg["windows"])
    return leg


@plants("window")
def a_window_held_points_that_were_given_back(of: Evidence) -> None:
    _with_windows(of, of.terms.points_measure)["windows"][of.terms.points_measure] += 1


@plants("window")
def a_window_forgot_an_attempt(of: Evidence) -> None:
    _with_windows(of, of.terms.attempts_measure)["windows"][of.terms.attempts_measure] -= 1


@plants("window")
def a_window_was_not_looked_at(of: Evidence) -> None:
    del _with_windows(of, of.terms.points_measure)["windows"][of.terms.points_measure]
