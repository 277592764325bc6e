"""Understands what a step does, such as `redeems 200, at K-ON, or less`, and makes the request that it stands for.

A phrase is a verb with what it is about, and after commas its qualifiers. Amounts with a currency are money, others are
points. What a phrase does not say, its request leaves out. docs/conformance.md lists them all. For ``performance``.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from pointguard.v1 import activity_pb2, advice_pb2, common_pb2, member_pb2, offline_pb2, transaction_pb2
from pointguard_client.conformance.occurrences import OFFLINE_REDEMPTION

CURRENCY: Final = "CAD"
AGAIN, ARRIVES, WAITS, RESTARTS = "again", "arrives", "waits", "restarts"
"""What is no request: an earlier one once more, one that was held back, time, and a power cut."""


class PhraseError(ValueError):
    """A step says what nobody understands."""


class Cast(Protocol):
    """Who and what a scenario's names stand for in one run."""

    def member(self, name: str) -> common_pb2.MemberReference:
        """Return what finds a member."""

    def card(self, name: str) -> common_pb2.MemberReference:
        """Return a card by its name in the scenario."""

    def transaction(self, step: str) -> str:
        """Return the id of the transaction that a step made; of what a stop step made, its number."""

    def allowance(self, step: str) -> offline_pb2.Allowance:
        """Return the allowance that a step had signed out."""

    def unique(self, name: str) -> str:
        """Return a name that no other scenario and no other run has."""

    def key(self, step: str) -> str:
        """Return the idempotency key of an earlier step."""


