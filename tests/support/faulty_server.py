"""The server with a fault that a test chooses, for the conformance kit to find. Tests start it in its place.

    python -m tests.support.faulty_server server arguments…

The file that ``FAULT_FILE`` names holds the name of the fault of the moment, or nothing; the server looks at it anew
for each batch. Faults are planted around the product: in what its kernel is given and gives, and in what Python calls.
"""

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from google.protobuf.message import Message

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_server.__main__ import main
from pointguard_server.domain import errors
from pointguard_server.domain.codes import AccountFlag, Operation, Outcome, RequestFlag
from pointguard_server.domain.record import decode_record
from pointguard_server.engine import batch as engine_batch
from pointguard_server.engine import kernel, verdicts
from pointguard_server.engine.rows import ENVELOPE_COLUMNS
from pointguard_server.engine.world import NOW, STOP
from pointguard_server.rpc import status
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.transaction_service import TransactionService
from pointguard_server.rpc.wire import codec
from pointguard_server.storage.journaled_ledger import JournaledLedger

FAULT_FILE = "POINTGUARD_TEST_FAULT_FILE"
_SECOND: Final = 1_000_000
_HOUR, _YEAR = 3_600 * _SECOND, 365 * 86_400 * _SECOND
_STARTED: Final = time.time_ns() // 1_000


def chosen() -> str:
    """Return the fault of the moment; empty: none."""
    return Path(os.environ[FAULT_FILE]).read_text()


def choose(file: Path, fault: str) -> None:
    """Have the server that looks at the file have a fault from its next batch on; never half a name can be read."""
    fresh = file.with_suffix(".new")
    fresh.write_text(fault)
    fresh.replace(file)


class Scene(NamedTuple):
    """What the kernel is called with."""

    arrays: Any
    world: Any
    batch: Any
    out: Any

    def rows(self, operation: Operation) -> list[int]:
        """Return the requests of an operation that will be decided."""
        batch = self.batch
        asked = (batch.requests["operation"] == operation) & (batch.envelopes["skip"] == 0)
        found: list[int] = (asked & (batch.envelopes["slot"] >= 0)).nonzero()[0].tolist()
        return found

    def account(self, row: int) -> Any:
        """Return the account of a request."""
        return self.arrays.accounts[self.batch.envelopes["slot"][row]]

    def hold(self, row: int) -> Any:
        """Return the open reservation that a request ends; None if there is none."""
        index = self.account(row)["first_hold"]
        while index >= 0:
            hold = self.arrays.holds[index]
            if hold["seq"] == self.batch.envelopes["refers_to"][row]:
                return hold
            index = hold["next"]
        return None


Around = Callable[[Scene], Generator[None, None, None]]
AROUND: dict[str, Around] = {}
"""Faults that stand around the kernel's call, by name."""


def around(name: str) -> Callable[[Around], Around]:
    """Name a fault that stands around the kernel's call."""

    def named(fault: Around) -> Around:
        AROUND[name] = fault
        return fault

    return named


@contextmanager
def restored(*arrays: Any) -> Iterator[None]:
    """Have arrays be afterwards what they were."""
    kept = [array.copy() for array in arrays]
    try:
        yield
    finally:
        for array, before in zip(arrays, kept, strict=True):
            array[:] = before


# ------------------------------------------------------------------------------------------ around the kernel's call


@around("double capture")
def double_capture(scene: Scene) -> Generator[None, None, None]:
    requests = scene.batch.requests
    with restored(requests):
        for row in scene.rows(Operation.CAPTURE):
            ended = (int(scene.account(row)["account_id"]), int(scene.batch.envelopes["refers_to"][row]))
            hold = scene.hold(row)
            if hold is not None:
                _captured[ended] = int(requests["points"][row]) or int(hold["points"])
            elif ended in _captured:
                requests["operation"][row] = int(Operation.AUTHORISE)
                requests["points"][row], requests["flags"][row] = _captured[ended], int(RequestFlag.CAPTURE)
        yield


_captured: dict[tuple[int, int], int] = {}


@around("over-capture is cut down")
def over_capture(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.batch.requests):
        for row in scene.rows(Operation.CAPTURE):
            if (hold := scene.hold(row)) is not None:
                scene.batch.requests["points"][row] = min(scene.batch.requests["points"][row], hold["points"])
        yield


@around("a partial capture takes all")
def whole_capture(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.batch.requests):
        scene.batch.requests["points"][scene.rows(Operation.CAPTURE)] = 0
        yield


