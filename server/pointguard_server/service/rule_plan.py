"""From what the tables say of a program's rule sets to what decides, now and from later moments on.

For ``bootstrap`` and ``serving_program``, on the writer's thread.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pointguard_server.domain.age_bands import AGE_BANDS
from pointguard_server.domain.codes import CodeKind, ExperimentState, Scope
from pointguard_server.engine.group_sets import GroupSets
from pointguard_server.engine.programs import Arms, Program, Programs, Upcoming
from pointguard_server.rules.checked import CheckedRuleSet, FieldValue, nodes
from pointguard_server.rules.fields import FIELDS
from pointguard_server.rules.inputs import MatchInput
from pointguard_server.rules.value_types import Vector
from pointguard_server.service.birth_inputs import birth_inputs_of
from pointguard_server.service.code_matches import GROUP_SEPARATOR, CodeMatches
from pointguard_server.service.experiment import Experiment
from pointguard_server.service.line_codes import LineCodes
from pointguard_server.service.ports import Directory, Experiments, RuleVersions
from pointguard_server.service.program_config import ProgramConfig
from pointguard_server.service.programs import IntArray, Versions, build_program
from pointguard_server.service.rule_compiler import ReadyRules
from pointguard_server.service.rule_versions import RuleSetActivation, RuleSetVersion

Ready = Mapping[bytes, ReadyRules]
"""Rule sets that may decide, by the digest of their text."""
NOTHING_PREPARED: Final[Mapping[bytes, IntArray]] = {}


class NotReady(RuntimeError):
    """A version that should decide was not made ready."""

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} of the rule set is not ready")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A program's configuration, checked, its version, and what of it was compiled."""

    config: ProgramConfig
    version: int
    fraud_conditions: ReadyRules | None = None  # those of its fraud rules, if they have any

    def with_conditions(self, compiled: ReadyRules | None) -> "Configuration":
        """Return it with its conditions compiled, if these are the same; itself if not."""
        own = self.fraud_conditions
        if own is None or compiled is None or compiled.digest != own.digest:
            return self
        return replace(self, fraud_conditions=compiled)

    @property
    def compiled(self) -> tuple[ReadyRules, ...]:
        """What of it asks for texts and patterns as rule sets do."""
        return () if self.fraud_conditions is None else (self.fraud_conditions,)


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides: ``program`` at once, unless there are ``arms``, and ``upcoming`` from their moments on."""

    program: Program
    arms: tuple[Arms, ...]  # of the experiment that runs, if one does
    upcoming: Upcoming
    planned: tuple[RuleSetActivation, ...]
    missing: tuple[int, ...]  # versions that should decide, or will, and are not ready
    used: tuple[bytes, ...]  # digests of those that are, the one in force first
    numbers: Mapping[tuple[CodeKind, str], int]  # of the texts that the rules speak of
    is_behind: bool = False  # whether something should decide at once that is not ready

    @property
    def programs(self) -> Programs:
        """What decides at once, as the kernel takes it."""
        return Programs([self.program], self.arms)


class Planner:
    """Makes plans for one program."""

    def __init__(
        self, tenant_id: int, program_id: int, names: Directory, versions: RuleVersions, experiments: Experiments
    ) -> None:
        self._tenant_id, self._program_id = tenant_id, program_id
        self._names, self._versions, self._experiments = names, versions, experiments
        self.matches = CodeMatches(names.codes)
        self._group_sets: GroupSets | None = None  # none: nothing has asked for them yet
        names.on_new_code = self._note

    def _note(self, tenant_id: int, kind: CodeKind, text: str, number: int) -> None:
        """Take note of a text that has just got its number."""
        self.matches.note(tenant_id, kind, text, number)
        if kind is CodeKind.GROUP_SET and self._group_sets is not None and tenant_id == self._tenant_id:
            self._group_sets.put(number, text.split(GROUP_SEPARATOR))

    def _sets_for(self, connection: Any, config: ProgramConfig) -> GroupSets | None:
        """Return the groups of all sets, if a fraud rule's scope is a group or the points of some groups do not end."""
        asks = any(rule.scope is Scope.GROUP for rule in config.fraud_rules) or bool(config.lots.exempt_groups)
        if self._group_sets is None and asks:
            self._group_sets = GroupSets()
            for text, number in self._names.codes(connection, self._tenant_id, CodeKind.GROUP_SET):
                self._note(self._tenant_id, CodeKind.GROUP_SET, text, number)
        return self._group_sets

    def needed(self, connection: Any, moment: int) -> list[RuleSetVersion]:
        """Return the versions that decide at a moment and, as is planned, after it; the one in force first."""
        timeline = self._versions.timeline(connection, self._tenant_id, self._program_id, moment)
        arms = _arm_versions(self.running(connection, moment))
        return [self._version(connection, number) for number in dict.fromkeys((*timeline.versions, *arms))]

    def running(self, connection: Any, moment: int) -> Experiment | None:
        """Return the experiment that runs at a moment, if one does."""
        place = (connection, self._tenant_id, self._program_id)
        number = self._experiments.latest_started(*place)
        experiment = self._experiments.experiment(*place, number, moment) if number else None
        return experiment if experiment is not None and experiment.state is ExperimentState.RUNNING else None

    def plan(
        self,
        connection: Any,
        moment: int,
        configuration: Configuration,
        ready: Ready,
        lines: LineCodes,
        serving: int = 0,
        constants: Mapping[bytes, IntArray] = NOTHING_PREPARED,
    ) -> Plan:
        """Return what decides from a moment on.

        ``lines`` number the texts of all that is ``ready``. Where the version in force is not, ``serving`` goes on.
        ``constants`` by digest are taken as they are; those of others are made here.

        Raises:
            NotReady: if that is not ready either.
            TooManyPatterns: if all that is ready asks too much of texts.
        """
        asking = [*ready.values(), *configuration.compiled]
        self.matches.take(connection, self._tenant_id, (rules.rule_set.checked for rules in asking))
        timeline = self._versions.timeline(connection, self._tenant_id, self._program_id, moment)
        numbers: dict[tuple[CodeKind, str], int] = {}
        used: dict[bytes, None] = {}

        def intern(kind: CodeKind, text: str) -> int:
            number = numbers[kind, text] = self._names.intern(connection, self._tenant_id, kind, text)
            return number

        countries = {}
        if any(_reads_country(rules.rule_set.checked) for rules in asking):
            countries = self._countries(connection, intern)
        group_sets = self._sets_for(connection, configuration.config)
        age_bands: tuple[int, ...] = ()
        if any(birth_inputs_of(rules.rule_set.checked) for rules in asking):
            age_bands = tuple(intern(CodeKind.AGE_BAND, band) for band in AGE_BANDS)

        def program_of(number: int) -> Program | None:
            digest = self._versions.digest(connection, self._tenant_id, self._program_id, number)
            if digest is None:
                raise NotReady(number)
            if (rules := ready.get(digest)) is None:
                return None
            used[digest] = None
            versions = Versions(self._program_id, self._tenant_id, number, configuration.version)
            program = build_program(
                configuration.config,
                rules.rule_set,
                rules.compiled,
                versions,
                lines,
                intern,
                self.matches,
                countries,
                configuration.fraud_conditions,
                constants.get(digest),
                group_sets,
            )
            return replace(program, age_bands=age_bands)

        experiment = self.running(connection, moment)
        needed = dict.fromkeys((*timeline.versions, *_arm_versions(experiment)))
        programs = {number: program_of(number) for number in needed}
        in_force = timeline.version_at(moment)
        program = programs.get(in_force) or (program_of(serving) if serving else None)
        if program is None:
            raise NotReady(in_force)
        upcoming = tuple(
            (activation.effective_at, Programs([later]))
            for activation in timeline.planned
            if (later := programs[activation.version]) is not None
        )
        missing = tuple(number for number, made in programs.items() if made is None)
        arms = _arms(experiment, programs)
        behind = programs.get(in_force) is None or (experiment is not None and not arms)
        return Plan(program, arms, upcoming, timeline.planned, missing, tuple(used), numbers, behind)

    def _countries(self, connection: Any, intern: Callable[[CodeKind, str], int]) -> dict[int, int]:
        """Return the country of each store that has one, both by number."""
        stores = self._names.read_stores(connection).items()
        own = {store.store_id: store.country for (tenant_id, _), store in stores if tenant_id == self._tenant_id}
        known = {country: intern(CodeKind.COUNTRY, country) for country in set(own.values()) if country}
        return {store: known[country] for store, country in own.items() if country}

    def _version(self, connection: Any, number: int) -> RuleSetVersion:
        version = self._versions.version(connection, self._tenant_id, self._program_id, number)
        if version is None:
            raise NotReady(number)
        return version


def _arm_versions(experiment: Experiment | None) -> tuple[int, ...]:
    return tuple(arm.version for arm in experiment.design.arms) if experiment is not None else ()


def _arms(experiment: Experiment | None, programs: Mapping[int, Program | None]) -> tuple[Arms, ...]:
    """Return an experiment's arms, if all are ready: where one is missing, nobody is in an arm, and legs say so."""
    if experiment is None:
        return ()
    of_arms = [programs[version] for version in _arm_versions(experiment)]
    ready = tuple(program for program in of_arms if program is not None)
    return (Arms(experiment.split, ready),) if len(ready) == len(of_arms) else ()


def _reads_country(rules: CheckedRuleSet) -> bool:
    """Whether a rule set asks where a store is; finding it out takes time with many stores."""
    index = FIELDS["store.country"].index
    return any(isinstance(each, MatchInput) and each.field == "store.country" for each in rules.inputs) or any(
        isinstance(node, FieldValue) and node.vector is Vector.FACTS and node.index == index for node in nodes(rules)
    )
