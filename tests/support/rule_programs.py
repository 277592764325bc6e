"""Typed rule sets and inputs for them that nobody thought of: what differential and fuzz tests run on.

Everything is drawn from a ``random.Random``, so that a seed gives the same again; hypothesis hands in one that it can
shrink. Every construct of the language comes up.
"""

import re
from collections.abc import Callable, Sequence
from random import Random

from pointguard_server.rules.constants import constants_of_ids, own_masks
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FACT_FIELDS, FIELDS, LINE_FIELD_COUNT, LINE_FIELDS, Field
from pointguard_server.rules.fixed_point import LEAST, MOST, SCALE
from pointguard_server.rules.functions import FUNCTIONS, NUMERIC
from pointguard_server.rules.inputs import EarnedInput, MatchInput
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.value_types import Rounding, ValueType, Vector

NUMBERS = ("0", "1", "2", "0.5", "1.5", "0.000001", "3.333333", "10", "15%", "1000000", "3037000499.97")
LARGEST = "9223372036854.775807"
MONEY = ("0.00 CAD", "1.00 CAD", "5 CAD", "0.000001 CAD", "19.99 CAD", "3037000499.97 CAD", f"{LARGEST} CAD")
DATES = ("2026-06-01", "1970-01-01", "1969-12-31", "2026-12-31")
TEXTS = ("A", "B", "C")
MANY = tuple(f"T{number}" for number in range(12))
FILE = "many.txt"
WINDOWS = (
    "count(purchases, 7 days)",
    "sum(points of redemptions, this month)",
    "distinct(stores of transactions, 1 day)",
)
MONEY_WINDOWS = ("sum(money of purchases, 30 days)", "sum(money of purchases, this week)")
INPUT_NUMBERS = (
    *(0, 1, -1, SCALE, -SCALE, 2 * SCALE, 6 * SCALE, SCALE // 2, 3 * SCALE // 2, 1_234_567, 99_990_000),
    *(MOST, LEAST, MOST - 1, LEAST + 1, MOST // SCALE, 2**31, 2**32, 2**62, 3_037_000_499_976, -3_037_000_500_000),
)
SMALL = 11
EARNED = (0, 0, 1, 5, 100, 10**6, -1, MOST, LEAST)
DAYS = tuple(day * SCALE for day in (0, -1, 20_605, 20_818, 1))
IDS = (0, 0, 1, 2, 3, 4, -1, 2**40)

Inputs = tuple[list[int], list[list[int]], list[int]]


def read_many(_name: str) -> str:
    """The file of a set that programs may name."""
    return "\n".join(MANY)


def random_rule_set(source: Random, rules: int = 4, depth: int = 4) -> RuleSet:
    """A rule set of typed rules."""
    return load_rule_set(random_source(source, rules, depth), "generated", currency="CAD", read_set=read_many)


def random_source(source: Random, rules: int = 4, depth: int = 4) -> str:
    """The text of one."""
    return _Writer(source).rule_set(rules, depth)


class _Writer:
    """Writes one rule set. ``lets`` holds the names known so far by (type, whether they read the line)."""

    def __init__(self, source: Random) -> None:
        self._source = source
        self._lets: dict[tuple[str, bool], list[str]] = {}
        self._sets: dict[str, str] = {}

    def _chance(self, parts: int) -> bool:
        return self._source.randrange(parts) == 0

    def _one(self, choices: Sequence[str]) -> str:
        return self._source.choice(choices)

    def rule_set(self, rules: int, depth: int) -> str:
        """Some sets, some lets, and the rules."""
        parts = [self._set(number) for number in range(self._source.randrange(4))]
        parts += [self._let(number, depth - 1) for number in range(self._source.randrange(4))]
        parts += [self._rule(number, depth) for number in range(self._source.randrange(1, rules + 1))]
        return "\n".join(parts)

    def _set(self, number: int) -> str:
        name = f"set{number}"
        self._sets[name] = self._one(("text", "text", "text", "number", "date"))
        if self._sets[name] == "text" and self._chance(3):
            return f'set {name} from "{FILE}"'
        choices = {"text": [f'"{text}"' for text in (*TEXTS, *MANY)], "number": ["0", "1", "-2", "6"], "date": [*DATES]}
        entries = self._source.sample(choices[self._sets[name]], self._source.randrange(1, 4))
        if self._sets[name] == "text" and self._chance(2):
            entries = choices["text"]
        return f"set {name} = ({', '.join(entries)})"

    def _let(self, number: int, depth: int) -> str:
        kind = self._one(("number", "money", "condition", "number", "money", "date"))
        in_lines = self._chance(3)
        value = self._of_line_alone(kind, depth) if in_lines else self._value(kind, depth, in_lines=False)
        name = f"let{number}"
        # An expression for lines may happen to read none of their fields.
        of_line = (re.search(rf"\b{one}\b", value) for one in self._line_lets())
        reads_line = in_lines and ("line." in value or any(of_line))
        self._lets.setdefault((kind, reads_line), []).append(name)
        return f"let {name} = {value}"

    def _line_lets(self) -> list[str]:
        return [name for (_, reads_line), names in self._lets.items() if reads_line for name in names]

    def _of_line_alone(self, kind: str, depth: int) -> str:
        return self._value(kind, min(depth, 2), in_lines=True)

    # Rules

    def _rule(self, number: int, depth: int) -> str:
        clauses = []
        if self._chance(2):
            clauses.append(f"when {self.condition(depth - 2, in_lines=False)}")
        if self._chance(6):
            zone = ' in "America/Halifax"' if self._chance(2) else ""
            clauses.append(self._one(("valid from 1970-01-01 until 2026-06-01", "valid until 2026-12-31")) + zone)
        part, award = self._award(self._source.choice((0, 1, depth)))
        clauses.append(award)
        if self._chance(3):
            clauses.append(f"priority {self._source.randrange(3)}")
        if self._chance(8):
            clauses.append("exclusive")
        elif self._chance(2):
            clauses.append(f'best of "{part}"')
        if self._chance(2):
            clauses.append(f"round {self._one([rounding.value for rounding in Rounding])}")
        clauses += [
            f"cap {self._one(('1', '10', '500', '1000000'))} per {period}"
            for period in ("transaction", "day", "month", "lifetime")
            if self._chance(5)
        ]
        if self._chance(5):
            clauses.append(f"pending {self._source.randrange(1, 30)} days")
        if self._chance(5):
            clauses.append(self._one(("expire after 30 days", "expire at end of year", "expire at end of month")))
        self._source.shuffle(clauses)
        return f'rule "rule {number}" ' + " ".join(clauses)

    def _award(self, depth: int) -> tuple[str, str]:
        """Whether it is a base award, and its clause."""
        part = self._one(("base", "base", "bonus", "targeted"))
        form = self._one(("plain", "plain", "plain", "rate", "rate of", "per line", "multiply"))
        kind = "base" if part == "base" else "other"
        if form == "multiply":
            return "other", f"multiply base by {self.number(depth - 1, in_lines=False)}"
        if form == "rate":
            unit = self._one(("1.00 CAD", "0.30 CAD", "3 CAD"))
            return kind, f"earn {part} {self.number(depth - 2, in_lines=False)} per {unit}"
        if form == "rate of":
            money = self.money(depth - 2, in_lines=False)
            return kind, f"earn {part} {self.number(depth - 2, in_lines=False)} per 2.00 CAD of {money}"
        if form == "per line":
            where = f" where {self.condition(depth - 2, in_lines=True)}" if self._chance(2) else ""
            return kind, f"earn {part} {self.number(depth - 1, in_lines=True)} per line{where}"
        return kind, f"earn {part} {self._value(self._one(('number', 'number', 'money')), depth, in_lines=False)}"

    # Values

    def _value(self, kind: str, depth: int, *, in_lines: bool) -> str:
        if kind == "number":
            return self.number(depth, in_lines=in_lines)
        if kind == "money":
            return self.money(depth, in_lines=in_lines)
        return self.date() if kind == "date" else self.condition(depth, in_lines=in_lines)

    def _named(self, kind: str, *, in_lines: bool) -> list[str]:
        names = list(self._lets.get((kind, False), ()))
        return names + self._lets.get((kind, True), []) if in_lines else names

    def _fields(self, kind: ValueType, *, in_lines: bool) -> list[str]:
        vector = Vector.LINE if in_lines else Vector.FACTS
        return [field.name for field in FIELDS.values() if field.type is kind and field.vector is vector]

    def date(self) -> str:
        return self._one(["time.date", *DATES, *self._named("date", in_lines=False)])

    def number(self, depth: int, *, in_lines: bool) -> str:
        """The source of a number."""
        leaves = [*NUMBERS, LARGEST, *self._fields(ValueType.NUMBER, in_lines=in_lines), *WINDOWS]
        leaves += 3 * self._named("number", in_lines=in_lines)
        if depth <= 0:
            return self._one(leaves)
        forms = ["leaf", "arithmetic", "arithmetic", "negation", "function", "function", "choice", "ratio", "days"]
        form = self._one(forms if in_lines else [*forms, "sum", "count", "distinct"])
        deeper = depth - 1
        if form == "arithmetic":
            sign, left, right = self._one("+-*/"), self.number(deeper, in_lines=in_lines), None
            right = self.number(deeper, in_lines=in_lines)
            # The checker refuses a division by a zero that is written down.
            return f"({left} {sign} {'time.day' if right == '0' else right})"
        if form == "negation":
            return f"-{self.number(deeper, in_lines=in_lines)}"
        if form == "function":
            return self._function(lambda: self.number(deeper, in_lines=in_lines))
        if form == "choice":
            condition = self.condition(deeper, in_lines=in_lines)
            left, right = (self.number(deeper, in_lines=in_lines) for _ in range(2))
            return f"({left} if {condition} else {right})"
        if form == "ratio":
            below = self.money(deeper, in_lines=in_lines)
            return f"({self.money(deeper, in_lines=in_lines)} / {'1.00 CAD' if below == '0.00 CAD' else below})"
        if form == "days":
            return f"({self.date()} - {self.date()})"
        if form == "sum":
            return f"sum({self._lines(deeper)}, {self.number(deeper, in_lines=True)})"
        if form == "count":
            body = f", {self.condition(deeper, in_lines=True)}" if self._chance(2) else ""
            return f"count({self._lines(deeper)}{body})"
        if form == "distinct":
            return f"distinct({self._lines(deeper)}, {self._one(self._fields(ValueType.TEXT, in_lines=True))})"
        return self._one(leaves)

    def _function(self, argument: Callable[[], str]) -> str:
        """A call of any function of values that gives what it takes."""
        function = self._source.choice(
            [
                each
                for each in FUNCTIONS.values()
                if not each.over_lines and each.takes == NUMERIC and each.gives is None
            ]
        )
        most = min(function.most_arguments, function.least_arguments + 1)
        count = self._source.randrange(function.least_arguments, most + 1)
        return f"{function.name.value}({', '.join(argument() for _ in range(count))})"

    def _lines(self, depth: int) -> str:
        return f"lines where {self.condition(depth - 1, in_lines=True)}" if self._chance(3) else "lines"

    def money(self, depth: int, *, in_lines: bool) -> str:
        """The source of money."""
        leaves = [*MONEY, *self._fields(ValueType.MONEY, in_lines=in_lines), *MONEY_WINDOWS]
        leaves += 3 * self._named("money", in_lines=in_lines)
        if depth <= 0:
            return self._one(leaves)
        deeper = depth - 1
        forms = ["leaf", "sum of two", "product", "quotient", "negation", "function", "adapting", "choice"]
        form = self._one(forms if in_lines else [*forms, "sum"])
        if form == "sum of two":
            left, right = (self.money(deeper, in_lines=in_lines) for _ in range(2))
            return f"({left} {self._one('+-')} {right})"
        if form == "product":
            factors = [self.money(deeper, in_lines=in_lines), self.number(deeper, in_lines=in_lines)]
            self._source.shuffle(factors)
            return f"({factors[0]} * {factors[1]})"
        if form == "quotient":
            below = self.number(deeper, in_lines=in_lines)
            return f"({self.money(deeper, in_lines=in_lines)} / {'time.day' if below == '0' else below})"
        if form == "negation":
            return f"-{self.money(deeper, in_lines=in_lines)}"
        if form == "function":
            return self._function(lambda: self.money(deeper, in_lines=in_lines))
        if form == "adapting":
            return f"{self._one(('min', 'max'))}(50, {self.money(deeper, in_lines=in_lines)})"
        if form == "choice":
            return f"({self.money(deeper, in_lines=in_lines)} if {self.condition(deeper, in_lines=in_lines)} else 0)"
        if form == "sum":
            return f"sum({self._lines(deeper)}, {self.money(deeper, in_lines=True)})"
        return self._one(leaves)

    # Conditions

    def condition(self, depth: int, *, in_lines: bool) -> str:
        """The source of a condition."""
        leaves = ["true", "false", "order.coupon_used", *(f"({self._texts(in_lines=in_lines)})" for _ in range(2))]
        leaves += ['("VIP" in member.groups)', '("STAFF" not in member.groups)']
        leaves += 2 * self._named("condition", in_lines=in_lines)
        if depth <= 0:
            return self._one(leaves)
        deeper = depth - 1
        forms = ["leaf", "compare", "compare money", "compare dates", "in", "and", "or", "not", "equal"]
        form = self._one(forms if in_lines else [*forms, "any", "all"])
        operator = self._one(("==", "!=", "<", "<=", ">", ">="))
        if form == "compare":
            left, right = (self.number(deeper, in_lines=in_lines) for _ in range(2))
            return f"({left} {operator} {right})"
        if form == "compare money":
            right = self._one((self.money(deeper, in_lines=in_lines), "75", "-1.5"))
            return f"({self.money(deeper, in_lines=in_lines)} {operator} {right})"
        if form == "compare dates":
            return f"({self.date()} {operator} {self.date()})"
        if form == "in":
            return self._membership(deeper, in_lines=in_lines)
        if form in ("and", "or"):
            left, right = (self.condition(deeper, in_lines=in_lines) for _ in range(2))
            return f"({left} {form} {right})"
        if form == "equal":
            left, right = (self.condition(deeper, in_lines=in_lines) for _ in range(2))
            return f"({left} {self._one(('==', '!='))} {right})"
        if form == "not":
            return f"(not {self.condition(deeper, in_lines=in_lines)})"
        if form in ("any", "all"):
            return f"{form}({self._lines(deeper)}, {self.condition(deeper, in_lines=True)})"
        return self._one(leaves)

    def _membership(self, depth: int, *, in_lines: bool) -> str:
        word = self._one(("in", "not in"))
        choices = [
            (self.number(depth, in_lines=in_lines), "(0, 1, -0.000001, 6, 1.5)"),
            (self.money(depth, in_lines=in_lines), "(0, 1.00 CAD, 5)"),
            (self.date(), f"({', '.join(DATES)})"),
        ]
        for name, kind in self._sets.items():
            if kind == "number":
                choices.append((self.number(depth, in_lines=in_lines), name))
            elif kind == "date":
                choices.append((self.date(), name))
        operand, items = self._source.choice(choices)
        return f"({operand} {word} {items})"

    def _texts(self, *, in_lines: bool) -> str:
        field = self._one(self._fields(ValueType.TEXT, in_lines=in_lines))
        word = self._one(("in", "not in"))
        sets = [name for name, kind in self._sets.items() if kind == "text"]
        form = self._one(("literal", "list", "list", "fields", "pattern", *(("set",) * (3 if sets else 0))))
        if form == "literal":
            return f'{field} {self._one(("==", "!="))} "{self._one(TEXTS)}"'
        if form == "list":
            choices = MANY if self._chance(3) else TEXTS
            entries = self._source.sample(choices, self._source.randrange(1, len(choices) + 1))
            listed = ", ".join(f'"{entry}"' for entry in entries)
            return f"{field} {word} ({listed})"
        if form == "pattern":
            return f'{field} {self._one(("matches", "not matches"))} "{self._one(("A*", "?B*", "*"))}"'
        if form == "set":
            return f"{field} {word} {self._one(sets)}"
        return self._one(("member.province == store.province", "store.province != member.province"))


def random_inputs(rule_set: RuleSet, source: Random) -> Inputs:
    """Inputs that like to be at the edges: half of them small, so that not every program overflows."""
    numbers = INPUT_NUMBERS if source.random() < 0.5 else INPUT_NUMBERS[:SMALL]

    def entry(field: Field) -> int:
        match field.type:
            case ValueType.BOOLEAN:
                return source.choice((0, 1))
            case ValueType.TEXT:
                return source.choice(IDS)
            case ValueType.TEXTS:
                return source.choice((0, 1, 2, 3, MOST, -1))
            case ValueType.DATE:
                return source.choice(DAYS)
            case _:
                return source.choice(numbers)

    facts = [entry(field) for field in FACT_FIELDS]
    for wanted in rule_set.checked.inputs:
        match wanted:
            case EarnedInput():
                facts.append(source.choice(EARNED))
            case MatchInput():
                facts.append(source.choice((0, 1)))
            case _:
                facts.append(source.choice((*numbers, *DAYS)))
    lines = [
        [entry(field) for field in LINE_FIELDS] + [source.choice((0, 1, 2, 7, -1))] for _ in range(source.randrange(4))
    ]
    ids = [source.choice((-1, 1, 2, 3, 4, 2**40)) for _ in rule_set.literals]
    assert len(facts) == rule_set.checked.fact_count >= FACT_FIELD_COUNT
    assert all(len(line) == LINE_FIELD_COUNT for line in lines)
    # The host numbers bits as it likes, but mostly in the range that the texts above have.
    masks = [1 << source.choice((0, 1, 2, 62)) for _ in own_masks(rule_set.checked)]
    return facts, lines, constants_of_ids(rule_set.checked, ids, masks)
