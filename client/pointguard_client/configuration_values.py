"""What is heard about a program's configuration: frozen data with Python's own types. Anyone may use it."""

from dataclasses import dataclass
from datetime import datetime

from pointguard_client.rule_values import RuleChange
from pointguard_client.words import RuleSetActivationKind


@dataclass(frozen=True, slots=True)
class ConfigurationProblem:
    """A mistake: the path of the setting, what is wrong with it, and its line from 1 (0: not known)."""

    field: str
    message: str
    line: int


@dataclass(frozen=True, slots=True)
class ConfigurationVersion:
    """One version of a program's configuration. Only `get_version` gives its `source`."""

    version: int
    source: str
    digest: str
    change: RuleChange
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ConfigurationVersions:
    """A page of versions, newest first. `next_page_token` is empty on the last one."""

    versions: tuple[ConfigurationVersion, ...]
    next_page_token: str
    active_version: int


@dataclass(frozen=True, slots=True)
class ConfigurationActivation:
    """From `activated_at` on `version` decides, in place of `previous_version` (0: of none)."""

    activation: int
    version: int
    previous_version: int
    kind: RuleSetActivationKind
    activated_at: datetime
    change: RuleChange


@dataclass(frozen=True, slots=True)
class ConfigurationActivations:
    """A page of activations, newest first. `next_page_token` is empty on the last one."""

    activations: tuple[ConfigurationActivation, ...]
    next_page_token: str
