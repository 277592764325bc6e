"""``rules``: thirty published earn rules, from a request's fields to every rule's points, beside other engines.

Pointguard's side is what the server does between the wire and the award: a kernel reads the batch's message into rows
(keys and digests included), another gathers the facts and runs the compiled rules. The others get each order as a
dictionary that is ready, and their rules compiled. Before any time is taken, every rule's points for every order are
compared. ``published_rules/README.md`` says where the rules come from.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import rule_engine
import zen

from pointguard_server.domain.codes import CodeKind
from pointguard_server.engine.agents import NO_AGENT_ADVICE
from pointguard_server.engine.buffers import Buffers
from pointguard_server.engine.corrections import NO_CORRECTIONS
from pointguard_server.engine.inbox import Inbox
from pointguard_server.engine.memory import Memory
from pointguard_server.engine.originals import NO_RETURNS
from pointguard_server.engine.programs import Programs
from pointguard_server.engine.world import HEADER_SIZE, NOW, REQUESTS, SIDE, Batch
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import Encoder
from pointguard_server.rpc.wire.codec import Codec, count_items
from pointguard_server.rules import native_backend
from pointguard_server.rules.native_code import CompiledRules
from pointguard_server.rules.native_compiler import compile_module
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.service.code_matches import CodeMatches
from pointguard_server.service.line_codes import line_codes
from pointguard_server.service.ports import StoreFacts
from pointguard_server.service.program_config import load_program_config
from pointguard_server.service.programs import Versions, build_program
from pointguard_server.service.tenants import Tenant
from pointguard_server.velocity.views import Recent
from tests.bench.processes import Neighbors
from tests.bench.published_orders import CURRENCY, PROGRAMS, PublishedOrder, batch_of, make_orders
from tests.bench.results import Result, Round, summarize
from tests.bench.rules_kernel import award_points
from tests.bench.stage import Stage

GOAL = "ratio ≥ 30"
UNIT = "orders/s"
FOLDER: Final = Path(__file__).parent / "published_rules"
ORDERS = 4_000
ORDERS_A_BATCH = 500
SECONDS_A_TURN = 1.0
_LINES_MAX = 100_000
_NOW = 1_780_000_000_000_000
_PROGRAM = f"""
[program]
code = "coalition"
name = "Coalition"
time_zone = "America/New_York"
currency = "{CURRENCY}"
currency_digits = 2
points_floor = 0
reservation_ttl_default = "15m"
reservation_ttl_max = "7d"
[program.redemption]
points = 1_000
money_minor = 1_000
[program.earn]
rules = "published.rules"
"""

Awards = dict[str, int]
"""Points by rule; a rule that gives none may be missing."""


class Side(Protocol):
    """Something that awards points to orders."""

    def awards(self) -> list[Awards]:
        """Return what each order earns."""
        ...

    def award_all(self) -> None:
        """Award points to all orders, as fast as it can."""
        ...


class Pointguard(Side):
    """The server's kernels, on messages of batches."""

    def __init__(self, orders: Sequence[PublishedOrder]) -> None:
        source = (FOLDER / "published.rules").read_text(encoding="utf-8")
        self.rule_set = load_rule_set(source, "published.rules", currency=CURRENCY)
        module = native_backend.write_module(self.rule_set.checked)
        compiled = CompiledRules(compile_module(module), self.rule_set.checked)
        config = load_program_config(_PROGRAM, "coalition.toml")
        self._numbers = _Numbers()
        lines = line_codes(self.rule_set)
        versions, matches = Versions(1, 1, 1, 1), CodeMatches(lambda *_: ())
        matches.take(None, versions.tenant_id, [self.rule_set.checked])
        program = build_program(config, self.rule_set, compiled, versions, lines, self._numbers.number, matches)
        self._programs = Programs([program])  # keeps the machine code
        self._world = self._programs.world(_NOW)
        self._memory = Memory(len(orders), 1)
        for order in orders:
            slot = self._memory.add(order.account_id, 1)
            self._memory.accounts["tier_id"][slot] = self._numbers.number(CodeKind.TIER, order.tier)
            self._memory.accounts["enrolled_at"][slot] = _NOW
        self._arrays = self._memory.arrays(0, 0, 0)
        tenant = Tenant(1, 1, CURRENCY, int(program.settings["money_scale"]), 1, lines, bytes(16))
        self._decoder = Decoder(tenant, self._numbers, self._numbers, {})  # type: ignore[arg-type]
        self._codec = Codec(tenant, Encoder(CURRENCY, str))
        self._out = Buffers().output(
            requests=1, legs=1, entries=1, advice=1, shown=1, measures=1,
            awards=len(program.awards), facts=program.fact_count, work=program.work_size,
        )  # fmt: skip
        self._header = np.zeros(HEADER_SIZE, np.int64)
        self._header[NOW] = _NOW
        self._recent = Recent()
        self._no_ids, self._no_sides = np.zeros((0, 2), np.int64), np.zeros(0, SIDE)
        self._inbox = Inbox()
        self._awards = np.zeros((ORDERS_A_BATCH, len(program.awards)), np.int64)
        self._batches = [batch_of(orders[at : at + ORDERS_A_BATCH], at) for at in range(0, len(orders), ORDERS_A_BATCH)]

    def awards(self) -> list[Awards]:
        """See ``Side``."""
        names = [rule.name for rule in self.rule_set.rules]
        found: list[Awards] = []
        for data in self._batches:
            count = self._award(data)
            found += [dict(zip(names, row, strict=True)) for row in self._awards[:count].tolist()]
        return found

    def award_all(self) -> None:
        """See ``Side``."""
        for data in self._batches:
            self._award(data)

    def _award(self, data: bytes) -> int:
        inbox = self._inbox
        inbox.clear()
        count, data = count_items(data)
        self._codec.read_items(inbox, data, count, self._decoder, _LINES_MAX)
        self._header[REQUESTS] = count
        batch = Batch(
            inbox.requests, inbox.request_words, inbox.envelopes, inbox.lines, inbox.bodies, self._no_ids, self._header,
            NO_RETURNS, NO_CORRECTIONS, NO_AGENT_ADVICE, self._no_sides,
        )  # fmt: skip
        batch = self._recent.same(batch)
        if award_points(self._arrays, self._world, batch, self._out, self._awards) < 0:
            raise ArithmeticError("the rules could not be computed")
        return count


