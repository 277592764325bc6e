"""The calls about a program's configuration. Reached as `PointguardClient.configuration`.

    async with PointguardClient.connect() as client:
        version = await client.configuration.get_version()

The API key must have the role of a manager or that of the fraud team; the sandbox's has. Errors, retries and deadlines
are those of all calls.
"""

from datetime import UTC

import grpc

from pointguard.v1 import configuration_pb2, configuration_pb2_grpc
from pointguard_client import configuration_values
from pointguard_client.calls import Caller
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.rule_client import ACTIVATION_TIMEOUT_SECONDS, ANALYSIS_TIMEOUT_SECONDS
from pointguard_client.rule_messages import decode_change, encode_change
from pointguard_client.rule_values import RuleChange
from pointguard_client.words import RuleSetActivationKind


class ConfigurationClient:
    """The calls about the configuration of the API key's program, a text in TOML.

    Methods that change something take an `idempotency_key` of 1 to 64 bytes and make a UUIDv7 if it is empty.
    """

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._caller = caller
        self._configurations = configuration_pb2_grpc.ConfigurationServiceStub(channel)

    async def validate(
        self, source: str, *, timeout_seconds: float = ANALYSIS_TIMEOUT_SECONDS
    ) -> tuple[configuration_values.ConfigurationProblem, ...]:
        """Return the mistakes of a text, and the settings that a call cannot change."""
        message = configuration_pb2.ValidateConfigurationRequest(source=source)
        method = self._configurations.ValidateConfiguration
        answer = await self._caller.call("ValidateConfiguration", method, message, timeout_seconds, may_hedge=False)
        return tuple(
            configuration_values.ConfigurationProblem(problem.field, problem.message, problem.line)
            for problem in answer.problems
        )

    async def create_version(
        self,
        source: str,
        change: RuleChange,
        *,
        idempotency_key: str = "",
        timeout_seconds: float = ANALYSIS_TIMEOUT_SECONDS,
    ) -> configuration_values.ConfigurationVersion:
        """Keep a text as a new version; it decides nothing until it is activated."""
        message = configuration_pb2.CreateConfigurationVersionRequest(
            idempotency_key=idempotency_key or new_idempotency_key(), source=source, change=encode_change(change)
        )
        method = self._configurations.CreateConfigurationVersion
        answer = await self._caller.call(
            "CreateConfigurationVersion", method, message, timeout_seconds, may_hedge=False
        )
        return _version(answer.version)

    async def get_version(
        self, version: int = 0, *, timeout_seconds: float | None = None
    ) -> configuration_values.ConfigurationVersion:
        """Return a version with its text; 0 stands for the one that decides now."""
        message = configuration_pb2.GetConfigurationVersionRequest(version=version)
        method = self._configurations.GetConfigurationVersion
        answer = await self._caller.call("GetConfigurationVersion", method, message, timeout_seconds)
        return _version(answer.version)

    async def list_versions(
        self, *, page_size: int = 0, page_token: str = "", timeout_seconds: float | None = None
    ) -> configuration_values.ConfigurationVersions:
        """Return a page of versions, newest first, and which one is active. A page has up to 100; 0 is for 20."""
        message = configuration_pb2.ListConfigurationVersionsRequest(page_size=page_size, page_token=page_token)
        method = self._configurations.ListConfigurationVersions
        answer = await self._caller.call("ListConfigurationVersions", method, message, timeout_seconds)
        versions = tuple(_version(version) for version in answer.versions)
        return configuration_values.ConfigurationVersions(versions, answer.next_page_token, answer.active_version)

    async def diff_versions(
        self, from_version: int, to_version: int, *, timeout_seconds: float = ANALYSIS_TIMEOUT_SECONDS
    ) -> str:
        """Return how two versions' texts differ, as a unified diff; empty if they are the same."""
        message = configuration_pb2.DiffConfigurationVersionsRequest(from_version=from_version, to_version=to_version)
        method = self._configurations.DiffConfigurationVersions
        answer = await self._caller.call("DiffConfigurationVersions", method, message, timeout_seconds, may_hedge=False)
        return answer.text_diff

    async def activate_version(
        self,
        version: int,
        change: RuleChange,
        *,
        expected_active_version: int,
        idempotency_key: str = "",
        timeout_seconds: float = ACTIVATION_TIMEOUT_SECONDS,
    ) -> configuration_values.ConfigurationActivation:
        """Have a version decide at once.

        `expected_active_version` is the one that it takes over from: of two callers at once, one is told by
        ActiveVersionDiffers that the other was faster.
        """
        message = configuration_pb2.ActivateConfigurationVersionRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            version=version,
            expected_active_version=expected_active_version,
            change=encode_change(change),
        )
        method = self._configurations.ActivateConfigurationVersion
        answer = await self._caller.call(
            "ActivateConfigurationVersion", method, message, timeout_seconds, may_hedge=False
        )
        return _activation(answer.activation)

    async def roll_back(
        self,
        version: int,
        change: RuleChange,
        *,
        expected_active_version: int,
        idempotency_key: str = "",
        timeout_seconds: float = ACTIVATION_TIMEOUT_SECONDS,
    ) -> configuration_values.ConfigurationActivation:
        """Have an earlier version decide again, at once."""
        message = configuration_pb2.RollbackConfigurationRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            version=version,
            expected_active_version=expected_active_version,
            change=encode_change(change),
        )
        method = self._configurations.RollbackConfiguration
        answer = await self._caller.call("RollbackConfiguration", method, message, timeout_seconds, may_hedge=False)
        return _activation(answer.activation)

    async def list_activations(
        self, *, page_size: int = 0, page_token: str = "", timeout_seconds: float | None = None
    ) -> configuration_values.ConfigurationActivations:
        """Return a page of activations, newest first. A page has up to 100; 0 is for 20."""
        message = configuration_pb2.ListConfigurationActivationsRequest(page_size=page_size, page_token=page_token)
        method = self._configurations.ListConfigurationActivations
        answer = await self._caller.call("ListConfigurationActivations", method, message, timeout_seconds)
        activations = tuple(_activation(activation) for activation in answer.activations)
        return configuration_values.ConfigurationActivations(activations, answer.next_page_token)


def _version(message: configuration_pb2.ConfigurationVersion) -> configuration_values.ConfigurationVersion:
    return configuration_values.ConfigurationVersion(
        version=message.version,
        source=message.source,
        digest=message.digest,
        change=decode_change(message.change),
        created_at=message.created_at.ToDatetime(tzinfo=UTC),
    )


def _activation(message: configuration_pb2.ConfigurationActivation) -> configuration_values.ConfigurationActivation:
    return configuration_values.ConfigurationActivation(
        activation=message.activation,
        version=message.version,
        previous_version=message.previous_version,
        kind=RuleSetActivationKind(message.kind),
        activated_at=message.activated_at.ToDatetime(tzinfo=UTC),
        change=decode_change(message.change),
    )
