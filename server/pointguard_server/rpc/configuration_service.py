"""ConfigurationService: what managers and the fraud team do with a program's configuration."""

import asyncio

from google.protobuf.message import Message

from pointguard.v1 import configuration_pb2
from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.rpc.encode import timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.rule_messages import (
    change_message,
    key_digest_parts,
    page,
    rule_change,
    source_text,
    version_number,
)
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.configuration_versions import ConfigurationActivation, ConfigurationVersion
from pointguard_server.service.configurations import ConfigurationChange, Configurations, text_difference
from pointguard_server.service.rule_versions import RequestKey

CONFIGURATION_BYTES_MAX = 131_072


class ConfigurationService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk, configurations: Configurations) -> None:
        self._desk, self._configurations = desk, configurations

    async def validate_configuration(
        self, call: Call, request: configuration_pb2.ValidateConfigurationRequest
    ) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        source = source_text(decoder, request.source, CONFIGURATION_BYTES_MAX)
        decoder.check()
        found = await self._configurations.check(source)
        return configuration_pb2.ValidateConfigurationResponse(
            problems=[
                configuration_pb2.ConfigurationProblem(field=problem.path, message=problem.message, line=line)
                for problem, line in found
            ]
        )

    async def create_configuration_version(
        self, call: Call, request: configuration_pb2.CreateConfigurationVersionRequest
    ) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        key = decoder.key(request.idempotency_key)
        source = source_text(decoder, request.source, CONFIGURATION_BYTES_MAX)
        change = rule_change(decoder, request.change, call.key_id)
        decoder.check()
        digest = call.tenant.digest(b"CreateConfigurationVersion", key_digest_parts(change), source.encode())
        version = await self._configurations.create(source, change, RequestKey(key, digest))
        return configuration_pb2.CreateConfigurationVersionResponse(version=_version_message(version))

    async def get_configuration_version(
        self, call: Call, request: configuration_pb2.GetConfigurationVersionRequest
    ) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        if request.version:
            version_number(decoder, request.version)
        decoder.check()
        version = await self._configurations.version(request.version)
        return configuration_pb2.GetConfigurationVersionResponse(version=_version_message(version, with_source=True))

    async def list_configuration_versions(
        self, call: Call, request: configuration_pb2.ListConfigurationVersionsRequest
    ) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        below, size = page(decoder, request.page_size, request.page_token)
        decoder.check()
        versions = await self._configurations.list_versions(below, size + 1)
        return configuration_pb2.ListConfigurationVersionsResponse(
            versions=[_version_message(version) for version in versions[:size]],
            next_page_token=str(versions[size - 1].version) if len(versions) > size else "",
            active_version=self._configurations.active_version,
        )

    async def diff_configuration_versions(
        self, call: Call, request: configuration_pb2.DiffConfigurationVersionsRequest
    ) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        numbers = [version_number(decoder, getattr(request, name), name) for name in ("from_version", "to_version")]
        decoder.check()
        before, after = [await self._configurations.version(number) for number in numbers]
        found = await asyncio.to_thread(text_difference, before, after)
        return configuration_pb2.DiffConfigurationVersionsResponse(text_diff=found)

    async def activate_configuration_version(
        self, call: Call, request: configuration_pb2.ActivateConfigurationVersionRequest
    ) -> Message:
        """See the contract."""
        activation = await self._activate(call, request, RuleSetActivationKind.ACTIVATE)
        return configuration_pb2.ActivateConfigurationVersionResponse(activation=activation)

    async def rollback_configuration(
        self, call: Call, request: configuration_pb2.RollbackConfigurationRequest
    ) -> Message:
        """See the contract."""
        activation = await self._activate(call, request, RuleSetActivationKind.ROLLBACK)
        return configuration_pb2.RollbackConfigurationResponse(activation=activation)

    async def _activate(
        self,
        call: Call,
        request: configuration_pb2.ActivateConfigurationVersionRequest | configuration_pb2.RollbackConfigurationRequest,
        kind: RuleSetActivationKind,
    ) -> configuration_pb2.ConfigurationActivation:
        decoder = self._desk.decoder(call)
        key = decoder.key(request.idempotency_key)
        version = version_number(decoder, request.version)
        expected = version_number(decoder, request.expected_active_version, "expected_active_version")
        change = rule_change(decoder, request.change, call.key_id)
        decoder.check()
        digest = call.tenant.digest(kind.name.encode(), key_digest_parts(change, version, expected), b"")
        asked = ConfigurationChange(version, expected, kind, change)
        return _activation_message(await self._configurations.activate(asked, RequestKey(key, digest)))

    async def list_configuration_activations(
        self, call: Call, request: configuration_pb2.ListConfigurationActivationsRequest
    ) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        below, size = page(decoder, request.page_size, request.page_token)
        decoder.check()
        activations = await self._configurations.list_activations(below, size + 1)
        return configuration_pb2.ListConfigurationActivationsResponse(
            activations=[_activation_message(activation) for activation in activations[:size]],
            next_page_token=str(activations[size - 1].activation) if len(activations) > size else "",
        )


def _version_message(
    version: ConfigurationVersion, *, with_source: bool = False
) -> configuration_pb2.ConfigurationVersion:
    return configuration_pb2.ConfigurationVersion(
        version=version.version,
        source=version.source if with_source else "",
        digest=version.digest.hex(),
        change=change_message(version.change),
        created_at=timestamp(version.created_at),
    )


def _activation_message(activation: ConfigurationActivation) -> configuration_pb2.ConfigurationActivation:
    return configuration_pb2.ConfigurationActivation(
        activation=activation.activation,
        version=activation.version,
        previous_version=activation.previous_version,
        kind=int(activation.kind),  # type: ignore[arg-type]
        activated_at=timestamp(activation.activated_at),
        change=change_message(activation.change),
    )