Build = Callable[["Said", Cast], Any]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A kind of phrase: how it is written, which call it is, and which qualifiers it takes."""

    pattern: str
    rpc: str
    build: Build = field(repr=False)
    takes: frozenset[str] = frozenset()
    role: str = "till"


@dataclass(frozen=True, slots=True)
class Said:
    """What one step says."""

    phrase: Phrase
    who: tuple[str, ...]
    parts: Mapping[str, str]
    qualifiers: Mapping[str, str]

    @property
    def rpc(self) -> str:
        """The call, or what is none."""
        return self.phrase.rpc

    @property
    def step(self) -> str:
        """The earlier step that it speaks of, if it does."""
        return self.parts.get("step", "")

    @property
    def key_of(self) -> str:
        """The step whose idempotency key it takes, if it does."""
        return self.qualifiers.get("key of", "")

    def request(self, cast: Cast, key: str) -> Any:
        """Return the request, with its idempotency key."""
        request = self.phrase.build(self, cast)
        if (said := self.qualifiers.get("with the key")) is not None:
            key = said.replace("…", "x" * 65).replace("nothing", "")
        for name in ("idempotency_key", "event_id"):
            if name in request.DESCRIPTOR.fields_by_name:
                setattr(request, name, key)
        return request


def understand(does: str, who: tuple[str, ...]) -> Said:
    """Return what a step says.

    Raises:
        PhraseError: nobody understands it.
    """
    head, *tail = (part.strip() for part in does.split(","))
    for phrase in PHRASES:
        if found := re.fullmatch(phrase.pattern, head):
            parts = {name: text for name, text in found.groupdict().items() if text is not None}
            qualifiers = _qualifiers(tail, phrase.takes)
            if not who and phrase.build not in _NOBODY:
                raise PhraseError(f"{does!r} does not say who")
            return Said(phrase, who, parts, qualifiers)
    raise PhraseError(f"{head!r} is nothing that a step can do; see docs/conformance.md")


def seconds_of(text: str) -> float:
    """Read a length of time, such as 3 h."""
    number, unit = text.split()
    return float(number) * _UNITS[unit]


def minor_units(text: str) -> int:
    """Read an amount of money in major units, such as 3.00."""
    whole, _, cents = text.partition(".")
    return int(whole) * 100 + int(cents.ljust(2, "0") or 0)


_UNITS: Final = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_POINTS = r"(?P<points>[\d ]+)"
_MONEY = r"(?P<money>\d+(\.\d\d)?) " + CURRENCY
_STEP = r"(?P<step>[a-z][a-z0-9]*)"
_NAME = r"(?P<other>[a-z][a-z0-9]*)"
_LENGTH = r"\d+(?:\.\d+)? (?:s|min|h|d)"
_QUALIFIERS: Final = {
    "at": r"at (\S+)",
    "terminal": r"terminal (\S+)",
    "cashier": r"cashier (\S+)",
    "online": r"(online)",
    "clock": rf"clock ({_LENGTH} (?:ahead|behind))",
    "ago": rf"({_LENGTH}) ago",
    "as": r"as ([A-Z_]+)",
    "kind": r"kind ([A-Z_]+)",
    "verified by": r"verified by ([A-Z_]+)",
    "or less": r"(or less)",
    "keeping the rest": r"(keeping the rest)",
    "paid": r"paid (\S+)",
    "with a coupon": r"(with a coupon)",
    "for": rf"for ({_LENGTH})",
    "order": r"order (\S+)",
    "in": r"in ([a-z]{2}(?:-[A-Z]{2})?)",
    "agent": r"agent (\S+)",
    "because": r"because ([A-Z_]+)",
    "key of": r"key of ([a-z][a-z0-9]*)",
    "with the key": r"with the key (\S+)",
}
_ORIGIN = frozenset({"at", "terminal", "cashier", "online", "clock"})
_KEY = frozenset({"key of", "with the key"})
_CAPTURES = _ORIGIN | _KEY | {"keeping the rest"}
_REDEEMS = _ORIGIN | _KEY | {"as", "kind", "verified by", "or less", "for", "order", "in"}
_BUYS = _ORIGIN | _KEY | {"kind", "paid", "with a coupon", "order", "in"}


def _qualifiers(tail: Iterable[str], takes: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in tail:
        for name, pattern in _QUALIFIERS.items():
            if name in takes and (match := re.fullmatch(pattern, text)):
                found[name] = match[1]
                break
        else:
            raise PhraseError(f"{text!r} does not go with this; there are {', '.join(sorted(takes)) or 'none'}")
    return found


def _origin(said: Said) -> dict[str, Any]:
    """Return the origin that a step names, as a keyword, or nothing."""
    given = said.qualifiers
    if not _ORIGIN & given.keys():
        return {}
    origin = common_pb2.Origin(
        store_id=given.get("at", ""), terminal_id=given.get("terminal", ""), cashier_id=given.get("cashier", "")
    )
    if "online" in given:
        origin.channel = common_pb2.CHANNEL_ONLINE
    if clock := given.get("clock"):
        length, _, way = clock.rpartition(" ")
        ahead = timedelta(seconds=seconds_of(length))
        origin.occurred_at.FromDatetime(datetime.now(UTC) + (ahead if way == "ahead" else -ahead))
    return {"origin": origin}


def _member(said: Said, cast: Cast) -> common_pb2.MemberReference:
    return cast.member(said.who[0])


def _amount(said: Said) -> dict[str, Any]:
    if "money" in said.parts:
        return {"money": _money(said.parts["money"])}
    return {"points": int(said.parts["points"].replace(" ", ""))}


def _money(text: str) -> common_pb2.Money:
    return common_pb2.Money(currency_code=CURRENCY, minor_units=minor_units(text))


def _said_of(said: Said, **names: str) -> dict[str, Any]:
    """Return the fields that qualifiers fill in as they stand."""
    return {name: said.qualifiers[qualifier] for name, qualifier in names.items() if qualifier in said.qualifiers}


def _kind(said: Said) -> dict[str, Any]:
    if "kind" not in said.qualifiers:
        return {}
    return {"kind": common_pb2.TransactionKind.Value(f"TRANSACTION_KIND_{said.qualifiers['kind']}")}


def _verified(said: Said) -> dict[str, Any]:
    if "verified by" not in said.qualifiers:
        return {}
    return {"verified_by": [common_pb2.Factor.Value(f"FACTOR_{said.qualifiers['verified by']}")]}


def _buy(said: Said, cast: Cast) -> Any:
    request = transaction_pb2.AccrueRequest(
        member=_member(said, cast),
        coupon_used="with a coupon" in said.qualifiers,
        **_origin(said), **_kind(said), **_said_of(said, tender="paid", order_reference="order", language="in"),
    )  # fmt: skip
    if "total" in said.parts:
        request.total.CopyFrom(_money(said.parts["total"]))
        return request
    request.basket.currency_code = CURRENCY
    for line in said.parts["lines"].split(" + "):
        category, amount = line.split()
        request.basket.lines.add(category=category, quantity=1, amount_minor_units=minor_units(amount))
    return request


def _redeem(said: Said, cast: Cast) -> Any:
    request = transaction_pb2.AuthoriseRedemptionRequest(
        member=_member(said, cast),
        capture=said.parts["verb"] == "redeems",
        allow_partial="or less" in said.qualifiers,
        **_amount(said), **_origin(said), **_kind(said), **_verified(said),
        **_said_of(said, redemption_type="as", order_reference="order", language="in"),
    )  # fmt: skip
    if length := said.qualifiers.get("for"):
        request.time_to_live.FromTimedelta(timedelta(seconds=seconds_of(length)))
    return request


def _capture(said: Said, cast: Cast) -> Any:
    return transaction_pb2.CaptureRedemptionRequest(
        reservation_id=cast.transaction(said.step), points=int(said.parts.get("points", "0")),
        keep_open="keeping the rest" in said.qualifiers, **_origin(said),
    )  # fmt: skip


def _extend(said: Said, cast: Cast) -> Any:
    request = transaction_pb2.ExtendReservationRequest(reservation_id=cast.transaction(said.step), **_origin(said))
    if length := said.qualifiers.get("for"):
        request.time_to_live.FromTimedelta(timedelta(seconds=seconds_of(length)))
    return request


def _sign_out(said: Said, cast: Cast) -> Any:
    request = offline_pb2.IssueAllowanceRequest(
        member=_member(said, cast),
        allow_partial="or less" in said.qualifiers,
        **_amount(said), **_origin(said), **_verified(said), **_said_of(said, redemption_type="as", language="in"),
    )  # fmt: skip
    request.time_to_live.FromTimedelta(timedelta(seconds=seconds_of(said.qualifiers.get("for", "1 h"))))
    return request


def _spend_offline(said: Said, cast: Cast) -> Any:
    request = offline_pb2.OfflineRedemption(
        allowance=cast.allowance(said.step), **_amount(said), **_origin(said), **_said_of(said, order_reference="order")
    )
    if not request.origin.HasField("occurred_at"):
        request.origin.occurred_at.FromDatetime(datetime.now(UTC))
    return request


def _void(said: Said, cast: Cast) -> Any:
    return transaction_pb2.VoidRedemptionRequest(reservation_id=cast.transaction(said.step), **_origin(said))


def _return(said: Said, cast: Cast) -> Any:
    request = transaction_pb2.ReturnTransactionRequest(
        original_transaction_id=cast.transaction(said.step), **_origin(said), **_said_of(said, order_reference="order")
    )
    if said.who:
        request.member.CopyFrom(_member(said, cast))
    if "line" in said.parts:
        amount = said.parts.get("amount")
        request.lines.lines.add(line=int(said.parts["line"]), amount_minor_units=minor_units(amount) if amount else 0)
    elif "money" in said.parts:
        request.money.CopyFrom(_money(said.parts["money"]))
    elif "points" in said.parts:
        request.points = int(said.parts["points"])
    return request


def _return_without_receipt(said: Said, cast: Cast) -> Any:
    return transaction_pb2.ReturnTransactionRequest(member=_member(said, cast), **_amount(said), **_origin(said))


def _transfer(said: Said, cast: Cast) -> Any:
    return transaction_pb2.TransferPointsRequest(
        member=_member(said, cast), to=cast.member(said.parts["other"]), **_amount(said), **_origin(said),
        **_verified(said), **_said_of(said, order_reference="order", language="in"),
    )  # fmt: skip


def _redeem_together(said: Said, cast: Cast) -> Any:
    return transaction_pb2.RedeemHouseholdRequest(
        members=[cast.member(name) for name in said.who], **_amount(said), **_origin(said), **_kind(said),
        **_verified(said), **_said_of(said, redemption_type="as", order_reference="order"),
    )  # fmt: skip


def _convert(said: Said, cast: Cast) -> Any:
    return transaction_pb2.ConvertPointsRequest(
        member=_member(said, cast), conversion=said.parts["conversion"], **_amount(said), **_origin(said),
        **_verified(said), **_said_of(said, order_reference="order", language="in"),
    )  # fmt: skip


def _quote(said: Said, cast: Cast) -> Any:
    return transaction_pb2.QuoteRedemptionRequest(
        member=_member(said, cast), **_origin(said), **_said_of(said, redemption_type="as", language="in")
    )


def _balance(said: Said, cast: Cast) -> Any:
    return transaction_pb2.GetBalanceRequest(member=_member(said, cast))


def _balance_by_card(said: Said, cast: Cast) -> Any:
    return transaction_pb2.GetBalanceRequest(member=cast.card(said.parts["card"]))


def _advice(said: Said, cast: Cast) -> Any:
    return advice_pb2.CheckAdviceRequest(member=_member(said, cast), **_origin(said), **_said_of(said, language="in"))


def _look_up(said: Said, cast: Cast) -> Any:
    return transaction_pb2.GetTransactionRequest(transaction_id=cast.transaction(said.step))


def _lock(said: Said, cast: Cast) -> Any:
    return member_pb2.SetRedemptionLockRequest(member=_member(said, cast), locked=said.parts["verb"] == "locks")


def _record(said: Said, cast: Cast) -> Any:
    origin = _origin(said).get("origin") or common_pb2.Origin()
    if length := said.qualifiers.get("ago"):
        origin.occurred_at.FromDatetime(datetime.now(UTC) - timedelta(seconds=seconds_of(length)))
    elif not origin.HasField("occurred_at"):
        origin.occurred_at.FromDatetime(datetime.now(UTC))
    request = activity_pb2.RecordActivityRequest(member=_member(said, cast), origin=origin)
    if "money" in said.parts:
        request.kind = common_pb2.TRANSACTION_KIND_PURCHASE
        request.money.CopyFrom(_money(said.parts["money"]))
    else:
        request.kind = common_pb2.TRANSACTION_KIND_ADHOC_REDEEM
        request.points = int(said.parts["points"].replace(" ", ""))
    return request


def _link(said: Said, cast: Cast) -> Any:
    return member_pb2.LinkIdentifierRequest(
        member=_member(said, cast), identifier=cast.card(said.parts["card"]), **_origin(said)
    )


def _replace(said: Said, cast: Cast) -> Any:
    old, new = (cast.card(said.parts[name]) for name in ("card", "new"))
    return member_pb2.ReplaceCardRequest(card=old, replacement=new, **_origin(said))


def _tier(said: Said, cast: Cast) -> Any:
    return member_pb2.UpdateMemberRequest(member=_member(said, cast), tier=said.parts["tier"])


def _adjust(said: Said, cast: Cast) -> Any:
    agent = cast.unique(said.qualifiers.get("agent", "agent"))
    kind = common_pb2.TRANSACTION_KIND_ADJUSTMENT
    request = transaction_pb2.AdjustPointsRequest(
        member=_member(said, cast), signed_points=int(said.parts["signed"]), agent_id=agent,
        reason_code=said.qualifiers.get("because", "GOODWILL"), note="conformance",
    )  # fmt: skip
    if said.step:
        kind = common_pb2.TRANSACTION_KIND_CORRECTION
        request.corrects_transaction_id = cast.transaction(said.step)
    elif said.parts["verb"] == "is given":
        kind = common_pb2.TRANSACTION_KIND_DISCRETIONARY
    request.kind = kind
    return request


def _intervention(cast: Cast) -> common_pb2.Intervention:
    return common_pb2.Intervention(
        author=cast.unique("analyst"), reason=common_pb2.INTERVENTION_REASON_COMPLIANCE, note="conformance"
    )


def _status(said: Said, cast: Cast) -> Any:
    suspends = said.parts["verb"] == "suspended"
    status = member_pb2.ACCOUNT_STATUS_SUSPENDED if suspends else member_pb2.ACCOUNT_STATUS_ACTIVE
    return member_pb2.SetAccountStatusRequest(
        member=_member(said, cast), status=status, intervention=_intervention(cast)
    )


def _stop(said: Said, cast: Cast) -> Any:
    request = advice_pb2.StopRedemptionsRequest(intervention=_intervention(cast))
    if "unit" in said.parts:
        request.business_unit_id = said.parts["unit"]
    else:
        request.store_id = said.parts["store"]
    return request


def _release(said: Said, cast: Cast) -> Any:
    return advice_pb2.ReleaseRedemptionsRequest(
        stop_id=int(cast.transaction(said.step)), intervention=_intervention(cast)
    )


def _nothing(said: Said, cast: Cast) -> Any:
    raise AssertionError((said, cast))


_NOBODY: Final = (_look_up, _capture, _extend, _void, _return, _stop, _release, _replace, _balance_by_card, _nothing)
"""What needs no member: it names a transaction, a card or a store."""
_ENTRY = r"[A-Z]+ \d+(?:\.\d\d)?"
PHRASES: Final = (
    Phrase(r"buys for (?P<total>\d+(\.\d\d)?)", "Accrue", _buy, _BUYS),
    Phrase(rf"buys (?P<lines>{_ENTRY}(?: \+ {_ENTRY})*)", "Accrue", _buy, _BUYS),
    Phrase(rf"(?P<verb>redeems|authorises) (?:{_MONEY}|{_POINTS})", "AuthoriseRedemption", _redeem, _REDEEMS),
    Phrase(rf"redeem (?:{_POINTS}) together", "RedeemHousehold", _redeem_together, _REDEEMS - {"or less", "for", "in"}),
    Phrase(rf"captures (?:{_POINTS} of )?{_STEP}", "CaptureRedemption", _capture, _CAPTURES),
    Phrase(rf"extends {_STEP}", "ExtendReservation", _extend, _ORIGIN | _KEY | {"for"}),
    Phrase(
        rf"has {_POINTS} signed out", "IssueAllowance", _sign_out,
        _ORIGIN | _KEY | {"for", "or less", "as", "verified by", "in"},
    ),
    Phrase(
        rf"spends {_POINTS} of {_STEP} without a line", OFFLINE_REDEMPTION, _spend_offline, _ORIGIN | _KEY | {"order"}
    ),
    Phrase(rf"voids {_STEP}", "VoidRedemption", _void, _ORIGIN | _KEY),
    Phrase(
        rf"returns (?P<amount>\d+\.\d\d) of line (?P<line>\d+) of {_STEP}", "ReturnTransaction", _return, _ORIGIN | _KEY
    ),
    Phrase(
        rf"returns (?:line (?P<line>\d+) of |{_MONEY} of |(?P<points>\d+) points of )?{_STEP}",
        "ReturnTransaction", _return, _ORIGIN | _KEY | {"order"},
    ),
    Phrase(rf"returns {_MONEY} without a receipt", "ReturnTransaction", _return_without_receipt, _ORIGIN | _KEY),
    Phrase(
        rf"transfers {_POINTS} to {_NAME}", "TransferPoints", _transfer,
        _ORIGIN | _KEY | {"verified by", "order", "in"},
    ),
    Phrase(
        rf"converts {_POINTS} into (?P<conversion>\w+)", "ConvertPoints", _convert,
        _ORIGIN | _KEY | {"verified by", "order", "in"},
    ),
    Phrase(r"asks what may be spent", "QuoteRedemption", _quote, _ORIGIN | {"as", "in"}),
    Phrase(r"asks for the balance", "GetBalance", _balance),
    Phrase(r"the balance of card (?P<card>\w+)", "GetBalance", _balance_by_card),
    Phrase(r"asks for advice", "CheckAdvice", _advice, _ORIGIN | {"in"}),
    Phrase(rf"looks up {_STEP}", "GetTransaction", _look_up),
    Phrase(r"(?P<verb>locks|unlocks) redemptions", "SetRedemptionLock", _lock, _KEY),
    Phrase(
        rf"records a (?:redemption of {_POINTS}|purchase of {_MONEY})", "RecordActivity", _record,
        _ORIGIN | _KEY | {"ago"},
    ),
    Phrase(r"links card (?P<card>\w+)", "LinkIdentifier", _link, _ORIGIN | _KEY),
    Phrase(r"replaces card (?P<card>\w+) by (?P<new>\w+)", "ReplaceCard", _replace, _ORIGIN | _KEY),
    Phrase(r"moves to tier (?P<tier>\w+)", "UpdateMember", _tier, _KEY),
    Phrase(rf"is corrected by (?P<signed>[+-]\d+) for {_STEP}", "AdjustPoints", _adjust,
           _KEY | {"agent", "because"}, "agent"),
    Phrase(r"(?P<verb>is given|is adjusted by) (?P<signed>[+-]?\d+)", "AdjustPoints", _adjust,
           _KEY | {"agent", "because"}, "agent"),
    Phrase(r"is (?P<verb>suspended|reinstated)", "SetAccountStatus", _status, _KEY, "fraud"),
    Phrase(
        r"redemptions are stopped (?:at (?P<store>\S+)|in unit (?P<unit>\S+))", "StopRedemptions", _stop,
        _KEY, "fraud",
    ),
    Phrase(rf"{_STEP} is released", "ReleaseRedemptions", _release, _KEY, "fraud"),
    Phrase(rf"{_STEP} again", AGAIN, _nothing),
    Phrase(rf"{_STEP} arrives", ARRIVES, _nothing),
    Phrase(rf"(?P<length>{_LENGTH}) pass", WAITS, _nothing),
    Phrase(r"the target is killed and started again", RESTARTS, _nothing),
)  # fmt: skip
