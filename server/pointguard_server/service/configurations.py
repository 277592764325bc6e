"""What is done with a program's configuration by calls: versions, their activation, going back. For ``rpc``.

See docs/adr/0035-configuration-by-call.md; ``serving_program`` has how a change takes effect, and ``live_programs`` how
the file, one more author of versions, is taken up.
"""

import asyncio
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Final, NamedTuple, TypeVar

import structlog

from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.domain.errors import (
    ActiveVersionDiffers,
    AlreadyActive,
    InvalidRequest,
    KeyReused,
    NotAnEarlierVersion,
    NotFound,
    Violation,
)
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.ports import Clock
from pointguard_server.rules.compiler import RulesError
from pointguard_server.service.checked_table import Problem
from pointguard_server.service.configuration_ports import ConfigurationReader, ConfigurationVersions
from pointguard_server.service.configuration_versions import (
    ConfigurationActivation,
    ConfigurationRefused,
    ConfigurationVersion,
)
from pointguard_server.service.fixed_settings import OF_THE_FILE, fixed_changes
from pointguard_server.service.program_config import ProgramConfigError
from pointguard_server.service.rule_plan import Configuration
from pointguard_server.service.rule_sets import RuleSets, told
from pointguard_server.service.rule_versions import RequestKey, RuleChange
from pointguard_server.service.serving_program import ServingProgram
from pointguard_server.service.setting_lines import line_of, setting_lines

PROBLEMS_MAX: Final = 100
_CANNOT_CHANGE: Final = "cannot change in a running server"
Made = TypeVar("Made", ConfigurationVersion, ConfigurationActivation)

log = structlog.get_logger(__name__)


class PlacedProblem(NamedTuple):
    """A mistake, and the line in which its setting, or else its table, stands; 0 if that is not known."""

    problem: Problem
    line: int


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """What an activation asks for: a version, the one that is to be active before, and whether it goes back."""

    version: int
    expected_active_version: int
    kind: RuleSetActivationKind
    change: RuleChange


