"""One backtest from its specification to its result. For ``__main__`` and tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from pointguard_server.backtest import kernel
from pointguard_server.backtest.evaluation import Evaluation
from pointguard_server.backtest.ledger import LedgerSource
from pointguard_server.backtest.orders import ORDER_COLUMNS, Orders, empty_orders
from pointguard_server.backtest.records import History, RecordReader
from pointguard_server.backtest.tally import Given, Tally
from pointguard_server.domain.codes import CodeKind
from pointguard_server.rules.compiler import compile_in_child, load_compiled, load_isolated
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.sandbox_limits import Isolation, SandboxLimits
from pointguard_server.service.backtest_needs import fields_of
from pointguard_server.service.line_codes import LineCodes, line_codes
from pointguard_server.service.programs import CompiledEarnRules, rule_constants

_NEVER = -1
OCCURRED_FROM, OCCURRED_UNTIL = 946_684_800_000_000, 4_102_444_800_000_000
"""2000 and 2100, in microseconds: what the contract lets a terminal say."""


@dataclass(frozen=True, slots=True)
class Specification:
    """What ``service/backtests.py`` asks for. Moments are in microseconds; ``end`` is the first that is left out.

    ``sources`` are one or two rule sets: their text, and the files of their sets by name. ``by_occurred_at``: the rules
    see each order at the moment that the terminal said, if it said any.
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


@dataclass(frozen=True, slots=True)
class Loaded:
    """A rule set with its machine code, or in its sandbox."""

    rule_set: RuleSet
    compiled: CompiledEarnRules


def warm_up() -> None:
    """Have the kernels compiled, or loaded from the cache."""
    RecordReader("CAD", 1, LineCodes()).read([])
    none, empty = np.zeros(0, np.int64), np.zeros((0, 0), np.int64)
    kernel.evaluate(0, empty_orders(0, 1), none, empty, 1, none, none, none, empty, none)


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


def run(specification: Specification) -> Iterator[dict[str, Any]]:
    """Yield ``{"progress": …}`` after each stretch and in the end ``{"result": …}``."""
    loaded = load(specification)
    source = LedgerSource(
        Path(specification.database),
        specification.tenant_id,
        specification.program_id,
        specification.begin,
        specification.end,
    )
    try:
        yield from _run(specification, loaded, source)
    finally:
        source.close()


def _run(specification: Specification, loaded: list[Loaded], source: LedgerSource) -> Iterator[dict[str, Any]]:
    rule_sets = [each.rule_set for each in loaded]
    codes = LineCodes()
    for rule_set in rule_sets:
        codes = line_codes(rule_set, codes)
    texts = source.texts()
    moments = source.moments
    if specification.by_occurred_at:
        moments = min(moments[0], OCCURRED_FROM), max(moments[1], OCCURRED_UNTIL)
    evaluations = [evaluation_of(specification, each, codes, texts, moments) for each in loaded]
    names = [[rule.name for rule in rule_set.rules] for rule_set in rule_sets]
    tally = Tally(names[0], names[1] if len(names) > 1 else None, specification.examples_max)
    reader = RecordReader(specification.currency, specification.money_scale, codes)
    first, legs = source.first_position, source.end_position - source.first_position
    yield {"progress": {"legs": 0, "legs_in_all": legs, "orders": 0, "points": 0}}
    with_enrollment = any("member.days_since_enrolment" in fields_of(rule_set.checked) for rule_set in rule_sets)
    for stretch in source.stretches(reader, with_enrollment=with_enrollment):
        seen = as_occurred(stretch.orders, stretch.history) if specification.by_occurred_at else stretch.orders
        _add(tally, evaluations, stretch.orders, seen, stretch.history)
        done = stretch.position + 1 - first
        yield {"progress": {"legs": done, "legs_in_all": legs, "orders": tally.orders, "points": tally.points}}
    yield {"result": tally.plain({number: text for (_, text), number in texts.items()})}


def evaluation_of(
    specification: Specification,
    loaded: Loaded,
    codes: LineCodes,
    texts: dict[tuple[CodeKind, str], int],
    moments: tuple[int, int],
) -> Evaluation:
    """Return the rules bound to the numbers that the ledger's texts have; no order is outside of ``moments``."""

    def number(kind: CodeKind, text: str) -> int:
        # A text that the ledger has never seen has no number, and no order has it.
        return texts.get((kind, text), _NEVER)

    rules = loaded.rule_set.checked
    constants = np.array([*rule_constants(loaded.rule_set, codes, number), *codes.masks(rules)], np.int64)
    return Evaluation(
        rules,
        loaded.compiled.bound(constants),
        constants,
        texts,
        ZoneInfo(specification.time_zone),
        specification.money_scale,
        *moments,
    )


def as_occurred(orders: Orders, history: History) -> Orders:
    """Return orders at the moments that terminals said; one that nothing was said of stays where it is.

    An account that began later than its order began with it: what has happened before it is not known.
    """
    moment = np.where(history.occurred_at > 0, history.occurred_at, orders.moment)
    return orders._replace(moment=moment, enrolled_at=np.minimum(orders.enrolled_at, moment))


def _add(tally: Tally, evaluations: list[Evaluation], orders: Orders, seen: Orders, history: History) -> None:
    """Evaluate and add up a stretch; orders that were declined stay declined, whatever the rules give.

    ``seen`` are the orders as the rules see them.
    """
    approved = history.approved != 0
    declined = len(approved) - int(approved.sum())
    tally.decline(declined)
    given = [Given(*evaluation.evaluate(seen)) for evaluation in evaluations]
    if declined:
        columns = (getattr(orders, name)[approved] for name in ORDER_COLUMNS)
        orders = Orders._make([*columns, orders.first_line, orders.lines])
        history = History._make([column[approved] for column in history])
        given = [Given(each.points[approved], each.totals[approved]) for each in given]
    tally.add(orders, history, given[0], given[1] if len(given) > 1 else None)
