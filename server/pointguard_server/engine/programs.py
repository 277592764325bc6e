"""The programs that the kernel decides by.

Their settings, rules and calendar, as arrays. Built by ``service/programs.py``.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from pointguard_server.domain.calendar import local_time
from pointguard_server.domain.codes import EntryType, Part
from pointguard_server.engine.code_words import CodeWords
from pointguard_server.engine.counters import Counter, awards_since
from pointguard_server.engine.group_sets import GroupSets
from pointguard_server.engine.lot_terms import FOREVER, LotTerms
from pointguard_server.engine.recount import Measured, Recount, ScopeKey
from pointguard_server.engine.rows import OTHER_REASONS
from pointguard_server.engine.split import Split
from pointguard_server.engine.world import (
    AWARD,
    COUNTER,
    DEED,
    EARNED,
    EXEMPTION,
    INPUT,
    PROGRAM,
    RULE,
    STOP,
    IntArray,
    RowArray,
    World,
)
from pointguard_server.velocity.scopes import SCOPED
from pointguard_server.velocity.windows import DISTINCT_STORES, MEASURE

MINUTE = 60_000_000
_ADDS = (MEASURE.names or ()).index("measure")
_OF_AGENT = (RULE.names or ()).index("of_agent")
_CREDIT = (0, int(Part.DISCRETIONARY), int(EntryType.CREDIT))
CALENDAR = ("year", "month", "day", "hour", "minute", "weekday", "date", "day_start", "week_start", "month_start")


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a program's fraud rules, compiled as one. ``code`` keeps what is at ``address`` alive."""

    count: int = 0
    address: int = 0
    inputs: tuple[tuple[int, ...], ...] = ()  # rows of world.INPUT
    input_zones: tuple[ZoneInfo | None, ...] = ()  # of each input that is a date
    constants: tuple[int, ...] = ()
    fact_count: int = 0
    work_size: int = 0
    code: object = field(default=None, repr=False)


NO_CONDITIONS = Conditions()


@dataclass(frozen=True, slots=True)
class ScopedMeasure:
    """A measure of a wider scope than the account; ``place`` is its number among the program's measures."""

    place: int
    scope: int
    measured: Measured


@dataclass(frozen=True, slots=True)
class Program:
    """One program at one version. ``settings`` are fields of ``world.PROGRAM``; ``earn`` keeps compiled code alive."""

    program_id: int
    tenant_id: int
    zone: ZoneInfo
    currency: str
    settings: dict[str, int]
    measures: tuple[tuple[int, ...], ...]  # rows of velocity.windows.MEASURE; wider ones count nothing for accounts
    rules: tuple[tuple[int, ...], ...]  # rows of world.RULE
    awards: tuple[tuple[int, int, int], ...]  # the first fields of world.AWARD
    inputs: tuple[tuple[int, ...], ...]  # rows of world.INPUT
    input_zones: tuple[ZoneInfo | None, ...]  # of each input that is a date
    constants: npt.NDArray[np.int64]
    fact_count: int  # that the earn rules read
    work_size: int  # that the earn rules need: see rules/work_layout.py
    earn: object = field(repr=False)
    lot_terms: tuple[LotTerms, ...] = ()  # of each award; none: they are spendable at once and never end
    code_words: CodeWords = field(default_factory=CodeWords, compare=False, repr=False)
    conditions: Conditions = NO_CONDITIONS  # of the fraud rules
    scoped: tuple[ScopedMeasure, ...] = ()
    alert_only: frozenset[int] = frozenset()  # the ids of fraud rules that may only alert
    group_sets: GroupSets = field(default_factory=GroupSets, compare=False, repr=False)
    counters: tuple[Counter, ...] = ()  # that inputs speak of
    store_countries: dict[int, int] = field(default_factory=dict, repr=False)  # country by store, as their numbers
    credit_terms: LotTerms = FOREVER  # of what agents give
    exempt_groups: tuple[int, ...] = ()  # the numbers in ``group_sets`` of those whose points do not end
    age_bands: tuple[int, ...] = ()  # their numbers, if any rule set that may decide asks for what a birth date says
    deadline_near_s: float = 0.0  # a request with a deadline nearer than this is decided without wider scopes

    @property
    def distinct_measures(self) -> tuple[int, ...]:
        """The measures that count different values."""
        return tuple(m for m, measure in enumerate(self.measures) if measure[_ADDS] >= DISTINCT_STORES)

    @property
    def agent_rules(self) -> int:
        """How many fraud rules are about agents."""
        return sum(rule[_OF_AGENT] for rule in self.rules)

    @property
    def every_term(self) -> tuple[LotTerms, ...]:
        """What becomes of each award, and behind them of what agents give."""
        return (*(self.lot_terms or (FOREVER,) * len(self.awards)), self.credit_terms)

    @property
    def caps(self) -> int:
        """How many inputs speak of counters."""
        return sum(measure == EARNED for _, measure, *_ in self.inputs)