class _Numbers:
    """Numbers for texts, and one store for each program: what a directory and a vocabulary say."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[CodeKind, str], int] = {}

    def number(self, kind: CodeKind, text: str) -> int:
        return self._numbers.setdefault((kind, text), len(self._numbers) + 1)

    def find(self, _tenant_id: int, kind: CodeKind, text: str) -> int:
        return self.number(kind, text)

    def store(self, _tenant_id: int, code: str) -> StoreFacts | None:
        if code not in PROGRAMS:
            return None
        return StoreFacts(self.number(CodeKind.STORE, code), self.number(CodeKind.BUSINESS_UNIT, code), 0)


class _Engine(Side):
    """Another engine, on orders as dictionaries."""

    def __init__(self, orders: Sequence[PublishedOrder]) -> None:
        self._orders = [order.fields() for order in orders]
        self._award: Callable[[dict[str, Any]], Any] = self.award

    def award(self, order: dict[str, Any]) -> Any:
        """Return what the engine gives for an order."""
        raise NotImplementedError

    def points(self, given: Any) -> Awards:
        """Return what the engine gave, as points."""
        return {rule: int(points) for rule, points in given.items()}

    def awards(self) -> list[Awards]:
        """See ``Side``."""
        return [self.points(self._award(order)) for order in self._orders]

    def award_all(self) -> None:
        """See ``Side``."""
        award = self._award
        for order in self._orders:
            award(order)


def _zen_expressions() -> list[dict[str, str]]:
    """Return the expressions of the model's two nodes, by rule; the second node also hands on the first one's."""
    nodes = json.loads((FOLDER / "published.jdm.json").read_text(encoding="utf-8"))["nodes"]
    return [
        {each["key"]: each["value"] for each in node["content"]["expressions"] if each["key"] != each["value"]}
        for node in nodes
        if node["type"] == "expressionNode"
    ]


class ZenExpressions(_Engine):
    """zen-engine's compiled expressions, one for each rule."""

    def __init__(self, orders: Sequence[PublishedOrder]) -> None:
        super().__init__(orders)
        self._nodes = [
            [(rule, zen.compile_expression(text)) for rule, text in node.items()] for node in _zen_expressions()
        ]

    def award(self, order: dict[str, Any]) -> Any:
        """See ``_Engine``."""
        first, second = self._nodes
        given = {rule: expression.evaluate(order) for rule, expression in first}
        seen = order | given
        for rule, expression in second:
            given[rule] = expression.evaluate(seen)
        return given


class ZenLists(_Engine):
    """The same expressions folded into two that give lists: the fastest that zen-engine was seen to do."""

    def __init__(self, orders: Sequence[PublishedOrder]) -> None:
        super().__init__(orders)
        first, second = _zen_expressions()
        self._names, self._second_names = list(first), list(second)
        self._first, self._second = (
            zen.compile_expression("[" + ", ".join(f"({text})" for text in node.values()) + "]")
            for node in (first, second)
        )

    def award(self, order: dict[str, Any]) -> Any:
        """See ``_Engine``."""
        given = dict(zip(self._names, self._first.evaluate(order), strict=True))
        more = self._second.evaluate(order | given)
        return given | dict(zip(self._second_names, more, strict=True))


