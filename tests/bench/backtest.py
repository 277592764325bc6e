"""``backtest``: the sandbox's nine earn rules over columns of orders, beside NumPy written by hand for these rules.

Both sides are given the same columns in memory and give every rule's points for every order; before any time is
taken, they are compared to the point. One thread each. The orders are the sample's baskets, some ten lines each,
repeated to as many as its year has.
"""

import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

import numpy as np

from pointguard_server.backtest.evaluation import STRETCH, Evaluation
from pointguard_server.backtest.orders import IntArray, Orders
from pointguard_server.rules import native_backend
from pointguard_server.rules.constants import constants_of
from pointguard_server.rules.native_code import CompiledRules
from pointguard_server.rules.native_compiler import compile_module
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.sandbox.data import read_text
from tests.bench.processes import Neighbors
from tests.bench.results import Result, Round, summarize
from tests.bench.sample_orders import MONEY_SCALE, Numbers, sample_orders
from tests.bench.sandbox_rules_in_numpy import SandboxRulesInNumpy
from tests.bench.stage import Stage

GOAL = "≥ 0.5, ≥ 1 M/s"
UNIT = "orders/s"
COPIES = 18
NUMPY_STRETCH = 32_768
SECONDS_A_TURN = 1.0
ZONE = ZoneInfo("America/Toronto")


def compiled_sandbox_rules() -> tuple[CompiledRules, Callable[[Numbers], list[int]]]:
    """Return the sandbox's rules and what makes their constants."""
    rules = load_rule_set(read_text("earn.rules"), "earn.rules", currency="CAD").checked
    module = native_backend.write_module(rules)
    return CompiledRules(compile_module(module), rules), lambda numbers: constants_of(rules, numbers.number)


class Columns:
    """Pointguard's side: the compiled rule set, a stretch of orders at a time."""

    def __init__(self, orders: Orders, numbers: Numbers) -> None:
        compiled, constants_of_rules = compiled_sandbox_rules()
        constants = constants_of_rules(numbers)
        span = int(orders.moment.min()), int(orders.moment.max())
        bound = compiled.bound(constants)
        self._evaluation = Evaluation(compiled.rules, bound, constants, {}, ZONE, MONEY_SCALE, *span)
        self._orders = orders
        self._points = np.zeros((len(orders.moment), len(compiled.rules.rules)), np.int64)

    def points(self) -> IntArray:
        """Return every rule's points, (orders, rules)."""
        for begin in range(0, len(self._points), STRETCH):
            stretch = self._points[begin : begin + STRETCH]
            stretch[:] = self._evaluation.evaluate(self._orders.slice(begin, begin + len(stretch)))[0]
        return self._points


class ByHand:
    """The baseline's side, in stretches of the size that is best for it here."""

    def __init__(self, orders: Orders, numbers: Numbers) -> None:
        stretches = (cut(orders, begin, NUMPY_STRETCH) for begin in range(0, len(orders.moment), NUMPY_STRETCH))
        self._stretches = [SandboxRulesInNumpy(stretch, numbers, ZONE) for stretch in stretches]

    def points(self) -> IntArray:
        """Return every rule's points, (orders, rules)."""
        return np.concatenate([stretch.points() for stretch in self._stretches])


def cut(orders: Orders, begin: int, count: int) -> Orders:
    """Return a stretch of orders with its own lines."""
    stretch = orders.slice(begin, min(begin + count, len(orders.moment)))
    first, last = int(stretch.first_line[0]), int(stretch.first_line[-1])
    return stretch._replace(first_line=stretch.first_line - first, lines=stretch.lines[first:last])


def rate_of(evaluate: Callable[[], IntArray], seconds: float = SECONDS_A_TURN) -> float:
    """Evaluate until the time is up; return the orders a second."""
    orders = 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        orders += len(evaluate())
    return orders / (time.perf_counter() - started)


def run(stage: Stage) -> list[Result]:
    """Compare both sides, then measure them in turn."""
    stage.say("backtest: comparing every rule's points for every order")
    numbers = Numbers()
    orders = sample_orders(numbers, COPIES)
    mine, by_hand = Columns(orders, numbers), ByHand(orders, numbers)
    expected = mine.points()
    if not (expected == by_hand.points()).all() or not expected.any():
        raise AssertionError("the two sides differ")
    neighbors = Neighbors()
    rounds = []
    for number in range(stage.rounds):
        stage.say(f"backtest: round {number + 1} of {stage.rounds}")
        rounds.append(Round(rate_of(mine.points), rate_of(by_hand.points)))
    settings = stage.facts | {
        "rules": expected.shape[1],
        "orders": len(orders.moment),
        "lines": len(orders.lines),
        "orders_a_stretch": STRETCH,
        "baseline": f"NumPy by hand for these rules, {NUMPY_STRETCH:,} orders at once",
        "pointguard_runs": [{"others_cores_busy": round(neighbors.cores_busy(), 2)}],
    }
    return [summarize("backtest", UNIT, GOAL, rounds, settings)]