@dataclass(frozen=True, slots=True)
class Arms:
    """A program's experiment: how it splits the accounts, and for each arm the program that decides."""

    split: Split
    programs: tuple[Program, ...]

    def numbered(self) -> Iterable[Program]:
        """Return the arms' programs, each of which says on its legs which arm it is."""
        for arm, program in enumerate(self.programs, 1):
            marks = {"experiment_id": self.split.experiment_id, "arm": arm}
            yield replace(program, settings=program.settings | marks)


class Programs:
    """All programs, as the kernel takes them. ``currencies`` are by program id.

    A program with an experiment stands first, as it would decide without, and its arms follow it. An account has the
    index of the one that decides for it. All share the words of texts and the stores: those of the first are theirs.
    """

    def __init__(self, programs: Sequence[Program], arms: Sequence[Arms] = ()) -> None:
        by_program = {each.programs[0].program_id: each for each in arms}
        everything: list[Program] = []
        self.first_of: dict[int, int] = {}  # the index of a program's first, by its id
        self._splits: dict[int, Split] = {}  # by that index
        for program in programs:
            self.first_of[program.program_id] = len(everything)
            if (split_by := by_program.get(program.program_id)) is not None:
                self._splits[len(everything)] = split_by.split
            everything += [program, *(split_by.numbered() if split_by is not None else ())]
        self.programs = tuple(everything)
        self.splits = {self.programs[first].program_id: split for first, split in self._splits.items()}
        self.currencies = {program.program_id: program.currency for program in programs}
        self.measures_max = max((len(program.measures) for program in everything), default=0)
        self.rules_max = max((len(program.rules) for program in everything), default=0)
        # Of each rule there may be one for what stands and one for what it sees.
        self.reasons_max = OTHER_REASONS + 2 * self.rules_max
        self.awards_max = max((len(program.awards) for program in everything), default=0)
        conditions = [program.conditions for program in everything]
        facts = (*(program.fact_count for program in everything), *(each.fact_count for each in conditions))
        self.facts_max = max(facts, default=0)
        self.held_max = max((each.work_size for each in conditions), default=0)
        self.work_max = max((program.work_size for program in everything), default=0)
        self.makes_lots = any(terms.makes_lots for program in everything for terms in program.lot_terms)
        # An account may go to any arm of its program, so its counters are those of all of them.
        self.counters = {
            each: tuple(dict.fromkeys(known for arm in everything if arm.program_id == each for known in arm.counters))
            for each in self.currencies
        }
        self.counters_max = max(map(len, self.counters.values()), default=0)
        self.windows_max = max((len(each.measures) + each.caps for each in everything), default=0)
        self.scoped = tuple(dict.fromkeys(key for each in everything for key in scope_keys(each)))
        self.group_sets = programs[0].group_sets if programs else GroupSets()
        self.agent_rules = max((program.agent_rules for program in everything), default=0)
        self.distinct_measures = tuple(sorted({m for each in everything for m in each.distinct_measures}))
        self.age_bands = programs[0].age_bands if programs else ()
        self.deadline_near_s = max((each.deadline_near_s for each in everything), default=0.0)
        self._minute = -1
        self._code_words = programs[0].code_words if programs else CodeWords()
        self._world = self._build()

    def world(self, now: int) -> World:
        """Return the programs as they stand at ``now``."""
        if self._world.code_words is not self._code_words.array:
            self._world = self._world._replace(code_words=self._code_words.array)
        sets = self.group_sets
        if self._world.groups is not sets.groups or self._world.group_places is not sets.places:
            self._world = self._world._replace(groups=sets.groups, group_places=sets.places)
        minute = now // MINUTE
        if minute != self._minute:
            self._minute = minute
            for row, program in zip(self._world.programs, self.programs, strict=True):
                local = local_time(now, program.zone)
                for name in CALENDAR:
                    row[name] = getattr(local, name)
                # The inputs of the conditions stand behind the program's own.
                zones = (*program.input_zones, *program.conditions.input_zones)
                for index, zone in enumerate(zones, int(row["first_input"])):
                    if zone is not None:
                        self._world.inputs[index]["most"] = local_time(now, zone).date
                for index, terms in enumerate(program.every_term, int(row["first_award"])):
                    self._world.awards[index]["expires_at"] = terms.expires_at(minute * MINUTE, program.zone)
        return self._world

    @property
    def served(self) -> tuple[Program, ...]:
        """Every program once, as it decides where no experiment runs."""
        return tuple(self.programs[first] for first in self.first_of.values())

    @property
    def alert_only(self) -> frozenset[int]:
        """The ids of fraud rules that may only alert."""
        return frozenset().union(*(program.alert_only for program in self.programs))

    @property
    def rules(self) -> RowArray:
        """Every program's fraud rules and controls: ``world.RULE``."""
        return self._world.rules

    def place(self, first: int, account_id: int) -> int:
        """Return the index of what decides for an account, given that of its program's first."""
        split = self._splits.get(first)
        return first if split is None else first + split.arm_of(account_id)

    def mark_uncounted(self, keys: Collection[ScopeKey]) -> None:
        """Say which counters of wider windows nobody knows yet."""
        numbers = [number for number, key in enumerate(self.scoped) if key in keys]
        self._world.scoped["uncounted"] = np.isin(self._world.scoped["counter"], numbers)

    def retention(self, program_id: int) -> int:
        """Return how long a program's events stay in memory, in microseconds: an account may go to any of its arms."""
        arms = (program for program in self.programs if program.program_id == program_id)
        return max(program.settings["retention"] for program in arms)

    def awards_since(self, now: int) -> int | None:
        """Return from when on counters must know what rules gave; None if there are none."""
        rows = self.world(now).programs
        since = (awards_since(counters, rows[self.first_of[each]]) for each, counters in self.counters.items())
        return min((moment for moment in since if moment is not None), default=None)

    def recount(self, keys: Sequence[ScopeKey], now: int) -> Recount:
        """Return a count of legs for these counters, which has seen none yet; for those who decide at ``now``."""
        return Recount(keys, {each.program_id: each.zone for each in self.programs}, now)

    def calendars(self, now: int) -> dict[int, np.void]:
        """Return a row of ``world.PROGRAM`` for each program by its id."""
        rows = self.world(now).programs
        return {program_id: rows[first] for program_id, first in self.first_of.items()}

    def _build(self) -> World:
        programs = np.zeros(len(self.programs), PROGRAM)
        measures: list[tuple[int, ...]] = []
        scoped: list[tuple[int, ...]] = []
        rules: list[tuple[int, ...]] = []
        awards: list[tuple[int, ...]] = []
        inputs: list[tuple[int, ...]] = []
        constants: list[npt.NDArray[np.int64]] = []
        constant_count = 0
        counters: list[Counter] = []
        exempt_groups: list[int] = []
        for row, program in zip(programs, self.programs, strict=True):
            for name, value in program.settings.items():
                row[name] = value
            row["program_id"], row["tenant_id"] = program.program_id, program.tenant_id
            row["retention"] = self.retention(program.program_id)
            row["first_measure"], row["measure_count"] = len(measures), len(program.measures)
            row["distinct_count"] = len(program.distinct_measures)
            row["first_scoped"], row["scoped_count"] = len(scoped), len(program.scoped)
            row["first_rule"], row["rule_count"] = len(rules), len(program.rules)
            row["first_award"], row["award_count"] = len(awards), len(program.awards)
            row["first_input"], row["input_count"] = len(inputs), len(program.inputs)
            row["first_constant"] = constant_count
            conditions = program.conditions
            row["condition_address"], row["condition_count"] = conditions.address, conditions.count
            row["first_condition_input"] = len(inputs) + len(program.inputs)
            row["condition_input_count"] = len(conditions.inputs)
            row["first_condition_constant"] = constant_count + len(program.constants)
            row["first_counter"], row["counter_count"] = len(counters), len(self.counters[program.program_id])
            counters += self.counters[program.program_id]
            row["first_exempt"], row["exempt_count"] = len(exempt_groups), len(program.exempt_groups)
            exempt_groups += program.exempt_groups
            measures += program.measures
            scoped += [
                (each.place, each.scope, self.scoped.index(key), key.measured.width, 0, *key.measured)
                for each, key in zip(program.scoped, scope_keys(program), strict=True)
            ]
            rules += program.rules
            awards += [
                (*award, each.pending, each.expires_after, 0, each.spares_groups)
                for award, each in zip((*program.awards, _CREDIT), program.every_term, strict=True)
            ]
            inputs += [*(self._input(program, row) for row in program.inputs), *conditions.inputs]
            for each in (program.constants, np.array(conditions.constants, np.int64)):
                constants.append(each)
                constant_count += len(each)
        return World(
            programs,
            np.array(measures, MEASURE),
            np.array(scoped, SCOPED),
            np.array(rules, RULE),
            np.array(awards, AWARD),
            np.array(inputs, INPUT),
            # One more than there are, so that a rule set without literals has an address too.
            np.concatenate([*constants, np.zeros(1, np.int64)]),
            self._code_words.array,
            np.array(counters, COUNTER),
            _by_number(self.programs[0].store_countries if self.programs else {}),
            np.array(self.age_bands, np.int64),
            self.group_sets.places,
            self.group_sets.groups,
            np.array(exempt_groups, np.int64),
            np.zeros(0, EXEMPTION),
            np.zeros(0, STOP),
            np.zeros(0, DEED),
        )

    def _input(self, program: Program, row: tuple[int, ...]) -> tuple[int, ...]:
        """Return a row of ``world.INPUT``; one that speaks of a counter does so by all of the program's."""
        fact, measure, scale, most, source = row
        if measure == EARNED:
            source = self.counters[program.program_id].index(program.counters[source])
        return fact, measure, scale, most, source


Upcoming = tuple[tuple[int, Programs], ...]
"""Programs that decide from their moments on, earliest first."""


def scope_keys(program: Program) -> tuple[ScopeKey, ...]:
    """Return the counter of each of a program's wider measures."""
    return tuple(ScopeKey(program.program_id, each.scope, each.measured) for each in program.scoped)


def kept_counters(programs: Programs, before: Programs) -> list[int] | None:
    """Return the places of counters that go on; None if there are new ones, or several programs have some."""
    if programs.counters == before.counters:
        return list(range(before.counters_max))
    if len(programs.counters) > 1:
        return None
    ((program_id, counters),) = programs.counters.items()
    known = before.counters.get(program_id, ())
    return [known.index(counter) for counter in counters] if set(counters) <= set(known) else None


def tallied(programs: Programs) -> list[object]:
    """Return what tallies are built for, and who has which."""
    built = [(each.program_id, each.settings["fraud_epoch"], each.measures) for each in programs.programs]
    return [*built, programs.splits]


def _by_number(values: dict[int, int]) -> IntArray:
    """Return values by a text's number, 0 for any other."""
    found = np.zeros(max(values, default=0) + 1, np.int64)
    for number, value in values.items():
        found[number] = value
    return found