class ZenModel(_Engine):
    """zen-engine's decision model."""

    def __init__(self, orders: Sequence[PublishedOrder]) -> None:
        super().__init__(orders)
        self._decision = zen.ZenEngine().create_decision((FOLDER / "published.jdm.json").read_text(encoding="utf-8"))

    def award(self, order: dict[str, Any]) -> Any:
        """See ``_Engine``."""
        return self._decision.evaluate(order)["result"]


class RuleEngine(_Engine):
    """rule-engine's compiled rules; those that multiply the base are told it."""

    def __init__(self, orders: Sequence[PublishedOrder]) -> None:
        super().__init__(orders)
        texts = json.loads((FOLDER / "published.rule_engine.json").read_text(encoding="utf-8"))
        self._awards, self._multipliers = (
            [(rule, rule_engine.Rule(text)) for rule, text in texts[part].items()] for part in ("awards", "multipliers")
        )

    def award(self, order: dict[str, Any]) -> Any:
        """See ``_Engine``."""
        given = {rule: expression.evaluate(order) for rule, expression in self._awards}
        seen = order | {"base": sum(given.values()) - given["kroger_gift_card_coupon"]}
        for rule, expression in self._multipliers:
            given[rule] = expression.evaluate(seen)
        return given


SIDES: Final[dict[str, tuple[type[Any], int]]] = {
    "pointguard": (Pointguard, ORDERS),
    "zen-engine, an expression a rule": (ZenExpressions, ORDERS),
    "zen-engine, expressions folded into lists": (ZenLists, ORDERS),
    "zen-engine, decision model": (ZenModel, ORDERS // 4),
    "rule-engine": (RuleEngine, ORDERS // 20),
}
"""Each side and how many orders it gets: the slow ones fewer of the same."""
SUFFIXES: Final = dict(zip(list(SIDES)[1:], ("", "-zen-lists", "-zen-model", "-rule-engine"), strict=True))


def open_sides(orders: Sequence[PublishedOrder]) -> dict[str, Side]:
    """Return every side with its share of the orders."""
    return {name: side(orders[: count * len(orders) // ORDERS]) for name, (side, count) in SIDES.items()}


def differences(sides: dict[str, Side]) -> list[str]:
    """Return where another side's points are not pointguard's."""
    mine = sides["pointguard"].awards()
    found = []
    for name, side in sides.items():
        for number, (expected, given) in enumerate(zip(mine, side.awards(), strict=False)):
            wrong = {rule: (expected[rule], given.get(rule)) for rule in expected if expected[rule] != given.get(rule)}
            if wrong:
                found.append(f"{name}, order {number}: {wrong}")
    return found


def rate_of(side: Side, orders: int, seconds: float = SECONDS_A_TURN) -> float:
    """Have a side award points until the time is up; return its orders a second."""
    turns = 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        side.award_all()
        turns += 1
    return turns * orders / (time.perf_counter() - started)


def run(stage: Stage) -> list[Result]:
    """Compare all sides, then measure them in turn."""
    stage.say("rules: comparing every rule's points for every order")
    sides = open_sides(make_orders(ORDERS))
    wrong = differences(sides)
    if wrong:
        raise AssertionError(f"the engines differ: {wrong[:3]}")
    rates: dict[str, list[float]] = {name: [] for name in sides}
    neighbors = Neighbors()
    for number in range(stage.rounds):
        stage.say(f"rules: round {number + 1} of {stage.rounds}")
        for name, side in sides.items():
            rates[name].append(rate_of(side, SIDES[name][1]))
    settings = stage.facts | {
        "rules": len(sides["pointguard"].rule_set.rules),  # type: ignore[attr-defined]
        "orders": {name: count for name, (_, count) in SIDES.items()},
        "orders_a_batch": ORDERS_A_BATCH,
        "pointguard_side": "a batch's message → rows, keys, digests → facts → every rule's points; one thread",
        "others": "a ready dictionary → every rule's points; compiled beforehand; one thread",
        "pointguard_runs": [{"others_cores_busy": round(neighbors.cores_busy(), 2)}],
    }
    return [
        summarize(
            f"rules{suffix}",
            UNIT,
            "" if suffix else GOAL,
            [Round(mine, theirs) for mine, theirs in zip(rates["pointguard"], rates[name], strict=True)],
            settings | {"baseline": name},
        )
        for name, suffix in SUFFIXES.items()
    ]
