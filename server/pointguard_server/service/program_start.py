"""Bringing a program into an opened ledger, so that what its tables and files say decides.

For ``bootstrap``; ``activate_file`` and ``configuration_is_new`` also for ``live_programs``.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.domain.errors import ProgramChanged
from pointguard_server.engine.ports import LedgerStore
from pointguard_server.rules.compiler import RulesError
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.service.configuration_ports import ConfigurationVersions
from pointguard_server.service.fraud_conditions import check_conditions
from pointguard_server.service.line_codes import LineCodes, line_codes
from pointguard_server.service.ports import Directory, RuleVersions
from pointguard_server.service.program_config import ProgramConfigError, load_program_config
from pointguard_server.service.program_sources import ProgramSources
from pointguard_server.service.rule_compiler import ReadyRules, RuleCompiler
from pointguard_server.service.rule_plan import Configuration, Plan, Planner
from pointguard_server.service.rule_versions import FILE_CHANGE, RuleSetActivation, RuleSetVersion


class ActiveVersionUnusable(RulesError):
    """The active version of the earn rules cannot decide, and the file of earn rules has nothing new to say."""

    def __init__(self, version: int, why: Exception) -> None:
        super().__init__(
            f"version {version} of the earn rules is active and cannot be used; a change of the program's file of"
            f" earn rules takes its place: {why}"
        )


class ActiveConfigurationUnusable(ValueError):
    """The active version of the configuration cannot decide, and the program's file has nothing new to say."""

    def __init__(self, version: int, why: Exception) -> None:
        super().__init__(
            f"version {version} of the configuration is active and cannot be used; a change of the program's file"
            f" takes its place: {why}"
        )


@dataclass(frozen=True, slots=True)
class ProgramStart:
    """What decides from the start's moment on, and how its requests are read."""

    moment: int
    configuration: Configuration
    ready: Mapping[bytes, ReadyRules]
    lines: LineCodes
    plan: Plan


