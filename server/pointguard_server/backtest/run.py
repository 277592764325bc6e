"""One backtest from its specification to its result. For ``__main__`` and tests."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from pointguard_server.backtest import kernel
from pointguard_server.backtest.births import BIRTH_FIELDS
from pointguard_server.backtest.clock import zone_clock
from pointguard_server.backtest.evaluation import Evaluation
from pointguard_server.backtest.ledger import LedgerSource, Stretch
from pointguard_server.backtest.orders import ORDER_COLUMNS, Orders, empty_orders
from pointguard_server.backtest.records import History, RecordReader
from pointguard_server.backtest.tally import Given, Tally
from pointguard_server.backtest.usage import Usage
from pointguard_server.backtest.window_kernel import EVENT, Legs, walk
from pointguard_server.backtest.windows import PastWindows
from pointguard_server.domain.codes import CodeKind
from pointguard_server.rules.compiler import compile_in_child, load_compiled, load_isolated
from pointguard_server.rules.constants import own_masks
from pointguard_server.rules.inputs import EarnedInput, WindowInput
from pointguard_server.rules.isolation import Isolation
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.sandbox_limits import SandboxLimits
from pointguard_server.service.backtest_needs import fields_of
from pointguard_server.service.line_codes import LineCodes, line_codes
from pointguard_server.service.programs import CompiledEarnRules, rule_constants
from pointguard_server.service.vault import MemberVault
from pointguard_server.storage.keyring import KeyRing
from pointguard_server.velocity.windows import MEASURE

_NEVER = -1
_GROUPED = (CodeKind.TIER, CodeKind.STORE)
OCCURRED_FROM, OCCURRED_UNTIL = 946_684_800_000_000, 4_102_444_800_000_000
"""2000 and 2100, in microseconds: what the contract lets a terminal say."""


@dataclass(frozen=True, slots=True)
class Specification:
    """What ``service/backtests.py`` asks for. Moments are in microseconds; ``end`` is the first that is left out.

    ``sources`` are one or two rule sets: their text, and the files of their sets by name. ``by_occurred_at``: the rules
    see each order at the moment that the terminal said, if it said any. ``key_ring`` is read only for rules that look
    at birth dates.
    """

    database: str
    tenant_id: int
    program_id: int
    begin: int
    end: int
    currency: str
    money_scale: int
    time_zone: str
    cache_directory: str
    isolation: str  # ``sandbox_limits.Isolation``
    fuel: int
    sources: tuple[tuple[str, dict[str, str]], ...]
    examples_max: int
    by_occurred_at: bool = False
    key_ring: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A rule set with its machine code, or in its sandbox."""

    rule_set: RuleSet
    compiled: CompiledEarnRules


def warm_up() -> None:
    """Have the kernels compiled, or loaded from the cache."""
    RecordReader("CAD", 1, LineCodes()).read([])
    none, empty = np.zeros(0, np.int64), np.zeros((0, 0), np.int64)
    kernel.evaluate(
        0, empty_orders(0, 1), none, empty, kernel.counts_nothing(0), none, 1, none, none, none, empty, none
    )
    legs = Legs(np.zeros(0, EVENT), none, none, none, none, none)
    walk(legs, np.zeros(0, MEASURE), none, empty, True, none, empty)


def load(specification: Specification) -> list[Loaded]:
    """Return the rule sets, compiled."""
    directory, isolation = Path(specification.cache_directory), Isolation(specification.isolation)
    found = []
    for source, files in specification.sources:
        rule_set = load_rule_set(source, "version", currency=specification.currency, read_set=files.__getitem__)
        # Whoever asks has had it compiled; then this does nothing.
        compile_in_child(rule_set, directory, isolation=isolation)
        if isolation is Isolation.WASM:
            compiled: CompiledEarnRules = load_isolated(rule_set, directory, SandboxLimits(specification.fuel))
        else:
            compiled = load_compiled(rule_set, directory)
        found.append(Loaded(rule_set, compiled))
    return found


def open_source(specification: Specification, begin: int, end: int, fields: AbstractSet[str]) -> LedgerSource:
    """Return the accruals that were accepted in [``begin``, ``end``); ``fields`` are the facts to be asked for."""
    vault = None
    if specification.key_ring and not fields.isdisjoint(BIRTH_FIELDS):
        vault = MemberVault(KeyRing.open_or_create(Path(specification.key_ring)))
    place = (specification.tenant_id, specification.program_id)
    return LedgerSource(Path(specification.database), *place, begin, end, vault)


