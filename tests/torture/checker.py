"""Does a ledger explain what its clients saw? Compares a recorded history with the rows and says all that does not fit.

Each account's ``seq`` claims to be the order in which its transactions took effect. The claim is judged by the clients'
own time: what was answered before another call was sent comes before it (linearizability for a given order). A read is
an element of that order too, behind the leg whose ``seq`` it tells. A call that was lost may have taken effect at any
time after it was sent, or not at all.

It knows the contract's messages, the ledger's rows and ``Terms``, and nothing of the code that it judges. The rows'
own arithmetic is the auditor's (``tests/e2e/audit.py``).
"""

import math
import uuid
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pointguard.v1 import common_pb2
from pointguard_server.domain.codes import SERVER_OPERATIONS, Decision, Operation, Reason
from pointguard_server.domain.record import decode_record
from tests.e2e.audit import LedgerRows, audit_connection, ledger_copy, read_rows, recount, uuid_text
from tests.torture.history import READS, Call, History

OPERATIONS = {
    "EnrollMember": Operation.ENROLL,
    "Accrue": Operation.ACCRUE,
    "AuthoriseRedemption": Operation.AUTHORISE,
    "CaptureRedemption": Operation.CAPTURE,
    "VoidRedemption": Operation.VOID,
    "TransferPoints": Operation.TRANSFER,
    "RedeemHousehold": Operation.REDEEM_HOUSEHOLD,
}
ENDS = (Operation.CAPTURE, Operation.VOID, Operation.EXPIRE)
CENTS_A_POINT = 10
Leg = dict[str, Any]


@dataclass(frozen=True)
class Terms:
    """What the program allows: points that an account may redeem in the window, which is longer than any history.

    And under which numbers the records have that window and the one that counts attempts.
    """

    points_max: float = math.inf
    points_measure: int | None = None
    attempts_measure: int | None = None


@dataclass
class Request:
    """All calls of one key, and the legs under it."""

    key: bytes
    calls: list[Call]
    legs: list[Leg]

    @property
    def name(self) -> str:
        return self.calls[0].name

    @property
    def asked(self) -> Any:
        return self.calls[0].request

    @property
    def answer(self) -> Any:
        """Its first answer; None without any."""
        return next((call.answer for call in self.calls if call.answer is not None), None)

    @property
    def sent_at(self) -> float:
        return min(call.sent_at for call in self.calls)

    @property
    def done_at(self) -> float:
        """When a client first knew that it was done."""
        return min((call.ended_at or math.inf for call in self.calls if call.answer is not None), default=math.inf)


@dataclass
class Account:
    """One account's legs in order, with the reads of it by the ``seq`` that they tell."""

    legs: list[Leg] = field(default_factory=list)
    redeemed: int = 0  # points, less what was given back
    reads: defaultdict[int, list[Call]] = field(default_factory=lambda: defaultdict(list))


