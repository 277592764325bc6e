"""Versions of configurations, as services need them. Storage implements this; ``bootstrap`` says which does."""

from typing import Any, Protocol

from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.service.configuration_versions import (
    ConfigurationActivation,
    ConfigurationVersion,
    KnownConfigurationRequest,
)
from pointguard_server.service.rule_versions import RequestKey, RuleChange


class ConfigurationVersions(Protocol):
    """Versions of configurations and their activations, for the writer's thread: each runs in its atomic step."""

    def add_version(
        self,
        connection: Any,
        tenant_id: int,
        program_id: int,
        source: str,
        change: RuleChange,
        now: int,
        key: RequestKey | None = None,
    ) -> ConfigurationVersion:
        """Keep a text as the program's next version."""
        ...

    def add_activation(
        self,
        connection: Any,
        tenant_id: int,
        program_id: int,
        version: int,
        kind: RuleSetActivationKind,
        change: RuleChange,
        now: int,
        key: RequestKey | None = None,
    ) -> ConfigurationActivation:
        """Have a version decide from ``now`` on."""
        ...

    def version(self, connection: Any, tenant_id: int, program_id: int, version: int) -> ConfigurationVersion | None:
        """Return a version."""
        ...

    def active(self, connection: Any, tenant_id: int, program_id: int) -> ConfigurationActivation | None:
        """Return the activation in force; None before the first."""
        ...

    def last_of_file(self, connection: Any, tenant_id: int, program_id: int) -> ConfigurationVersion | None:
        """Return what the program's file said when it was last activated, if it was."""
        ...

    def was_active(self, connection: Any, tenant_id: int, program_id: int, version: int) -> bool:
        """Whether a version decides or has decided before."""
        ...

    def known(self, connection: Any, tenant_id: int, key: bytes) -> KnownConfigurationRequest | None:
        """Return what the request of an idempotency key made, if the key was used."""
        ...


class ConfigurationReader(Protocol):
    """Reads committed versions and activations, beside the writer. Newest first; ``below`` 0 begins at the newest."""

    async def version(self, tenant_id: int, program_id: int, version: int) -> ConfigurationVersion | None:
        """Return a version with its text."""
        ...

    async def versions(self, tenant_id: int, program_id: int, below: int, count: int) -> list[ConfigurationVersion]:
        """Return up to ``count`` versions with lower numbers than ``below``, without their texts."""
        ...

    async def activations(
        self, tenant_id: int, program_id: int, below: int, count: int
    ) -> list[ConfigurationActivation]:
        """Return up to ``count`` activations with lower numbers than ``below``."""
        ...
