"""The calls of a program's manager: versions of earn rules. Reached as `PointguardClient.rules`.

    async with PointguardClient.connect() as client:
        report = await client.rules.validate(source)

The API key must have the role of a manager; the sandbox's has. Errors, retries and deadlines are those of all calls.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import grpc

from pointguard.v1 import rule_pb2, rule_pb2_grpc
from pointguard_client import backtest_messages, backtest_values, rule_messages, rule_values
from pointguard_client.calls import Caller
from pointguard_client.errors import Failure, ServerFault, error_from_failure, failure_from_rpc_error
from pointguard_client.idempotency import new_idempotency_key

NO_WINDOWS: Final[Mapping[str, str]] = {}
NO_FILES: Final[Mapping[str, str]] = {}
ACTIVATION_TIMEOUT_SECONDS: Final = 300.0
"""A version that is new to the server is compiled first, in the background: on a busy machine that takes a minute."""
BACKTEST_TIMEOUT_SECONDS: Final = 3_600.0
ANALYSIS_TIMEOUT_SECONDS: Final = 10.0
"""A source text of full length takes a second to be read, and only one is read at once."""


class RuleClient:
    """The calls about the earn rules of the API key's program.

    Methods that change something take an `idempotency_key` of 1 to 64 bytes and make a UUIDv7 if it is empty.
    """

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._caller = caller
        self._rules = rule_pb2_grpc.RuleServiceStub(channel)

    async def validate(
        self,
        source: str,
        *,
        files: Mapping[str, str] = NO_FILES,
        timeout_seconds: float = ANALYSIS_TIMEOUT_SECONDS,
    ) -> rule_values.RuleSetReport:
        """Return the mistakes of a source text, or its rules' names. `files` are the texts of its sets' files."""
        message = rule_pb2.ValidateRuleSetRequest(source=source, files=rule_messages.encode_files(files))
        method = self._rules.ValidateRuleSet
        return rule_messages.decode_report(
            await self._caller.call("ValidateRuleSet", method, message, timeout_seconds, may_hedge=False)
        )

    async def format(
        self, source: str, *, timeout_seconds: float = ANALYSIS_TIMEOUT_SECONDS
    ) -> rule_values.FormattedRuleSet:
        """Return a source text in its one canonical layout, comments kept, or what is wrong with its form."""
        message = rule_pb2.FormatRuleSetRequest(source=source)
        method = self._rules.FormatRuleSet
        return rule_messages.decode_formatted(
            await self._caller.call("FormatRuleSet", method, message, timeout_seconds, may_hedge=False)
        )

    async def create_version(
        self,
        source: str,
        change: rule_values.RuleChange,
        *,
        files: Mapping[str, str] = NO_FILES,
        idempotency_key: str = "",
        timeout_seconds: float = ANALYSIS_TIMEOUT_SECONDS,
    ) -> rule_values.RuleSetVersion:
        """Keep a source text as a new version; it decides nothing until it is activated.

        `files` are the texts of the files that its sets name, by name.
        """
        message = rule_pb2.CreateRuleSetVersionRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            source=source,
            change=rule_messages.encode_change(change),
            files=rule_messages.encode_files(files),
        )
        method = self._rules.CreateRuleSetVersion
        answer = await self._caller.call("CreateRuleSetVersion", method, message, timeout_seconds, may_hedge=False)
        return rule_messages.decode_version(answer.version)

    async def get_version(self, version: int, *, timeout_seconds: float | None = None) -> rule_values.RuleSetVersion:
        """Return a version with its source text."""
        message = rule_pb2.GetRuleSetVersionRequest(version=version)
        method = self._rules.GetRuleSetVersion
        answer = await self._caller.call("GetRuleSetVersion", method, message, timeout_seconds)
        return rule_messages.decode_version(answer.version)

    async def list_versions(
        self, *, page_size: int = 0, page_token: str = "", timeout_seconds: float | None = None
    ) -> rule_values.RuleSetVersions:
        """Return a page of versions, newest first, and which one is active. A page has up to 100; 0 is for 20."""
        message = rule_pb2.ListRuleSetVersionsRequest(page_size=page_size, page_token=page_token)
        method = self._rules.ListRuleSetVersions
        return rule_messages.decode_versions(
            await self._caller.call("ListRuleSetVersions", method, message, timeout_seconds)
        )

    async def diff_versions(
        self, from_version: int, to_version: int, *, timeout_seconds: float = ANALYSIS_TIMEOUT_SECONDS
    ) -> rule_values.RuleSetDifferences:
        """Compare two versions, as texts and as rules."""
        message = rule_pb2.DiffRuleSetVersionsRequest(from_version=from_version, to_version=to_version)
        method = self._rules.DiffRuleSetVersions
        return rule_messages.decode_differences(
            await self._caller.call("DiffRuleSetVersions", method, message, timeout_seconds, may_hedge=False)
        )

    async def activate_version(
        self,
        version: int,
        change: rule_values.RuleChange,
        *,
        expected_active_version: int,
        effective_at: datetime | None = None,
        idempotency_key: str = "",
        timeout_seconds: float = ACTIVATION_TIMEOUT_SECONDS,
    ) -> rule_values.RuleSetActivation:
        """Have a version decide, at once or from a moment on.

        `expected_active_version` is the one that it takes over from: of two callers at once, one is told by
        ActiveVersionDiffers that the other was faster.
        """
        message = rule_pb2.ActivateRuleSetVersionRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            version=version,
            expected_active_version=expected_active_version,
            effective_at=rule_messages.encode_moment(effective_at, "effective_at"),
            change=rule_messages.encode_change(change),
        )
        method = self._rules.ActivateRuleSetVersion
        answer = await self._caller.call("ActivateRuleSetVersion", method, message, timeout_seconds, may_hedge=False)
        return rule_messages.decode_activation(answer.activation)

    async def roll_back(
        self,
        version: int,
        change: rule_values.RuleChange,
        *,
        expected_active_version: int,
        idempotency_key: str = "",
        timeout_seconds: float = ACTIVATION_TIMEOUT_SECONDS,
    ) -> rule_values.RuleSetActivation:
        """Have an earlier version decide again, at once."""
        message = rule_pb2.RollbackRuleSetRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            version=version,
            expected_active_version=expected_active_version,
            change=rule_messages.encode_change(change),
        )
        method = self._rules.RollbackRuleSet
        answer = await self._caller.call("RollbackRuleSet", method, message, timeout_seconds, may_hedge=False)
        return rule_messages.decode_activation(answer.activation)

    async def cancel_activation(
        self,
        activation: int,
        change: rule_values.RuleChange,
        *,
        idempotency_key: str = "",
        timeout_seconds: float = ACTIVATION_TIMEOUT_SECONDS,
    ) -> rule_values.RuleSetActivation:
        """Call a planned activation off; FailedPrecondition if its moment has come, or it was called off before."""
        message = rule_pb2.CancelRuleSetActivationRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            activation=activation,
            change=rule_messages.encode_change(change),
        )
        method = self._rules.CancelRuleSetActivation
        answer = await self._caller.call("CancelRuleSetActivation", method, message, timeout_seconds, may_hedge=False)
        return rule_messages.decode_activation(answer.activation)

    async def list_activations(
        self, *, page_size: int = 0, page_token: str = "", timeout_seconds: float | None = None
    ) -> rule_values.RuleSetActivations:
        """Return a page of activations, newest first, planned ones included. A page has up to 100; 0 is for 20."""
        message = rule_pb2.ListRuleSetActivationsRequest(page_size=page_size, page_token=page_token)
        method = self._rules.ListRuleSetActivations
        return rule_messages.decode_activations(
            await self._caller.call("ListRuleSetActivations", method, message, timeout_seconds)
        )

    async def simulate(
        self,
        looked_at: rule_values.SimulatedOrder | str,
        *,
        version: int = 0,
        source: str = "",
        trace: bool = False,
        windows: Mapping[str, str] = NO_WINDOWS,
        timeout_seconds: float = ANALYSIS_TIMEOUT_SECONDS,
    ) -> rule_values.Simulation:
        """Return what an order, or a past accrual by its transaction id, would earn. Nothing is written.

        The rules are those of a `version`, of a `source` text, or else the active ones. With `trace`, each outcome says
        how it came about. `windows` says what the windows hold that the rules look at, as numbers in decimal by what
        they are in the rules, such as `count(purchases, 7 days)`; others hold nothing.
        """
        message = rule_pb2.SimulateRuleSetRequest(
            trace=trace,
            windows=[rule_pb2.SimulatedWindow(window=window, value=value) for window, value in windows.items()],
        )
        if isinstance(looked_at, str):
            message.transaction_id = looked_at
        else:
            message.order.CopyFrom(rule_messages.encode_order(looked_at))
        if version and source:
            raise ValueError("give a version or a source text, not both")
        if source:
            message.source = source
        elif version:
            message.version = version
        method = self._rules.SimulateRuleSet
        return rule_messages.decode_simulation(
            await self._caller.call("SimulateRuleSet", method, message, timeout_seconds, may_hedge=False)
        )

    async def backtest(
        self,
        version: int,
        *,
        other_version: int = 0,
        begins_at: datetime | None = None,
        ends_before: datetime | None = None,
        examples_max: int = 0,
        by_occurred_at: bool = False,
        on_progress: Callable[[backtest_values.BacktestProgress], None] = lambda _progress: None,
        timeout_seconds: float = BACKTEST_TIMEOUT_SECONDS,
    ) -> backtest_values.BacktestResult:
        """Return what a version would have given over a range of the ledger. Nothing is written.

        It is compared with another version, or else with what was issued. With `by_occurred_at` the rules see each
        order at the moment that its terminal said. `on_progress` is told several times a second how far it has come.
        It is not tried again by itself: there may be one at a time.
        """
        message = rule_pb2.BacktestRuleSetRequest(
            version=version,
            other_version=other_version,
            begins_at=rule_messages.encode_moment(begins_at, "begins_at"),
            ends_before=rule_messages.encode_moment(ends_before, "ends_before"),
            examples_max=examples_max,
            by_occurred_at=by_occurred_at,
        )
        call = self._rules.BacktestRuleSet(message, timeout=timeout_seconds, metadata=self._caller.metadata)
        try:
            async for event in call:
                if event.HasField("result"):
                    return backtest_messages.decode_result(event.result)
                on_progress(backtest_messages.decode_progress(event.progress))
        except grpc.aio.AioRpcError as error:
            raise error_from_failure(failure_from_rpc_error(error), "BacktestRuleSet") from None
        finally:
            call.cancel()
        raise ServerFault(Failure("INTERNAL", "the stream ended without a result"), "BacktestRuleSet")
