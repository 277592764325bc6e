"""What must hold after every scenario, whatever it was about. For ``performance``.

* Every answer is in the ledger as it was told: the decision, the balance, entries that come to what moved.
* Each account's transactions follow one another without a gap: nothing was written beside what was answered.
* All that an account's entries moved is what is posted.
* Every request, sent once more with its key, gets its first answer and moves nothing.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pointguard.v1 import advice_pb2, common_pb2, transaction_pb2
from pointguard_client.conformance.occurrences import OFFLINE_REDEMPTION
from pointguard_client.conformance.outcome import Outcome
from pointguard_client.conformance.wire import Wire
from pointguard_client.idempotency import new_idempotency_key

_APPROVED: Final = common_pb2.DECISION_APPROVED
_SHOWN_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class _Write:
    rpc: str
    request: Any
    message: Any


@dataclass(slots=True)
class Writes:
    """The requests of a scenario that change something and were answered, each once."""

    _by_key: dict[str, _Write] = field(default_factory=dict)

    def add(self, rpc: str, request: Any, outcome: Outcome) -> None:
        """Take down what was answered, unless it was before."""
        key = key_of(request)
        if key and outcome.message is not None and key not in self._by_key:
            self._by_key[key] = _Write(rpc, request, outcome.message)

    def all(self) -> Iterable[_Write]:
        """Return them in the order of their first answers."""
        return self._by_key.values()

    def releases(self, author: str) -> list[advice_pb2.ReleaseRedemptionsRequest]:
        """Return the requests that release what is still stopped."""
        released = {write.request.stop_id for write in self.all() if write.rpc == "ReleaseRedemptions"}
        intervention = common_pb2.Intervention(author=author, reason=common_pb2.INTERVENTION_REASON_RESOLVED)
        return [
            advice_pb2.ReleaseRedemptionsRequest(
                idempotency_key=new_idempotency_key(), stop_id=write.message.stop.stop_id, intervention=intervention
            )
            for write in self.all()
            if write.rpc == "StopRedemptions" and write.message.stop.stop_id not in released
        ]


def key_of(request: Any) -> str:
    """Return a request's idempotency key; empty where it has none."""
    return str(getattr(request, "idempotency_key", "") or getattr(request, "event_id", ""))


async def check(wire: Wire, writes: Writes, *, time_passed: bool) -> list[str]:
    """Return what does not hold. Where time has passed, the target may have written what time did."""
    transactional = [write for write in writes.all() if hasattr(write.message, "transaction_id")]
    looked_up = await asyncio.gather(*(_look_up(wire, write) for write in transactional))
    problems = [problem for found in looked_up for problem in found.problems]
    if problems:
        return problems[:_SHOWN_MAX]
    legs: dict[int, list[transaction_pb2.Transaction]] = {}
    for found in looked_up:
        for leg in found.legs:
            legs.setdefault(leg.account_id, []).append(leg)
    for of_account in legs.values():
        problems += await _account_problems(wire, of_account, time_passed=time_passed)
    replays = await asyncio.gather(*(wire.call(write.rpc, write.request) for write in writes.all()))
    for write, replay in zip(writes.all(), replays, strict=True):
        if replay.message != write.message:
            problems.append(f"{_named(write)}, sent once more, is not answered as the first time")
            problems += differences(write.message, replay.message) or [f"but with {replay.code} {replay.reason}"]
    for of_account in legs.values():
        problems += await _account_problems(wire, of_account, time_passed=time_passed, after="after all replays, ")
    return problems[:_SHOWN_MAX]


def balance_problem(outcome: Outcome) -> str:
    """Return what is wrong with an answer's balance; empty if nothing is."""
    balance = getattr(outcome.message, "balance", None)
    if balance is None or balance.available == (due := balance.posted - balance.pending - balance.reserved):
        return ""
    return f"available is {balance.available}, but posted − pending − reserved is {due}"