@around("every capture is the last")
def last_capture(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.batch.requests):
        scene.batch.requests["flags"][scene.rows(Operation.CAPTURE)] &= ~int(RequestFlag.KEEP_OPEN)
        yield


@around("an extension is answered and forgotten")
def forgotten_extension(scene: Scene) -> Generator[None, None, None]:
    before = [(hold, int(hold["expires_at"])) for row in scene.rows(Operation.EXTEND) if (hold := scene.hold(row))]
    yield
    for hold, expires_at in before:
        hold["expires_at"] = expires_at


@around("a void spends")
def spending_void(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.batch.requests):
        scene.batch.requests["operation"][scene.rows(Operation.VOID)] = int(Operation.CAPTURE)
        yield


@around("an expired hold is captured")
def lasting_hold(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.batch.requests):
        scene.batch.requests["time_to_live"][scene.rows(Operation.AUTHORISE)] *= 1_000
        yield


@around("one more than the threshold")
def late_threshold(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.world.rules["threshold"]):
        scene.world.rules["threshold"] += 1
        yield


@around("window not netted")
def gross_window(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.world.measures["net_of_reversals"]):
        scene.world.measures["net_of_reversals"] = 0
        yield


@around("declined attempts do not count")
def uncounted_attempts(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.world.measures["approved_only"]):
        scene.world.measures["approved_only"] = 1
        yield


@around("the redemption lock is ignored")
def ignored_lock(scene: Scene) -> Generator[None, None, None]:
    yield from _without_flag(scene, AccountFlag.REDEMPTION_LOCKED)


@around("a suspension is ignored")
def ignored_suspension(scene: Scene) -> Generator[None, None, None]:
    yield from _without_flag(scene, AccountFlag.SUSPENDED)


def _without_flag(scene: Scene, flag: AccountFlag) -> Generator[None, None, None]:
    slots = scene.batch.envelopes["slot"][[*scene.rows(Operation.AUTHORISE), *scene.rows(Operation.ACCRUE)]]
    flags = scene.arrays.accounts["flags"]
    before = flags[slots].copy()
    flags[slots] &= ~int(flag)
    yield
    flags[slots] = before


@around("the province is ignored")
def ignored_province(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.batch.envelopes["store_province_id"]):
        scene.batch.envelopes["store_province_id"] = 0
        yield


@around("whoever asks is verified")
def verified(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.batch.requests):
        scene.batch.requests["flags"][scene.rows(Operation.AUTHORISE)] |= int(RequestFlag.PIN_VERIFIED)
        yield


@around("less is approved than was asked for")
def unasked_partial(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.batch.requests):
        scene.batch.requests["flags"][scene.rows(Operation.AUTHORISE)] |= int(RequestFlag.ALLOW_PARTIAL)
        yield


@around("partial approval is forgotten")
def no_partial(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.batch.requests):
        scene.batch.requests["flags"][scene.rows(Operation.AUTHORISE)] &= ~int(RequestFlag.ALLOW_PARTIAL)
        yield


@around("money is rounded down to points")
def cheap_money(scene: Scene) -> Generator[None, None, None]:
    requests, program = scene.batch.requests, scene.world.programs[0]
    with restored(requests):
        for row in scene.rows(Operation.AUTHORISE):
            if requests["flags"][row] & int(RequestFlag.IN_MONEY):
                points = int(requests["money"][row]) * int(program["rate_points"]) // int(program["rate_money"])
                requests["points"][row] = max(points, 1)
                requests["flags"][row] &= ~int(RequestFlag.IN_MONEY)
        yield