class Checker:
    """One history beside one ledger. ``faults`` is all that does not fit, a sentence each."""

    def __init__(self, history: History, rows: LedgerRows, terms: Terms) -> None:
        calls, self._wall_us, self._terms = history.calls, history.wall_us, terms
        self._legs, self._entries = rows.legs, rows.entries
        self.faults: list[str] = []
        by_key: defaultdict[bytes, list[Leg]] = defaultdict(list)
        self._accounts: defaultdict[int, Account] = defaultdict(Account)
        self._by_transaction: dict[str, Leg] = {}
        self._redeemed_before: dict[int, int] = {}  # by position, points of the leg's account that windows count
        for leg in self._legs:
            account = self._accounts[leg["account_id"]]
            account.legs.append(leg)
            self._redeemed_before[leg["position"]] = account.redeemed
            account.redeemed += redeemed_by(leg)
            if leg["operation"] not in SERVER_OPERATIONS:
                by_key[leg["idempotency_key"]].append(leg)
                self._by_transaction.setdefault(uuid_text(leg["transaction_id"]), leg)
        self._reads = [call for call in calls if call.name in READS]
        grouped: defaultdict[bytes, list[Call]] = defaultdict(list)
        for call in calls:
            if call.name not in READS:
                grouped[uuid.UUID(call.key).bytes].append(call)
        self._requests = {key: Request(key, own, by_key[key]) for key, own in grouped.items()}
        self._unasked = [key for key in by_key if key not in grouped]
        self.member_accounts = {
            request.asked.identifiers[0].external_id: request.legs[0]["account_id"]
            for request in self._requests.values()
            if request.name == "EnrollMember" and request.legs
        }

    def check(self) -> list[str]:
        """Look at everything; return the faults."""
        try:
            recount(LedgerRows(self._legs, self._entries, []))
        except AssertionError as error:
            # The rest is judged by rows that hold together.
            return [f"ledger: {error}"]
        for key in self._unasked:
            self._say("unasked", f"the ledger has {key.hex()}, which nobody has sent")
        for request in self._requests.values():
            self._check_request(request)
        for call in self._reads:
            self._check_read(call)
        for number, account in self._accounts.items():
            self._check_order(f"account {number}", self._order_of(account))
            self._check_windows(account)
        self._check_order("ledger", self._order_of_all())
        return self.faults

    def _say(self, kind: str, text: str) -> None:
        self.faults.append(f"{kind}: {text}")

    # -------------------------------------------------------------------------------------------------- each request

    def _check_request(self, request: Request) -> None:
        say = partial(self._say_of, request)
        answers = [call.answer for call in request.calls if call.answer is not None]
        if any(answer != answers[0] for answer in answers):
            say("replay", "the same key was answered differently")
        if any(call.request != request.asked for call in request.calls):
            say("history", "one key was sent with two requests")
        refused = next((call for call in request.calls if call.refused), None)
        if refused is not None and (request.legs or answers):
            say("refused", "was refused and done after all")
        if not request.legs:
            if answers:
                say("lost", "was answered and is not in the ledger")
            elif refused is not None:
                self._check_refusal(request, refused)
            return
        if len({leg["transaction_id"] for leg in request.legs}) > 1:
            say("twice", "has two transactions")
            return
        if request.legs[0]["operation"] != OPERATIONS[request.name]:
            say("row", "is another operation in the ledger")
            return
        self._check_legs(request)
        if answers:
            self._check_answer(request)

    def _say_of(self, request: Request, kind: str, text: str) -> None:
        self._say(kind, f"{request.name} {uuid_text(request.key)} {text}")

    def _check_answer(self, request: Request) -> None:
        """The answer says what the first leg says."""
        answer, leg = request.answer, request.legs[0]
        told = [answer.transaction_id, answer.account_id]
        kept = [uuid_text(leg["transaction_id"]), leg["account_id"]]
        if request.name != "EnrollMember":
            told += [answer.balance.posted, answer.balance.reserved, answer.balance.available]
            told.append(answer.points_released if request.name == "VoidRedemption" else answer.points)
            kept += [leg["posted"], leg["reserved"], leg["posted"] - leg["pending"] - leg["reserved"]]
            kept.append(self._points_told(request, leg))
        if hasattr(answer, "decision"):
            told.append(answer.decision)
            kept.append(leg["decision"])
        if told != kept:
            self._say_of(request, "answer", f"was answered {told}, and the ledger has {kept}")

    def _points_told(self, request: Request, leg: Leg) -> int:
        """The points that the answer to a transaction tells."""
        if leg["decision"] != Decision.APPROVED:
            return 0
        if request.name == "VoidRedemption":
            return int(leg["released"])
        return sum(each["points"] for each in request.legs[: None if request.name == "RedeemHousehold" else 1])

    def _check_legs(self, request: Request) -> None:
        """The legs are about what was asked, all of them or none, and decided as they had to be."""
        say, asked, legs = partial(self._say_of, request), request.asked, request.legs
        if [leg["leg_number"] for leg in legs] != list(range(len(legs))):
            say("whole", "lacks a leg, or has one twice")
            return
        if len({(leg["decision"], leg["reason"], leg["batch_id"]) for leg in legs}) > 1:
            say("whole", "was decided differently for its accounts")
        accounts, wanted = [leg["account_id"] for leg in legs], self._wanted_accounts(request)
        if request.name == "RedeemHousehold" and accounts[:1] == wanted[:1]:
            wanted = [account for account in wanted if account in accounts]  # who gives nothing has no leg
        if wanted and accounts != wanted:
            say("row", f"is of the accounts {accounts}, and {wanted} was asked for")
            return
        match request.name:
            case "Accrue":
                if legs[0]["points"] != asked.total.minor_units // CENTS_A_POINT:
                    say("row", f"earned {legs[0]['points']} points")
            case "AuthoriseRedemption":
                self._check_authorise(request, legs[0])
            case "CaptureRedemption" | "VoidRedemption":
                self._check_end(request, legs[0])
            case "TransferPoints" | "RedeemHousehold":
                self._check_several(request)

    def _wanted_accounts(self, request: Request) -> list[int]:
        """Return the accounts that a request names, in its order."""
        asked = request.asked
        match request.name:
            case "TransferPoints":
                members = [asked.member, asked.to]
            case "RedeemHousehold":
                members = list(asked.members)
            case "Accrue" | "AuthoriseRedemption":
                members = [asked.member]
            case _:
                members = []
        return [self.member_accounts.get(member.external_id, 0) for member in members]

    def _check_authorise(self, request: Request, leg: Leg) -> None:
        """An approval was covered, and a decline had to be."""
        say, asked = partial(self._say_of, request), request.asked.points
        covered, left = self._available_before(leg), self._terms.points_max - self._redeemed_before[leg["position"]]
        if leg["decision"] == Decision.APPROVED:
            if leg["points"] > asked or (leg["points"] < asked and not request.asked.allow_partial):
                say("row", f"redeemed {leg['points']} of {asked}")
            if leg["points"] > covered:
                say("overdraft", f"redeemed {leg['points']} of {covered}")
            if leg["points"] > left:
                say("limit", f"redeemed {leg['points']} where {left} were left to redeem")
            return
        reasons = {Reason.INSUFFICIENT_POINTS: asked > covered, Reason.FRAUD_RULE: asked > left}
        if not reasons.get(leg["reason"], False):
            say("decline", f"of {asked} was declined ({leg['reason']}): {covered} were there, {left} left to redeem")

    def _check_several(self, request: Request) -> None:
        """What was asked for has moved as a whole, or nothing has since there was not enough."""
        say, asked, legs = partial(self._say_of, request), request.asked.points, request.legs
        moved = [self._moved_by(leg) for leg in legs]
        if legs[0]["decision"] != Decision.APPROVED:
            givers = self._wanted_accounts(request)[: 1 if request.name == "TransferPoints" else None]
            covered = sum(self._available_at(account, legs[0]["position"]) for account in givers)
            if any(moved) or asked <= covered or legs[0]["reason"] != Reason.INSUFFICIENT_POINTS:
                say("decline", f"of {asked} was declined ({legs[0]['reason']}) and moved {moved}: {covered} were there")
        elif request.name == "TransferPoints":
            if moved != [-asked, asked]:
                say("whole", f"moved {moved} of {asked}")
        else:
            in_order = [-self._available_before(leg) for leg in legs[:-1]]
            if sum(moved) != -asked or moved[:-1] != in_order or moved[-1] > 0:
                say("whole", f"took {moved} of {asked}")

    def _check_end(self, request: Request, leg: Leg) -> None:
        opened = self._by_transaction.get(request.asked.reservation_id)
        if opened is None:
            self._say_of(request, "lost", "ends a reservation that is not in the ledger")
        elif (opened["account_id"], opened["seq"]) != (leg["account_id"], leg["refers_to_seq"]):
            self._say_of(request, "row", "ends another reservation")

    def _check_refusal(self, request: Request, refused: Call) -> None:
        """A capture or void is refused only if the reservation had ended, or could have, when it was refused."""
        if refused.refused != "FAILED_PRECONDITION" or request.name not in {"CaptureRedemption", "VoidRedemption"}:
            self._say_of(request, "refusal", f"was refused with {refused.refused}")
            return
        opened = self._by_transaction.get(request.asked.reservation_id)
        if opened is None:
            self._say_of(request, "lost", "is about a reservation that is not in the ledger")
            return
        ended_by = refused.ended_at or 0
        lapsed = 0 < opened["hold_expires_at"] <= self._wall_us(ended_by)
        legs = self._accounts[opened["account_id"]].legs
        about = [leg for leg in legs if leg["refers_to_seq"] == opened["seq"] and leg["operation"] in ENDS]
        ends = [leg for leg in about if not leg["hold_expires_at"]]
        sent = [self._interval(leg)[0] for leg in ends if leg["operation"] not in SERVER_OPERATIONS]
        if not lapsed and not any(at <= ended_by for at in sent):
            self._say_of(request, "refusal", "was refused while the reservation was open")

    # ---------------------------------------------------------------------------------------------- states and order

    def _before(self, leg: Leg) -> Leg | None:
        return self._accounts[leg["account_id"]].legs[leg["seq"] - 2] if leg["seq"] > 1 else None

    def _available_before(self, leg: Leg) -> int:
        before = self._before(leg)
        return 0 if before is None else int(before["posted"] - before["pending"] - before["reserved"])

    def _available_at(self, number: int, position: int) -> int:
        """Return what an account had before a place in the ledger."""
        legs = self._accounts[number].legs
        at = bisect_left(legs, position, key=lambda leg: int(leg["position"]))
        return legs[at - 1]["posted"] - legs[at - 1]["pending"] - legs[at - 1]["reserved"] if at else 0

    def _moved_by(self, leg: Leg) -> int:
        before = self._before(leg)
        return int(leg["posted"]) - (0 if before is None else int(before["posted"]))

    def _check_read(self, call: Call) -> None:
        """A read tells a state that the account had, and is put behind its leg."""
        if call.answer is None:
            return
        number, seq = self.member_accounts.get(call.request.member.external_id, 0), call.answer.seq
        legs = self._accounts[number].legs
        if call.answer.account_id != number or not 1 <= seq <= len(legs):
            self._say("read", f"a read of account {number} told of account {call.answer.account_id} at seq {seq}")
            return
        self._accounts[number].reads[seq].append(call)
        balance, leg = call.balance, legs[seq - 1]
        if balance.posted != leg["posted"] or balance.reserved not in self._reserved_then(legs[:seq], call):
            self._say("read", f"a read of account {number} at seq {seq} told {_line(balance)}")
        if balance.available != balance.posted - balance.reserved:
            self._say("read", f"a read of account {number} at seq {seq} does not add up: {_line(balance)}")

    def _reserved_then(self, legs: Sequence[Leg], call: Call) -> set[int]:
        """Return what may be reserved behind some legs by the time a read ended: time alone ends reservations."""
        reserved = legs[-1]["reserved"]
        if not reserved:
            return {0}
        ended = {leg["refers_to_seq"] for leg in legs if leg["operation"] in ENDS}
        holds = [leg for leg in legs if leg["hold_expires_at"] and leg["seq"] not in ended]
        possible = {reserved}
        for hold in sorted(holds, key=lambda leg: int(leg["hold_expires_at"])):
            if hold["hold_expires_at"] <= self._wall_us(call.ended_at or 0):
                reserved -= hold["points"]
                possible.add(reserved)
        return possible

    def _interval(self, leg: Leg) -> tuple[float, float]:
        """Return when a leg's request was sent and when it was known to be done; of the server's own: at any time."""
        request = self._requests.get(leg["idempotency_key"])
        if leg["operation"] in SERVER_OPERATIONS or request is None:
            return -math.inf, math.inf
        return request.sent_at, request.done_at

    def _order_of(self, account: Account) -> Iterator[list[tuple[float, float]]]:
        """Yield what the account claims to be an order, each with its interval; reads of one state together."""
        for leg in account.legs:
            yield [self._interval(leg)]
            yield [(call.sent_at, call.ended_at or math.inf) for call in account.reads[leg["seq"]]]

    def _order_of_all(self) -> Iterator[list[tuple[float, float]]]:
        """Yield the same of the whole ledger, a transaction with all of its legs at once."""
        return ([self._interval(leg)] for leg in self._legs if leg["leg_number"] == 0)

    def _check_order(self, where: str, order: Iterator[list[tuple[float, float]]]) -> None:
        latest_sent, place = -math.inf, 0
        for together in order:
            for _, done_at in together:
                place += 1
                if done_at < latest_sent:
                    self._say("order", f"{where}: number {place} was done before one that it puts earlier was sent")
            latest_sent = max([latest_sent, *(sent_at for sent_at, _ in together)])

    # ----------------------------------------------------------------------------------------------------- windows

    def _check_windows(self, account: Account) -> None:
        """What each record says that the windows held is what the legs before it make."""
        if self._terms.points_measure is None:
            return
        attempts = 0
        for leg in account.legs:
            if leg["operation"] != Operation.AUTHORISE:
                continue
            attempts += 1
            expected = {
                self._terms.points_measure: self._redeemed_before[leg["position"]] + leg["points"],
                self._terms.attempts_measure: attempts,
            }
            told = {measure: value for measure, value in leg["windows"].items() if measure in expected}
            wrong = [measure for measure, value in told.items() if value != expected[measure]]
            if leg["decision"] == Decision.APPROVED:
                wrong += [measure for measure in expected if measure not in told]
            if wrong:
                where = f"account {leg['account_id']} at seq {leg['seq']}"
                self._say("window", f"{where}: the record says {told}, and the ledger makes {expected}")


def _line(balance: common_pb2.Balance) -> str:
    return f"{balance.posted} posted, {balance.reserved} reserved, {balance.available} available"


def redeemed_by(leg: Leg) -> int:
    """Return the points that a leg adds to what its account has redeemed; what it gives back is taken off."""
    if leg["operation"] == Operation.AUTHORISE:
        return int(leg["points"]) if leg["decision"] == Decision.APPROVED else 0
    return -int(leg["released"]) if leg["operation"] in ENDS else 0


def read_ledger(database: Path) -> LedgerRows:
    """Read a ledger, audited, as the checker takes it: each leg with what its record says of ``windows``."""
    with ledger_copy(database) as connection:
        audit_connection(connection)
        rows = read_rows(connection)
    for leg in rows.legs:
        leg["windows"] = dict(decode_record(leg["record"]).windows)
    return rows


def kinds_of(faults: Sequence[str]) -> Counter[str]:
    """Return how many faults there are of each kind."""
    return Counter(fault.partition(":")[0] for fault in faults)