class Versions:
    """Rule sets, and what their caps have counted so far: they may look at one stretch of the ledger after another."""

    def __init__(self, specification: Specification, loaded: list[Loaded]) -> None:
        self._specification, self._loaded = specification, loaded
        self._codes = LineCodes()
        for each in loaded:
            self._codes = line_codes(each.rule_set, self._codes)
        checked = [each.rule_set.checked for each in loaded]
        self.fields = frozenset[str]().union(*(fields_of(rules) for rules in checked))
        windows = (wanted for rules in checked for wanted in rules.inputs if isinstance(wanted, WindowInput))
        self._windows = tuple(dict.fromkeys(windows))
        self._zone = ZoneInfo(specification.time_zone)
        moves_on = not specification.by_occurred_at
        self._usages = [Usage(each.rule_set, moves_on=moves_on) for each in loaded]
        self.have_caps = any(isinstance(wanted, EarnedInput) for rules in checked for wanted in rules.inputs)
        self._first_position = 0

    def given(self, source: LedgerSource) -> Iterator[tuple[Stretch, list[Given]]]:
        """Yield the orders of a source, and what each version gives them: good until the next are asked for."""
        asked = self._specification
        self._first_position = self._first_position or source.first_position
        texts, moments = source.texts(), source.moments
        if asked.by_occurred_at:
            moments = min(moments[0], OCCURRED_FROM), max(moments[1], OCCURRED_UNTIL)
        evaluations = [
            self._evaluation(each, usage, texts, moments)
            for each, usage in zip(self._loaded, self._usages, strict=True)
        ]
        for usage in self._usages:
            usage.given_before = partial(
                source.awards_before,
                position=self._first_position,
                zone=self._zone,
                by_occurred_at=asked.by_occurred_at,
            )
        past = PastWindows(
            source.connection, asked.tenant_id, self._windows, self._zone, zone_clock(self._zone, *moments),
            asked.money_scale, by_occurred_at=asked.by_occurred_at,
        )  # fmt: skip
        reader = RecordReader(asked.currency, asked.money_scale, self._codes)
        for stretch in source.stretches(reader, self.fields):
            seen = as_occurred(stretch.orders, stretch.history) if asked.by_occurred_at else stretch.orders
            held = past.held(seen, stretch.history)
            yield stretch, [Given(*each.evaluate(seen, stretch.history, held)) for each in evaluations]

    def _evaluation(
        self, loaded: Loaded, usage: Usage, texts: dict[tuple[CodeKind, str], int], moments: tuple[int, int]
    ) -> Evaluation:
        """Return the rules bound to the numbers that the ledger's texts have; no order is outside of ``moments``."""

        def number(kind: CodeKind, text: str) -> int:
            # A text that the ledger has never seen has no number, and no order has it.
            return texts.get((kind, text), _NEVER)

        rules = loaded.rule_set.checked
        masks = (*self._codes.masks(rules), *own_masks(rules)[len(rules.line_patterns) :])
        constants = np.array([*rule_constants(loaded.rule_set, self._codes, number), *masks], np.int64)
        bound, scale = loaded.compiled.bound(constants), self._specification.money_scale
        return Evaluation(rules, bound, constants, texts, self._zone, scale, *moments, usage)


def run(specification: Specification) -> Iterator[dict[str, Any]]:
    """Yield ``{"progress": …}`` after each stretch and in the end ``{"result": …}``."""
    loaded = load(specification)
    versions = Versions(specification, loaded)
    with closing(open_source(specification, specification.begin, specification.end, versions.fields)) as source:
        names = [[rule.name for rule in each.rule_set.rules] for each in loaded]
        tally = Tally(names[0], names[1] if len(names) > 1 else None, specification.examples_max)
        first, legs = source.first_position, source.end_position - source.first_position
        yield {"progress": {"legs": 0, "legs_in_all": legs, "orders": 0, "points": 0}}
        for stretch, given in versions.given(source):
            _add(tally, stretch.orders, stretch.history, given)
            done = stretch.position + 1 - first
            yield {"progress": {"legs": done, "legs_in_all": legs, "orders": tally.orders, "points": tally.points}}
        shown = {number: text for (kind, text), number in source.texts().items() if kind in _GROUPED}
        guesses = {"stores": source.stores.is_guessed, "birth_dates": source.birth_dates.are_missing}
        yield {"result": tally.plain(shown) | {"guesses": [what for what, is_so in guesses.items() if is_so]}}


def as_occurred(orders: Orders, history: History) -> Orders:
    """Return orders at the moments that terminals said; one that nothing was said of stays where it is.

    An account that began later than its order began with it: what has happened before it is not known.
    """
    moment = np.where(history.occurred_at > 0, history.occurred_at, orders.moment)
    return orders._replace(moment=moment, enrolled_at=np.minimum(orders.enrolled_at, moment))


def _add(tally: Tally, orders: Orders, history: History, given: list[Given]) -> None:
    """Add up a stretch; orders that were declined stay declined, whatever the rules give."""
    approved = history.approved != 0
    declined = len(approved) - int(approved.sum())
    tally.decline(declined)
    if declined:
        columns = (getattr(orders, name)[approved] for name in ORDER_COLUMNS)
        orders = Orders._make([*columns, orders.first_line, orders.lines])
        history = History._make([column[approved] for column in history])
        given = [Given(each.points[approved], each.totals[approved]) for each in given]
    tally.add(orders, history, given[0], given[1] if len(given) > 1 else None)