def differences(first: Any, second: Any) -> list[str]:
    """Return the fields in which two messages differ."""
    if first is None or second is None or first.DESCRIPTOR is not second.DESCRIPTOR:
        return []
    return [
        f"{name}: {_shown(getattr(first, name))} the first time, {_shown(getattr(second, name))} now"
        for name in first.DESCRIPTOR.fields_by_name
        if getattr(first, name) != getattr(second, name)
    ]


@dataclass(frozen=True, slots=True)
class _LookedUp:
    legs: Sequence[transaction_pb2.Transaction] = ()
    problems: tuple[str, ...] = ()


async def _look_up(wire: Wire, write: _Write) -> _LookedUp:
    """Return a transaction as the target knows it, and in what that is not what it answered."""
    request = transaction_pb2.GetTransactionRequest(transaction_id=write.message.transaction_id)
    outcome = await wire.call("GetTransaction", request)
    named = _named(write)
    if outcome.message is None:
        return _LookedUp(problems=(f"{named} was answered, but GetTransaction says {outcome.code}",))
    leg, others = outcome.message.transaction, outcome.message.other_legs
    problems = []
    for name in ("transaction_id", "account_id", "decision", "balance"):
        told, kept = getattr(write.message, name, None), getattr(leg, name)
        if told is not None and told != kept:
            problems.append(f"{named} was answered with {name} {_shown(told)}, but looked up it has {_shown(kept)}")
    problems += [
        f"{named}: its entries end at {each.entries[-1].running_balance}, but posted is {each.balance.posted}"
        for each in (leg, *others)
        if each.entries and each.entries[-1].running_balance != each.balance.posted
    ]
    moved, due = sum(_moved(each) for each in (leg, *others)), _due(write)
    if due is not None and moved != due:
        problems.append(f"{named} moves {due} points, but its entries come to {moved}")
    return _LookedUp((leg, *others), tuple(problems))


def _due(write: _Write) -> int | None:
    """Return what the entries of a transaction must come to by its answer; None if its answer does not say."""
    message = write.message
    if write.rpc == "TransferPoints":
        return 0
    if (
        write.rpc in ("Accrue", "AuthoriseRedemption", "RedeemHousehold", "ConvertPoints")
        and message.decision != _APPROVED
    ):
        return 0
    if write.rpc == "Accrue":
        return int(message.points)
    if write.rpc == "AuthoriseRedemption":
        return -int(message.points) if write.request.capture else 0
    if write.rpc in ("CaptureRedemption", "RedeemHousehold", "ConvertPoints", OFFLINE_REDEMPTION):
        return -int(message.points)
    return int(message.signed_points) if hasattr(message, "signed_points") else None


async def _account_problems(
    wire: Wire, legs: Sequence[transaction_pb2.Transaction], *, time_passed: bool, after: str = ""
) -> list[str]:
    """Return what is wrong with an account, all of whose transactions but the target's own are known."""
    account_id = legs[0].account_id
    named = f"{after}account {account_id}"
    member = common_pb2.MemberReference(account_id=account_id)
    outcome = await wire.call("GetBalance", transaction_pb2.GetBalanceRequest(member=member))
    if outcome.message is None:
        return [f"{named}: GetBalance says {outcome.code} {outcome.reason}"]
    problems = []
    moved, posted = sum(map(_moved, legs)), outcome.message.balance.posted
    if moved != posted:
        problems.append(f"{named}: its entries come to {moved}, but posted is {posted}")
    seqs = sorted(leg.seq for leg in legs)
    if len(set(seqs)) < len(seqs):
        problems.append(f"{named}: two transactions have the same place in its sequence: {seqs}")
    if not time_passed and outcome.message.seq != len(seqs):
        written = outcome.message.seq
        problems.append(f"{named}: {len(seqs)} transactions were answered, but its sequence is at {written}")
    if problem := balance_problem(outcome):
        problems.append(f"{named}: {problem}")
    return problems


def _moved(leg: transaction_pb2.Transaction) -> int:
    return sum(entry.signed_points for entry in leg.entries)


def _named(write: _Write) -> str:
    return f"{write.rpc} {write.message.transaction_id}" if hasattr(write.message, "transaction_id") else write.rpc


def _shown(value: Any) -> str:
    return " ".join(str(value).split()) or "nothing"
