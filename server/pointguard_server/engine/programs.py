"""The programs that the kernel decides by.

Their settings, rules and calendar, as arrays. Built by ``service/programs.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np

from pointguard_server.domain.calendar import local_time
from pointguard_server.engine.lot_terms import FOREVER, LotTerms
from pointguard_server.engine.world import AWARD, INPUT, PROGRAM, RULE, RowArray, World
from pointguard_server.velocity.windows import MEASURE

MINUTE = 60_000_000
CALENDAR = ("year", "month", "day", "hour", "minute", "weekday", "date", "day_start", "week_start", "month_start")


@dataclass(frozen=True, slots=True)
class Program:
    """One program at one version. ``settings`` are fields of ``world.PROGRAM``; ``earn`` keeps compiled code alive."""

    program_id: int
    tenant_id: int
    zone: ZoneInfo
    currency: str
    settings: dict[str, int]
    measures: tuple[tuple[int, ...], ...]  # rows of velocity.windows.MEASURE
    rules: tuple[tuple[int, ...], ...]  # rows of world.RULE
    awards: tuple[tuple[int, int, int], ...]  # the first fields of world.AWARD
    inputs: tuple[tuple[int, ...], ...]  # rows of world.INPUT
    input_zones: tuple[ZoneInfo | None, ...]  # of each input that is a date
    constants: tuple[int, ...]
    fact_count: int  # that the earn rules read
    work_size: int  # that the earn rules need: see rules/work_layout.py
    earn: object = field(repr=False)
    lot_terms: tuple[LotTerms, ...] = ()  # of each award; none: they are spendable at once and never end


class Programs:
    """All programs, as the kernel takes them. ``index_of`` and ``currencies`` are by program id."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.programs = tuple(programs)
        self.index_of = {program.program_id: index for index, program in enumerate(programs)}
        self.currencies = {program.program_id: program.currency for program in programs}
        self.measures_max = max((len(program.measures) for program in programs), default=0)
        self.rules_max = max((len(program.rules) for program in programs), default=0)
        self.awards_max = max((len(program.awards) for program in programs), default=0)
        self.facts_max = max((program.fact_count for program in programs), default=0)
        self.work_max = max((program.work_size for program in programs), default=0)
        self.makes_lots = any(terms.makes_lots for program in programs for terms in program.lot_terms)
        self._minute = -1
        self._world = self._build()

    def world(self, now: int) -> World:
        """Return the programs as they stand at ``now``."""
        minute = now // MINUTE
        if minute != self._minute:
            self._minute = minute
            for row, program in zip(self._world.programs, self.programs, strict=True):
                local = local_time(now, program.zone)
                for name in CALENDAR:
                    row[name] = getattr(local, name)
                for index, zone in enumerate(program.input_zones, int(row["first_input"])):
                    if zone is not None:
                        self._world.inputs[index]["most"] = local_time(now, zone).date
                for index, terms in enumerate(program.lot_terms, int(row["first_award"])):
                    self._world.awards[index]["expires_at"] = terms.expires_at(minute * MINUTE, program.zone)
        return self._world

    @property
    def rules(self) -> RowArray:
        """Every program's fraud rules and controls: ``world.RULE``."""
        return self._world.rules

    def retention(self, program_id: int) -> int:
        """Return how long a program's events stay in memory, in microseconds."""
        return self.programs[self.index_of[program_id]].settings["retention"]

    def _build(self) -> World:
        programs = np.zeros(len(self.programs), PROGRAM)
        measures: list[tuple[int, ...]] = []
        rules: list[tuple[int, ...]] = []
        awards: list[tuple[int, ...]] = []
        inputs: list[tuple[int, ...]] = []
        constants: list[int] = []
        for row, program in zip(programs, self.programs, strict=True):
            for name, value in program.settings.items():
                row[name] = value
            row["program_id"], row["tenant_id"] = program.program_id, program.tenant_id
            row["first_measure"], row["measure_count"] = len(measures), len(program.measures)
            row["first_rule"], row["rule_count"] = len(rules), len(program.rules)
            row["first_award"], row["award_count"] = len(awards), len(program.awards)
            row["first_input"], row["input_count"] = len(inputs), len(program.inputs)
            row["first_constant"] = len(constants)
            measures += program.measures
            rules += program.rules
            terms = program.lot_terms or (FOREVER,) * len(program.awards)
            awards += [
                (*award, each.pending, each.expires_after, 0) for award, each in zip(program.awards, terms, strict=True)
            ]
            inputs += program.inputs
            constants += program.constants
        return World(
            programs,
            np.array(measures, MEASURE),
            np.array(rules, RULE),
            np.array(awards, AWARD),
            np.array(inputs, INPUT),
            # One more than there are, so that a rule set without literals has an address too.
            np.array([*constants, 0], np.int64),
        )
