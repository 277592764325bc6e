"""Versions of a program's configuration and their activations: the values. Storage keeps them, others make them."""

from dataclasses import dataclass

from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.domain.errors import RuleChangeRefused
from pointguard_server.service.rule_versions import RuleChange


class ConfigurationRefused(RuleChangeRefused):
    """The version cannot serve here; the active one goes on deciding. ``why`` quotes nothing that was sent."""

    reason = "CONFIGURATION_REFUSED"

    def __init__(self, version: int, active_version: int, why: str) -> None:
        super().__init__(f"version {version} cannot serve ({why}); version {active_version} goes on deciding")


@dataclass(frozen=True, slots=True)
class ConfigurationVersion:
    """One version. Times are microseconds since 1970; in lists ``source`` is empty."""

    version: int
    source: str
    digest: bytes
    change: RuleChange
    created_at: int


@dataclass(frozen=True, slots=True)
class ConfigurationActivation:
    """One activation: from ``activated_at`` on ``version`` decides, in place of ``previous_version`` (0: of none)."""

    activation: int
    version: int
    previous_version: int
    kind: RuleSetActivationKind
    activated_at: int
    change: RuleChange


@dataclass(frozen=True, slots=True)
class KnownConfigurationRequest:
    """What a request of a known key made. ``digest`` is the request's."""

    digest: bytes
    made: ConfigurationVersion | ConfigurationActivation