class Undisturbed:
    """Runs a start's jobs for as long as no other server changes what decides: what was read before would be wrong."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._known: int | None = None

    def write(self, job: Callable[[Any], Any]) -> Any:
        """Run ``job(connection)`` in an atomic step of its own, and return what it returns.

        Raises:
            ProgramChanged: another server has changed something since the first job; nothing was done.
        """
        others = self._store.others
        if others is None:
            return self._store.write(job)

        def step(connection: Any) -> tuple[Any, int]:
            if self._known not in (None, others.latest_change.number):
                raise ProgramChanged
            return job(connection), others.latest_change_now().number

        result, self._known = self._store.write(step)
        return result


class ProgramStarter:
    """Starts one program. ``write`` runs a job in an atomic step of its own, as ``LedgerStore.write`` does."""

    def __init__(
        self,
        write: Callable[[Callable[[Any], Any]], Any],
        tenant_id: int,
        program_id: int,
        *,
        names: Directory,
        versions: RuleVersions,
        configurations: ConfigurationVersions,
        planner: Planner,
        compiler: RuleCompiler,
    ) -> None:
        self._write = write
        self._configurations = configurations
        self._tenant_id, self._program_id = tenant_id, program_id
        self._names, self._versions, self._planner, self._compiler = names, versions, planner, compiler

    async def start(self, sources: ProgramSources, moment: int) -> ProgramStart:
        """Return what decides from a moment on: a file with a new text, or else what was activated last.

        Raises:
            RulesError, OSError: if the file's earn rules cannot decide.
            ActiveVersionUnusable, ActiveConfigurationUnusable: if the active version cannot.
        """
        of_file = sources.configuration
        sources = self._write(lambda connection: self._configured(connection, sources))
        ready = await self._ready(sources, moment)
        conditions = None
        if sources.fraud_conditions is not None:
            conditions = await self._compiler.at_once(sources.fraud_conditions)
        lines = LineCodes()
        for rules in (*ready.values(), *((conditions,) if conditions else ())):
            lines = line_codes(rules.rule_set, lines)

        def write(connection: Any) -> tuple[Configuration, Plan]:
            place = (self._tenant_id, self._program_id)
            for store in sources.stores:
                self._names.add_store(connection, self._tenant_id, *store)
            version = activate_configuration_file(self._configurations, connection, *place, of_file, moment)
            self._names.version_stores(connection, self._tenant_id, moment)
            activate_file(self._versions, connection, *place, sources.rule_set, moment)
            configuration = Configuration(sources.config, version, conditions)
            return configuration, self._planner.plan(connection, moment, configuration, ready, lines)

        configuration, plan = self._write(write)
        return ProgramStart(moment, configuration, ready, lines, plan)

    def _configured(self, connection: Any, sources: ProgramSources) -> ProgramSources:
        """Return the sources with the configuration that was activated last, unless the file has a new one."""
        place = (connection, self._tenant_id, self._program_id)
        active = self._configurations.active(*place)
        if active is None or configuration_is_new(self._configurations, *place, sources.configuration):
            return sources
        version = self._configurations.version(*place, active.version)
        if version is None or version.source == sources.configuration:
            return sources
        name = f"version {version.version}"
        try:
            config = load_program_config(version.source, name)
            conditions = check_conditions(config, name)
        except ProgramConfigError as error:
            raise ActiveConfigurationUnusable(version.version, error) from error
        return replace(sources, configuration=version.source, config=config, fraud_conditions=conditions)

    async def _ready(self, sources: ProgramSources, moment: int) -> dict[bytes, ReadyRules]:
        """Return the rule sets that decide or are planned, by digest; those without machine code interpreted."""

        def look(connection: Any) -> tuple[bool, list[RuleSetVersion]]:
            place = (connection, self._tenant_id, self._program_id)
            return is_new(self._versions, *place, sources.rule_set), self._planner.needed(connection, moment)

        file_is_new, needed = self._write(look)
        if file_is_new:
            # The one in force now gives way to the file's.
            planned = needed[1:]
            ready = [await self._compiler.at_once(sources.rule_set)]
        else:
            active, *planned = needed
            ready = [await self._active(active)]
        for version in planned:
            # Whoever keeps the program serving tries again, and says so.
            with suppress(RulesError, OSError, ValueError):
                ready.append(await self._compiler.ready_at_once(version))
        return {rules.digest: rules for rules in ready}

    async def _active(self, version: RuleSetVersion) -> ReadyRules:
        try:
            return await self._compiler.ready_at_once(version)
        except (RulesError, OSError, ValueError) as error:
            raise ActiveVersionUnusable(version.version, error) from error


def configuration_is_new(
    configurations: ConfigurationVersions, connection: Any, tenant_id: int, program_id: int, source: str
) -> bool:
    """Whether a file's configuration is another than the one that was activated from it last."""
    last = configurations.last_of_file(connection, tenant_id, program_id)
    return last is None or last.source != source


def activate_configuration_file(
    configurations: ConfigurationVersions, connection: Any, tenant_id: int, program_id: int, source: str, moment: int
) -> int:
    """Activate a file's configuration unless the file has said the same before; return the version in force."""
    place = (connection, tenant_id, program_id)
    active = configurations.active(*place)
    if active is not None and not configuration_is_new(configurations, *place, source):
        return active.version
    made = configurations.add_version(*place, source, FILE_CHANGE, moment)
    configurations.add_activation(*place, made.version, RuleSetActivationKind.FILE, FILE_CHANGE, moment)
    return made.version


def is_new(versions: RuleVersions, connection: Any, tenant_id: int, program_id: int, rule_set: RuleSet) -> bool:
    """Whether a file's earn rules are others than those that came from it last; files of sets are part of them."""
    last = versions.last_of_file(connection, tenant_id, program_id)
    return last is None or (last.source, last.files) != (rule_set.source, rule_set.files)


def activate_file(
    versions: RuleVersions, connection: Any, tenant_id: int, program_id: int, rule_set: RuleSet, moment: int
) -> RuleSetActivation | None:
    """Make a version of a file's earn rules and activate it, unless the file has said the same before."""
    if not is_new(versions, connection, tenant_id, program_id, rule_set):
        return None
    version = versions.add_version(
        connection, tenant_id, program_id, rule_set.source, FILE_CHANGE, moment, files=rule_set.files
    )
    return versions.add_activation(
        connection,
        tenant_id,
        program_id,
        version.version,
        RuleSetActivationKind.FILE,
        FILE_CHANGE,
        effective_at=moment,
        now=moment,
    )