class Configurations:
    """The configurations of the program that serves. Belongs to the event loop."""

    def __init__(
        self,
        serving: ServingProgram,
        rule_sets: RuleSets,
        engine: Engine,
        versions: ConfigurationVersions,
        reader: ConfigurationReader,
        clock: Clock,
    ) -> None:
        self._serving, self._rule_sets, self._engine = serving, rule_sets, engine
        self._versions, self._reader, self._clock = versions, reader, clock
        self._activating = asyncio.Lock()

    @property
    def active_version(self) -> int:
        """The version that decides."""
        return self._serving.configuration.version

    # --------------------------------------------------------------------------------------------------------- reading

    async def check(self, source: str) -> list[PlacedProblem]:
        """Return what is wrong with a text, and what it would change that only the file may; at most ``PROBLEMS_MAX``.

        Raises:
            InvalidRequest, RulesNotChecked, Overloaded: if it cannot be checked.
        """
        mistakes, fixed = await self._problems(source)
        problems = (mistakes + fixed)[:PROBLEMS_MAX]
        lines = setting_lines(source) if problems else {}
        return [PlacedProblem(problem, line_of(problem.path, problem.message, lines)) for problem in problems]

    async def _problems(self, source: str) -> tuple[list[Problem], list[Problem]]:
        """Return a text's mistakes, or else what it would change that only the file may."""
        try:
            with told():
                config, _ = await self._serving.compiler.checking.configuration(source, "configuration")
        except ProgramConfigError as error:
            return list(error.problems), []
        return [], fixed_changes(config, self._serving.configuration.config, OF_THE_FILE)

    async def version(self, number: int) -> ConfigurationVersion:
        """Return a version; 0 stands for the active one.

        Raises:
            NotFound: if there is none of that number.
        """
        tenant = self._serving.tenant
        version = await self._reader.version(tenant.tenant_id, tenant.program_id, number or self.active_version)
        if version is None:
            raise NotFound
        return version

    async def list_versions(self, below: int, count: int) -> list[ConfigurationVersion]:
        """Return versions with numbers below one (0: all), newest first."""
        tenant = self._serving.tenant
        return await self._reader.versions(tenant.tenant_id, tenant.program_id, below, count)

    async def list_activations(self, below: int, count: int) -> list[ConfigurationActivation]:
        """Return activations with numbers below one (0: all), newest first."""
        tenant = self._serving.tenant
        return await self._reader.activations(tenant.tenant_id, tenant.program_id, below, count)

    # -------------------------------------------------------------------------------------------------------- changing

    async def create(self, source: str, change: RuleChange, key: RequestKey) -> ConfigurationVersion:
        """Keep a text as a new version.

        Raises:
            InvalidRequest: if it has mistakes, or changes what only the file may.
            KeyReused: if the key was used for another request.
        """
        tenant = self._serving.tenant

        def known(connection: Any) -> ConfigurationVersion | None:
            return self._known(connection, key, ConfigurationVersion)

        def write(connection: Any) -> ConfigurationVersion:
            return known(connection) or self._versions.add_version(
                connection, tenant.tenant_id, tenant.program_id, source, change, self._clock.now(), key
            )

        # What is fixed may be another since it was made.
        made: ConfigurationVersion | None = await self._engine.run(known)
        if made is not None:
            return made
        mistakes, fixed = await self._problems(source)
        if mistakes:
            # They quote the text, so they are for ``check`` to tell.
            what = f"must be without mistakes, and has {len(mistakes)}: ValidateConfiguration tells them"
            raise InvalidRequest(Violation("source", what))
        if fixed:
            raise InvalidRequest(*(Violation("source", f"{each.path} {_CANNOT_CHANGE}") for each in fixed))
        version: ConfigurationVersion = await self._engine.run(write)
        return version

    async def activate(self, asked: ConfigurationChange, key: RequestKey) -> ConfigurationActivation:
        """Have a version decide at once. What was begun goes on if the caller gives up: a retry finds out.

        Raises:
            NotFound: if there is no such version.
            KeyReused: if the key was used for another request.
            RuleChangeRefused: if it cannot be, and why.
        """
        return await self._rule_sets.unhindered(self._activate(asked, key))

    async def _activate(self, asked: ConfigurationChange, key: RequestKey) -> ConfigurationActivation:
        place = (self._serving.tenant.tenant_id, self._serving.tenant.program_id)

        def look(connection: Any) -> ConfigurationActivation | ConfigurationVersion:
            known = self._known(connection, key, ConfigurationActivation)
            return known or self._judge(connection, asked)

        def step(connection: Any, moment: int) -> ConfigurationActivation:
            # The file may have been faster.
            self._judge(connection, asked)
            return self._versions.add_activation(
                connection, *place, asked.version, asked.kind, asked.change, moment, key
            )

        # One after the other, so that a key's second call finds what the first one made.
        async with self._activating:
            found = await self._engine.run(look)
            if isinstance(found, ConfigurationActivation):
                return found
            configuration = await self._ready(found)
            activation = await self._serving.change(step, configuration=configuration)
        self._serving.configuration_activations[activation.kind] += 1
        log.info(
            "configuration_activated",
            version=activation.version,
            activation=activation.activation,
            kind=activation.kind.name,
        )
        return activation

    async def _ready(self, version: ConfigurationVersion) -> Configuration:
        try:
            with told("version"):
                configuration = await self._serving.made_ready(version)
        except (ProgramConfigError, RulesError, OSError) as error:
            log.error("configuration_refused", version=version.version, problem=str(error))  # noqa: TRY400  (it says it all)
            why = "this server does not understand it" if isinstance(error, ProgramConfigError) else "not compiled"
            raise ConfigurationRefused(version.version, self.active_version, why) from error
        if problems := fixed_changes(configuration.config, self._serving.configuration.config, OF_THE_FILE):
            why = "; ".join(f"{problem.path} {_CANNOT_CHANGE}" for problem in problems)
            raise ConfigurationRefused(version.version, self.active_version, why)
        return configuration

    def _known(self, connection: Any, key: RequestKey, kind: type[Made]) -> Made | None:
        """Return what the request has made before; the writer's thread."""
        known = self._versions.known(connection, self._serving.tenant.tenant_id, key.key)
        if known is None:
            return None
        if known.digest != key.digest or not isinstance(known.made, kind):
            raise KeyReused
        return known.made

    def _judge(self, connection: Any, asked: ConfigurationChange) -> ConfigurationVersion:
        """Return the version, unless it may not be activated; the writer's thread."""
        place = (connection, self._serving.tenant.tenant_id, self._serving.tenant.program_id)
        version, in_force = self._versions.version(*place, asked.version), self._versions.active(*place)
        if version is None:
            raise NotFound
        active = in_force.version if in_force is not None else 0
        if active != asked.expected_active_version:
            raise ActiveVersionDiffers(active)
        if active == asked.version:
            raise AlreadyActive(active)
        is_earlier = asked.version < active or self._versions.was_active(*place, asked.version)
        if asked.kind is RuleSetActivationKind.ROLLBACK and not is_earlier:
            raise NotAnEarlierVersion(asked.version, active)
        return version


def text_difference(before: ConfigurationVersion, after: ConfigurationVersion) -> str:
    """Return how two texts differ, as a unified diff; empty if they do not. It may take long: in a thread."""
    old_name, new_name = (f"version {version.version}" for version in (before, after))
    lines = unified_diff(before.source.splitlines(), after.source.splitlines(), old_name, new_name, lineterm="")
    return "".join(f"{line}\n" for line in lines)
