"""ExplanationService: why a past decision fell as it did."""

from google.protobuf.message import Message

from pointguard.v1 import explanation_pb2
from pointguard_server.domain.codes import LEGS_MAX
from pointguard_server.rpc.explanation_messages import explanation_message
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.history import transaction_message
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.explanation.explainer import Explainer


class ExplanationService:
    """The RPC, of a ``Call`` and a request."""

    def __init__(self, desk: Desk, explainer: Explainer) -> None:
        self._desk = desk
        self._explainer = explainer

    async def explain_decision(self, call: Call, request: explanation_pb2.ExplainDecisionRequest) -> Message:
        """See the contract."""
        decoder, tenant_id = self._desk.decoder(call), call.tenant.tenant_id
        if request.WhichOneof("decision") is None:
            decoder.fault("decision", "must be a transaction_id or an idempotency_key")
            decoder.check()
        if not 0 <= request.leg < LEGS_MAX:
            decoder.fault("leg", f"must be from 0 to {LEGS_MAX - 1}")
            decoder.check()
        if request.HasField("idempotency_key"):
            key = decoder.key(request.idempotency_key)
            decoder.check()
            found = await self._explainer.explain_key(tenant_id, key, request.leg, is_traced=request.trace)
        else:
            transaction_id = decoder.transaction_id(request.transaction_id, "transaction_id")
            decoder.check()
            found = await self._explainer.explain(tenant_id, transaction_id, request.leg, is_traced=request.trace)
        response = explanation_message(found)
        if found.record is not None:
            stored = found.stored
            transaction = await transaction_message(self._desk.reader, tenant_id, stored.record, stored.currency)
            response.transaction.CopyFrom(transaction)
        return response
