"""RuleService: what a program's manager does with its earn rules."""

import asyncio
import re
from dataclasses import replace
from zoneinfo import ZoneInfo

from google.protobuf.message import Message

from pointguard.v1 import rule_pb2
from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.rule_messages import (
    activation_message,
    content_digest_parts,
    file_texts,
    key_digest_parts,
    moment,
    page,
    problem_message,
    rule_change,
    simulation_message,
    source_text,
    version_message,
    version_number,
)
from pointguard_server.rpc.rule_orders import check_order, order_of_member, order_of_request
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.rules.fixed_point import DECIMAL_PLACES, SCALE
from pointguard_server.rules.rule_set import RuleSet, RuleSetError
from pointguard_server.service.explanation.explainer import AccountHistory, Explainer, on_history
from pointguard_server.service.rule_differences import differences
from pointguard_server.service.rule_sets import Activation, RuleSets
from pointguard_server.service.rule_simulation import Order, Simulation, lot_moments, simulate, windows_of
from pointguard_server.service.rule_versions import RequestKey

WINDOWS_MAX = 64
DECIMAL = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?")
AHEAD_MAX_US = 400 * 86_400_000_000


class RuleService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk, rule_sets: RuleSets, explainer: Explainer) -> None:
        self._desk = desk
        self._explainer = explainer
        self._rule_sets = rule_sets
        self._simulating = asyncio.Semaphore(1)

    async def validate_rule_set(self, call: Call, request: rule_pb2.ValidateRuleSetRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        source = source_text(decoder, request.source)
        texts = file_texts(decoder, request.files)
        decoder.check()
        try:
            rule_set = await self._rule_sets.check(source, texts)
        except RuleSetError as error:
            problems = [problem_message(problem) for problem in error.problems]
            return rule_pb2.ValidateRuleSetResponse(problems=problems)
        return rule_pb2.ValidateRuleSetResponse(rules=[rule.name for rule in rule_set.rules], cost=rule_set.cost)

    async def format_rule_set(self, call: Call, request: rule_pb2.FormatRuleSetRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        source = source_text(decoder, request.source)
        decoder.check()
        try:
            formatted = await self._rule_sets.formatted(source)
        except RuleSetError as error:
            return rule_pb2.FormatRuleSetResponse(problems=[problem_message(problem) for problem in error.problems])
        return rule_pb2.FormatRuleSetResponse(source=formatted)

    async def create_rule_set_version(self, call: Call, request: rule_pb2.CreateRuleSetVersionRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        key = decoder.key(request.idempotency_key)
        source = source_text(decoder, request.source)
        change = rule_change(decoder, request.change, call.key_id)
        texts = file_texts(decoder, request.files)
        decoder.check()
        contents = await asyncio.to_thread(content_digest_parts, texts) if texts else b""
        digest = call.tenant.digest(b"CreateRuleSetVersion", key_digest_parts(change), source.encode(), contents)
        version = await self._rule_sets.create(source, change, RequestKey(key, digest), texts)
        return rule_pb2.CreateRuleSetVersionResponse(version=version_message(version))

    async def get_rule_set_version(self, call: Call, request: rule_pb2.GetRuleSetVersionRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        number = version_number(decoder, request.version)
        decoder.check()
        version = await self._rule_sets.version(number)
        return rule_pb2.GetRuleSetVersionResponse(version=version_message(version, with_source=True))

    async def list_rule_set_versions(self, call: Call, request: rule_pb2.ListRuleSetVersionsRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        below, size = page(decoder, request.page_size, request.page_token)
        decoder.check()
        versions = await self._rule_sets.list_versions(below, size + 1)
        return rule_pb2.ListRuleSetVersionsResponse(
            versions=[version_message(version) for version in versions[:size]],
            next_page_token=str(versions[size - 1].version) if len(versions) > size else "",
            active_version=self._rule_sets.active_version,
        )

    async def diff_rule_set_versions(self, call: Call, request: rule_pb2.DiffRuleSetVersionsRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        numbers = [version_number(decoder, getattr(request, name), name) for name in ("from_version", "to_version")]
        decoder.check()
        before, after = [await self._rule_sets.version(number) for number in numbers]
        found = await asyncio.to_thread(differences, before, after)
        return rule_pb2.DiffRuleSetVersionsResponse(
            text_diff=found.text,
            added_rules=found.added,
            removed_rules=found.removed,
            changed_rules=found.changed,
            changed_files=[
                rule_pb2.RuleSetFileDifference(
                    name=file.name,
                    added_count=file.added,
                    removed_count=file.removed,
                    from_digest=file.digest_before,
                    to_digest=file.digest_after,
                )
                for file in found.files
            ],
        )

    async def activate_rule_set_version(self, call: Call, request: rule_pb2.ActivateRuleSetVersionRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        effective_at = 0
        if request.HasField("effective_at"):
            effective_at = moment(decoder, request.effective_at, "effective_at")
            if effective_at > self._rule_sets.now() + AHEAD_MAX_US:
                decoder.fault("effective_at", "must be at most 400 days ahead")
        asked, key = self._activation(call, decoder, request, RuleSetActivationKind.ACTIVATE, effective_at)
        activation = await self._rule_sets.activate(asked, key)
        return rule_pb2.ActivateRuleSetVersionResponse(activation=activation_message(activation))

    async def rollback_rule_set(self, call: Call, request: rule_pb2.RollbackRuleSetRequest) -> Message:
        """See the contract."""
        asked, key = self._activation(call, self._desk.decoder(call), request, RuleSetActivationKind.ROLLBACK)
        activation = await self._rule_sets.activate(asked, key)
        return rule_pb2.RollbackRuleSetResponse(activation=activation_message(activation))

    @staticmethod
    def _activation(
        call: Call,
        decoder: Decoder,
        request: rule_pb2.ActivateRuleSetVersionRequest | rule_pb2.RollbackRuleSetRequest,
        kind: RuleSetActivationKind,
        effective_at: int = 0,
    ) -> tuple[Activation, RequestKey]:
        key = decoder.key(request.idempotency_key)
        version = version_number(decoder, request.version)
        expected = version_number(decoder, request.expected_active_version, "expected_active_version")
        change = rule_change(decoder, request.change, call.key_id)
        decoder.check()
        parts = key_digest_parts(change, version, expected, effective_at)
        digest = call.tenant.digest(kind.name.encode(), parts, b"")
        return Activation(version, expected, kind, change, effective_at), RequestKey(key, digest)

    async def cancel_rule_set_activation(self, call: Call, request: rule_pb2.CancelRuleSetActivationRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        key = decoder.key(request.idempotency_key)
        number = version_number(decoder, request.activation, "activation")
        change = rule_change(decoder, request.change, call.key_id)
        decoder.check()
        digest = call.tenant.digest(b"CancelRuleSetActivation", key_digest_parts(change, number), b"")
        cancelled = await self._rule_sets.cancel(number, change, RequestKey(key, digest))
        return rule_pb2.CancelRuleSetActivationResponse(activation=activation_message(cancelled))

    async def list_rule_set_activations(self, call: Call, request: rule_pb2.ListRuleSetActivationsRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        below, size = page(decoder, request.page_size, request.page_token)
        decoder.check()
        activations = await self._rule_sets.list_activations(below, size + 1)
        return rule_pb2.ListRuleSetActivationsResponse(
            activations=[activation_message(activation) for activation in activations[:size]],
            next_page_token=str(activations[size - 1].activation) if len(activations) > size else "",
        )

    async def simulate_rule_set(self, call: Call, request: rule_pb2.SimulateRuleSetRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        if request.HasField("source"):
            source_text(decoder, request.source)
        elif request.HasField("version"):
            version_number(decoder, request.version)
        order, history = await self._order(call, decoder, request)
        rule_set, version = await self._rules(request)
        given = self._windows(decoder, request, windows_of(rule_set))
        scale, zone = call.tenant.money_scale, ZoneInfo(self._rule_sets.time_zone)

        def run() -> Simulation:
            known = order if history is None else on_history(order, history, rule_set, scale, zone)
            windows = {**known.windows, **given}
            return simulate(rule_set, replace(known, windows=windows), scale, zone, is_traced=request.trace)

        async with self._simulating:
            simulation = await asyncio.to_thread(run)
        lots = history.lots if history is not None and history.lots is not None else self._rule_sets.lots
        return simulation_message(
            simulation, version, order.posted, lot_moments(rule_set, lots, order.accepted_at, zone, order.groups)
        )

    async def _order(
        self, call: Call, decoder: Decoder, request: rule_pb2.SimulateRuleSetRequest
    ) -> tuple[Order, AccountHistory | None]:
        """Return the order to try rules out on, and the account's history, if it is one of the ledger."""
        if request.HasField("transaction_id"):
            transaction_id = decoder.transaction_id(request.transaction_id, "transaction_id")
            decoder.check()
            return await self._explainer.accrual(call.tenant.tenant_id, transaction_id)
        if not request.HasField("order"):
            decoder.fault("input", "must be an order or a transaction_id")
        check_order(decoder, request.order)
        now = self._rule_sets.now()
        if request.order.HasField("member"):
            return await order_of_member(self._desk, self._explainer, call, request.order, now)
        return await order_of_request(self._desk, call.tenant, request.order, now), None

    @staticmethod
    def _windows(decoder: Decoder, request: rule_pb2.SimulateRuleSetRequest, known: list[str]) -> dict[str, int]:
        """Return what windows hold, by their texts.

        Raises:
            InvalidRequest: naming every one that the rules do not look at or that holds no number.
        """
        if len(request.windows) > WINDOWS_MAX:
            decoder.fault("windows", f"must be at most {WINDOWS_MAX}")
        found = {}
        for index, window in enumerate(request.windows[:WINDOWS_MAX]):
            if window.window not in known:
                decoder.fault(f"windows[{index}].window", "must be one that the rules look at")
            if not (number := DECIMAL.fullmatch(window.value)):
                decoder.fault(f"windows[{index}].value", "must be a number of up to 12 digits and 6 decimals")
            else:
                found[window.window] = int(number[1]) * SCALE + int((number[2] or "").ljust(DECIMAL_PLACES, "0"))
        decoder.check()
        return found

    async def _rules(self, request: rule_pb2.SimulateRuleSetRequest) -> tuple[RuleSet, int]:
        """Return the rules to try out, and their version."""
        if request.HasField("source"):
            return await self._rule_sets.checked(request.source), 0
        number = request.version if request.HasField("version") else self._rule_sets.active_version
        version = await self._rule_sets.version(number)
        return await self._rule_sets.check_version(version), number
