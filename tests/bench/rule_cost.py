"""``rule_cost``: the worst rule sets that the cost budget accepts, and how long each takes for the longest basket.

As machine code and in a sandbox, turn by turn, in time of the processor; the quickest turn of each counts.

A look, not a benchmark: it prints a table. Each row repeats one thing, in rules of their own, until one more would be
over the budget, and is called with what makes that thing slowest. The budget holds as long as every row stays below a
millisecond on a machine like those that the server runs on. Compiling them takes some minutes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from pointguard_server.rules import cost, native_backend
from pointguard_server.rules.constants import constants_of_ids
from pointguard_server.rules.fields import FIELDS, LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import SCALE
from pointguard_server.rules.native_code import CompiledRules
from pointguard_server.rules.native_compiler import compile_module
from pointguard_server.rules.problems import RuleSetError
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.work_layout import MOST_LINES
from tests.bench.stage import Stage
from tests.support.rule_backends import isolated_of

CALLS = 50
TURNS = 7
FUNCTIONS_A_RULE = 4
RULES_AT_MOST = 200
SET_SIZE = 100_000
_LONG_LIST = ", ".join(f"{number}.5" for number in range(100))
_SHORT_SET = ", ".join(f'"T{number}"' for number in range(8))


@dataclass(frozen=True, slots=True)
class Case:
    """Something to repeat: ``body`` makes the n-th award, different from all others, so that none is shared."""

    name: str
    body: Callable[[int], str]
    heading: str = ""
    large: bool = False  # numbers whose products and quotients go beyond a word


CASES = (
    Case("sum of a field", lambda n: f"sum(lines, line.amount + {n}.5 CAD) / 1 CAD"),
    Case("products", lambda n: f"sum(lines, line.quantity * {n}.5 * {n}.25 * 0.001)"),
    Case("large products", lambda n: f"sum(lines, line.quantity * 0.00{n + 1} * 0.00{n + 2} * 0.000001)", large=True),
    Case("quotients", lambda n: f"sum(lines, line.amount / (line.quantity + {n} * 1))"),
    Case(
        "large quotients",
        lambda n: f"sum(lines, line.amount / (line.quantity + {n}.5) - line.amount / (line.quantity + {n}))",
        large=True,
    ),
    Case("conditions", lambda n: f"count(lines, line.amount > {n} and line.quantity > {n} or line.amount < 0.{n + 1})"),
    Case("filter", lambda n: f"count(lines where line.amount > {n}.5, line.quantity != {n}.25)"),
    Case("list of numbers", lambda n: f"count(lines, line.amount + {n} CAD in ({_LONG_LIST}))"),
    Case("short set", lambda n: f"count(lines, line.sku in ({_SHORT_SET}) and line.amount > {n})"),
    Case(
        "large set",
        lambda n: f"count(lines where line.amount > 0.{n + 1}, line.sku in many)",
        heading='set many from "many.txt"\n',
    ),
    Case("distinct", lambda n: f"distinct(lines where line.amount != 0.{n + 1}, line.sku)"),
    Case(
        "minimum of many", lambda n: f"sum(lines, min({', '.join(f'line.quantity + {n}.{k + 1}' for k in range(16))}))"
    ),
    Case("floor", lambda n: f"sum(lines, floor(line.quantity + {n}.5) + ceiling(line.quantity + {n}.25))"),
    Case(
        "let that reads the line",
        lambda n: f"sum(lines, net + {n}.5 CAD)",
        heading="let net = line.amount / line.quantity\n",
    ),
    Case(
        "quotients of facts",
        lambda n: " + ".join(f"time.day / (time.hour + {n * 12 + k})" for k in range(12)),
        large=True,
    ),
)


def run(_stage: Stage, console: Console) -> None:
    """Print the table."""
    console.print(table())


def table() -> Table:
    """Measure every case."""
    result = Table(title=f"The worst rule sets within {cost.BUDGET:,} units, {MOST_LINES:,} lines, one call")
    for column in ("what", "rules", "units", "µs", "ns a unit", "µs in a sandbox", "ratio", "fuel"):
        result.add_column(column, justify="left" if column == "what" else "right")
    for case in CASES:
        rule_set = fullest(case)
        compiled_s, isolated_s, fuel = seconds_of(rule_set, large=case.large)
        row = (f"{len(rule_set.rules)}", f"{rule_set.cost:,.0f}", f"{compiled_s * 1e6:,.0f}")
        sandbox = (f"{isolated_s * 1e6:,.0f}", f"{isolated_s / compiled_s:.1f}", f"{fuel:,}")
        result.add_row(case.name, *row, f"{compiled_s * 1e9 / rule_set.cost:.0f}", *sandbox)
    return result


def fullest(case: Case) -> RuleSet:
    """The largest rule set of a case within the budget."""
    low, high = 1, RULES_AT_MOST * FUNCTIONS_A_RULE
    while low < high:
        middle = (low + high + 1) // 2
        try:
            load(case, middle)
            low = middle
        except RuleSetError:
            high = middle - 1
    return load(case, low)


def load(case: Case, count: int) -> RuleSet:
    """A rule set of so many of the case's awards."""
    bodies = [case.body(number) for number in range(count)]
    groups = [bodies[at : at + FUNCTIONS_A_RULE] for at in range(0, count, FUNCTIONS_A_RULE)]
    rules = [f'rule "{number}" earn base {" + ".join(group)}' for number, group in enumerate(groups)]
    texts = "\n".join(f"S{number}" for number in range(SET_SIZE))
    return load_rule_set(case.heading + "\n".join(rules), case.name, currency="CAD", read_set=lambda _name: texts)


def seconds_of(rule_set: RuleSet, *, large: bool) -> tuple[float, float, int]:
    """The mean time of a call in the quickest turn, of machine code and in a sandbox, and the fuel that it takes."""
    module = native_backend.write_module(rule_set.checked)
    compiled = CompiledRules(compile_module(module), rule_set.checked)
    generator = np.random.default_rng(1)
    facts = np.full(rule_set.checked.fact_count, (2**50 if large else 3) * SCALE % (2**62), dtype=np.int64)
    lines = np.zeros((MOST_LINES, LINE_FIELD_COUNT), dtype=np.int64)
    lines[:, : FIELDS["line.quantity"].index] = generator.integers(1, 3 * SET_SIZE, (MOST_LINES, 3))
    edges = (2**52, 2**53) if large else (1, 1_000)
    for name in ("line.quantity", "line.amount"):
        lines[:, FIELDS[name].index] = generator.integers(*edges, MOST_LINES) * (1 if large else SCALE)
    constants = np.array(constants_of_ids(rule_set.checked, range(1, len(rule_set.literals) + 1)), dtype=np.int64)
    isolated = isolated_of(rule_set)
    isolated.replace_constants(constants)

    def call_compiled() -> None:
        compiled.call(facts, lines, constants)

    def call_isolated() -> None:
        isolated.call(facts, lines)

    turns: tuple[list[float], list[float]] = ([], [])
    for _ in range(TURNS):
        for call, seconds in zip((call_compiled, call_isolated), turns, strict=True):
            started = time.process_time()
            for _ in range(CALLS):
                call()
            seconds.append((time.process_time() - started) / CALLS)
    return min(turns[0]), min(turns[1]), isolated.fuel_used()
