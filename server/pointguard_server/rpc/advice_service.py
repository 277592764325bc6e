"""AdviceService: what stands against an account, and what those who look into fraud do about it."""

import time

from google.protobuf.message import Message

from pointguard.v1 import advice_pb2
from pointguard_server.domain.codes import AdviceEvent, AdviceState, CaseState, Decision, Operation
from pointguard_server.domain.interventions import decode_intervention
from pointguard_server.domain.record import decode_record
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import advice_message, fill_end, timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.interventions import (
    intervention_ask,
    intervention_message,
    resolution_ask,
    said_by,
    with_terms,
)
from pointguard_server.rpc.rule_messages import page
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.ports import AdviceHistory, TakenStep

_ENDS = {
    AdviceEvent.OVERRIDDEN: AdviceState.OVERRIDDEN,
    AdviceEvent.REMOVED: AdviceState.REMOVED,
    AdviceEvent.RESOLVED: AdviceState.RESOLVED,
}
_CASE_STATES = {AdviceEvent.PROPOSED: CaseState.PROPOSED, AdviceEvent.RESOLVED: CaseState.RESOLVED}
_UNRESOLVED = frozenset((CaseState.OPEN, CaseState.PROPOSED))


class AdviceService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list_advice(self, call: Call, request: advice_pb2.ListAdviceRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        below, size = page(decoder, request.page_size, request.page_token)
        account_id = await self._account(call, decoder, request)
        now = time.time_ns() // 1000
        found = await self._desk.reader.advice_histories(
            call.tenant.tenant_id, account_id, below, size + 1, 0 if request.include_ended else now
        )
        return advice_pb2.ListAdviceResponse(
            advice=[self._history(history, now) for history in found[:size]],
            next_page_token=str(found[size - 1].raised_position) if len(found) > size else "",
        )

    async def _account(
        self, call: Call, decoder: Decoder, request: advice_pb2.ListAdviceRequest | advice_pb2.ListCasesRequest
    ) -> int:
        """Return the account that a list is about; 0: all."""
        account_id = 0
        if request.HasField("member"):
            ask = decoder.read(Operation.BALANCE, request.member)
            decoder.check()
            account_id = (await self._desk.submit(call, ask)).account_id
        decoder.check()
        return account_id

    def _history(self, history: AdviceHistory, now: int) -> advice_pb2.AdviceHistory:
        latest = history.steps[-1]
        expired = AdviceState.EXPIRED if latest.advice.ends_at <= now else AdviceState.STANDING
        return advice_pb2.AdviceHistory(
            advice=advice_message(latest.advice, self._desk.directory.text),
            account_id=history.account_id,
            agent_id=self._desk.directory.text(history.agent_id),
            state=int(_ENDS.get(AdviceEvent(latest.event), expired)),  # type: ignore[arg-type]
            steps=[_step(step) for step in history.steps],
        )

    async def raise_advice(self, call: Call, request: advice_pb2.RaiseAdviceRequest) -> Message:
        """See the contract."""

        def decode(decoder: Decoder) -> Ask:
            said = with_terms(decoder, said_by(decoder, request.intervention, call.key_id), request)
            member = decoder.member(request.member)
            return intervention_ask(decoder, request.idempotency_key, Operation.RAISE_ADVICE, said, member)

        verdict = await self._desk.submit(call, await self._desk.decode(call, decode))
        # No rule's place stands in the last bytes of its id.
        advice_id = transaction_id = uuid_text(verdict.transaction_id)
        return advice_pb2.RaiseAdviceResponse(
            transaction_id=transaction_id, account_id=verdict.account_id, advice_id=advice_id
        )

    async def override_advice(self, call: Call, request: advice_pb2.OverrideAdviceRequest) -> Message:
        """See the contract."""
        verdict = await self._end(call, request, Operation.OVERRIDE_ADVICE)
        return advice_pb2.OverrideAdviceResponse(
            transaction_id=uuid_text(verdict.transaction_id), account_id=verdict.account_id
        )

    async def remove_advice(self, call: Call, request: advice_pb2.RemoveAdviceRequest) -> Message:
        """See the contract."""
        verdict = await self._end(call, request, Operation.REMOVE_ADVICE)
        return advice_pb2.RemoveAdviceResponse(
            transaction_id=uuid_text(verdict.transaction_id), account_id=verdict.account_id
        )

    async def list_cases(self, call: Call, request: advice_pb2.ListCasesRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        below, size = page(decoder, request.page_size, request.page_token)
        states = {int(state) for state in request.states}
        if not states <= set(CaseState):
            decoder.fault("states", "must be known states")
        account_id = await self._account(call, decoder, request)
        found = await self._desk.reader.cases(
            call.tenant.tenant_id, account_id, below, size + 1, frozenset(map(CaseState, states)) or _UNRESOLVED
        )
        return advice_pb2.ListCasesResponse(
            cases=[self._case(history) for history in found[:size]],
            next_page_token=str(found[size - 1].raised_position) if len(found) > size else "",
        )

    def _case(self, history: AdviceHistory) -> advice_pb2.Case:
        latest = history.steps[-1]
        steps = [_step(step) for step in history.steps]
        return advice_pb2.Case(
            case_id=uuid_text(latest.advice.advice_id),
            account_id=history.account_id,
            agent_id=self._desk.directory.text(history.agent_id),
            state=int(_CASE_STATES.get(AdviceEvent(latest.event), CaseState.OPEN)),  # type: ignore[arg-type]
            outcome=steps[-1].outcome,
            advice=advice_message(latest.advice, self._desk.directory.text),
            steps=steps,
        )

    async def resolve_case(self, call: Call, request: advice_pb2.ResolveCaseRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: resolution_ask(decoder, request, call.key_id))
        case_id = bytes.fromhex(request.case_id.replace("-", ""))
        # Without an owner the engine finds the key, if it was used, or else no account.
        ask.account_id = await self._desk.reader.advice_owner(call.tenant.tenant_id, case_id) or 0
        verdict = await self._desk.submit(call, ask)
        state = CaseState.RESOLVED if verdict.decision == Decision.APPROVED else CaseState.PROPOSED
        return advice_pb2.ResolveCaseResponse(
            transaction_id=uuid_text(verdict.transaction_id),
            account_id=verdict.account_id,
            state=int(state),  # type: ignore[arg-type]
        )

    async def _end(
        self, call: Call, request: advice_pb2.OverrideAdviceRequest | advice_pb2.RemoveAdviceRequest,
        operation: Operation,
    ) -> Verdict:  # fmt: skip
        """Have an advice stand no more."""

        def decode(decoder: Decoder) -> Ask:
            advice_id = decoder.transaction_id(request.advice_id, "advice_id")
            said = said_by(decoder, request.intervention, call.key_id)
            return intervention_ask(decoder, request.idempotency_key, operation, said, advice_id=advice_id)

        ask = await self._desk.decode(call, decode)
        advice_id = bytes.fromhex(request.advice_id.replace("-", ""))
        # Without an owner the engine finds the key, if it was used, or else no account.
        ask.account_id = await self._desk.reader.advice_owner(call.tenant.tenant_id, advice_id) or 0
        return await self._desk.submit(call, ask)


def _step(step: TakenStep) -> advice_pb2.AdviceStep:
    message = advice_pb2.AdviceStep(
        event=step.event,  # type: ignore[arg-type]
        transaction_id=uuid_text(step.transaction_id),
        happened_at=timestamp(step.happened_at),
    )
    fill_end(message, step.advice.ends_at)
    if step.record is not None:
        said = decode_intervention(decode_record(step.record).basket)
        message.intervention.CopyFrom(intervention_message(said))
        message.outcome = said.outcome  # type: ignore[assignment]
    return message