@around("rounding up")
def generous_rounding(scene: Scene) -> Generator[None, None, None]:
    requests = scene.batch.requests
    with restored(requests):
        for row in scene.rows(Operation.ACCRUE):
            if not requests["tender_id"][row]:
                requests["money"][row] = -(-int(requests["money"][row]) // 100) * 100
        yield


@around("reserved points are spent")
def spent_twice(scene: Scene) -> Generator[None, None, None]:
    yield from _lower_floor(scene, "reserved")


@around("pending points are spent")
def spent_early(scene: Scene) -> Generator[None, None, None]:
    yield from _lower_floor(scene, "pending")


def _lower_floor(scene: Scene, by: str) -> Generator[None, None, None]:
    rows = scene.rows(Operation.AUTHORISE)
    with restored(scene.world.programs["points_floor"]):
        scene.world.programs["points_floor"] -= max((int(scene.account(row)[by]) for row in rows), default=0)
        yield


@around("a balance goes below zero")
def overdraft(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.world.programs["points_floor"]):
        scene.world.programs["points_floor"] = -(10**6)
        yield


@around("returned again and again")
def endless_returns(scene: Scene) -> Generator[None, None, None]:
    for name in ("returned_points", "returned_money", "returns"):
        scene.batch.returns.originals[name] = 0
    if scene.batch.returns.lines.size:
        scene.batch.returns.lines[:, 1] = 0
    yield


@around("lots returned with a new end")
def longer_lots(scene: Scene) -> Generator[None, None, None]:
    ends = scene.batch.returns.parts["expires_at"]
    ends[ends > 0] = int(scene.batch.header[NOW]) + _YEAR
    yield


@around("the terminal's clock decides")
def terminals_clock(scene: Scene) -> Generator[None, None, None]:
    header, requests = scene.batch.header, scene.batch.requests
    with restored(header):
        for row in (*scene.rows(Operation.AUTHORISE), *scene.rows(Operation.ACCRUE)):
            if requests["occurred_at"][row] > header[NOW] + _HOUR:
                header[NOW] = requests["occurred_at"][row]
        yield


@around("agents give without limit")
def generous_agents(scene: Scene) -> Generator[None, None, None]:
    with restored(scene.world.programs["credit_max"]):
        scene.world.programs["credit_max"] = 0
        yield


@around("reasons in reverse")
def reversed_reasons(scene: Scene) -> Generator[None, None, None]:
    yield
    counts = scene.out.answers["reason_count"]
    for row in scene.rows(Operation.AUTHORISE):
        pairs = scene.out.reasons[row, : 2 * counts[row]].reshape(-1, 2)
        scene.out.reasons[row, : 2 * counts[row]] = pairs[::-1].copy().ravel()


_decide: Callable[..., None] = kernel.decide


def decide(arrays: Any, world: Any, batch: Any, out: Any) -> None:
    """Call the kernel, with the fault of the moment around it."""
    fault = chosen()
    if fault == "stops are ignored":
        world = world._replace(stops=np.zeros(0, STOP))
    planted = AROUND.get(fault)
    if planted is None:
        _decide(arrays, world, batch, out)
        return
    with contextmanager(planted)(Scene(arrays, world, batch, out)):
        _decide(arrays, world, batch, out)


# ------------------------------------------------------------------------------------------------- keys and replays

_settle_used = engine_batch.Decider._settle_used
_new_keys = iter(range(1, 2**62))


_FORGETS: Final[dict[str, Callable[[int], bool]]] = {
    "lost dedupe": lambda _: True,
    "keys are forgotten after a second": lambda moment: moment < time.time_ns() // 1_000 - _SECOND,
    "keys are forgotten in a restart": lambda moment: moment < _STARTED,
}
"""Whether a key is forgotten whose request was accepted at a moment."""


def settle_used(step: Any, rows: list[int], keys: list[bytes], known: dict[bytes, tuple[bytes, bytes]]) -> None:
    """Settle requests whose keys were used, or do so wrongly."""
    fault = chosen()
    if fault == "a different body is answered":
        digests = step.envelopes.view(ENVELOPE_COLUMNS)["request_digest"]
        first = {key: digests[row].item() for row, key in reversed(list(zip(rows, keys, strict=True)))}
        for row, key in zip(rows, keys, strict=True):
            digests[row] = np.void(known[key][0] if key in known else first[key])
    forgets = _FORGETS.get(fault)
    if forgets is not None:
        for place, (row, key) in enumerate(zip(rows, keys, strict=True)):
            repeated = key in keys[:place] and fault == "lost dedupe"
            if repeated or (key in known and forgets(_accepted_at(known[key][1]))):
                known.pop(key, None)
                step.envelopes["idempotency_key_low"][row] = next(_new_keys)
        keys = step.envelopes.view(ENVELOPE_COLUMNS)["idempotency_key"][rows].tolist()
    _settle_used(step, rows, keys, known)


def _accepted_at(record: bytes) -> int:
    moment: Any = decode_record(record).leg["accepted_at"]
    return int(moment)


_verdict_of_record = verdicts.verdict_of_record


def verdict_of_record(data: bytes) -> Any:
    """Return what a replay is answered with."""
    verdict = _verdict_of_record(data)
    if chosen() == "a retry is told another balance":
        return verdict._replace(posted=verdict.posted + 1)
    return verdict


# ---------------------------------------------------------------------------------------------------------- answers

_refusal = status.refusal
_get_balance, _get_transaction = TransactionService.get_balance, TransactionService.get_transaction
_write_items = codec.Codec.write_items
_redeem_household = Decoder.redeem_household
_balances: dict[bytes, Message] = {}


def refusal(outcome: int) -> errors.PointguardError:
    """Return the error that an outcome stands for."""
    if outcome == Outcome.RESERVATION_ENDED and chosen() == "an ended reservation is unknown":
        return errors.NotFound()
    return _refusal(outcome)


async def get_balance(self: TransactionService, call: Any, request: transaction_pb2.GetBalanceRequest) -> Message:
    """Return a balance."""
    if chosen() != "stale balances":
        return await _get_balance(self, call, request)
    key = request.SerializeToString()
    if key not in _balances:
        _balances[key] = await _get_balance(self, call, request)
    return _balances[key]


async def get_transaction(self: TransactionService, call: Any, request: Any) -> Message:
    """Return a transaction."""
    found: Any = await _get_transaction(self, call, request)
    if chosen() == "declines are not kept" and found.transaction.decision == common_pb2.DECISION_DECLINED:
        raise errors.NotFound
    return found  # type: ignore[no-any-return]


def write_items(self: codec.Codec, answers: Any, items: Any) -> bytes:
    """Return the answers to a batch."""
    written = _write_items(self, answers, items)
    if chosen() != "a batch is answered in another order":
        return written
    results = transaction_pb2.ProcessBatchResponse.FromString(written).results
    return transaction_pb2.ProcessBatchResponse(results=reversed(results)).SerializeToString()


def redeem_household(self: Decoder, request: transaction_pb2.RedeemHouseholdRequest) -> Any:
    """Return the ask of a household redemption."""
    if chosen() == "a household in another order":
        turned = transaction_pb2.RedeemHouseholdRequest()
        turned.CopyFrom(request)
        del turned.members[:]
        turned.members.extend(reversed(request.members))
        request = turned
    return _redeem_household(self, request)


# -------------------------------------------------------------------------------------------------------------- disk

_take_occurrence = JournaledLedger.take_occurrence


def take_occurrence(self: JournaledLedger, tenant_id: int, occurrence: Any, now: int) -> Outcome:
    """Keep an offline redemption, or take each as the first one of its allowance."""
    outcome = _take_occurrence(self, tenant_id, occurrence, now)
    return Outcome.DONE if chosen() == "allowances are spent again and again" else outcome


_commit = JournaledLedger.commit


def commit(self: JournaledLedger) -> None:
    """Make a batch durable, or only say so: what is written later a power cut takes away."""
    if chosen() != "early acknowledgement" or self._direct:
        _commit(self)
        return
    vars(self._journal)["append"] = vars(self.projector)["add"] = lambda *_: None
    try:
        _commit(self)
    finally:
        del vars(self._journal)["append"], vars(self.projector)["add"]


ELSEWHERE: Final = (
    "stops are ignored",
    "a different body is answered",
    "lost dedupe",
    "keys are forgotten after a second",
    "a retry is told another balance",
    "an ended reservation is unknown",
    "stale balances",
    "declines are not kept",
    "a batch is answered in another order",
    "allowances are spent again and again",
    "a household in another order",
)
IN_POWER_CUTS: Final = ("early acknowledgement", "keys are forgotten in a restart")
FAULTS: Final = (*AROUND, *ELSEWHERE, *IN_POWER_CUTS)

if __name__ == "__main__":
    vars(engine_batch)["decide"] = decide
    engine_batch.Decider._settle_used = staticmethod(settle_used)  # type: ignore[method-assign]
    for module in (codec, verdicts):
        vars(module)["verdict_of_record"] = verdict_of_record
    for module in (codec, status):
        vars(module)["refusal"] = refusal
    TransactionService.get_balance = get_balance  # type: ignore[method-assign]
    TransactionService.get_transaction = get_transaction  # type: ignore[method-assign]
    codec.Codec.write_items = write_items  # type: ignore[method-assign]
    Decoder.redeem_household = redeem_household  # type: ignore[method-assign]
    JournaledLedger.commit = commit  # type: ignore[method-assign]
    JournaledLedger.take_occurrence = take_occurrence  # type: ignore[method-assign]
    main()
