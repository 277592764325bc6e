"""Every back end gives the interpreter's awards and statuses, bit for bit, on programs and inputs nobody thought of.

Programs are generated as source text, so that the parser and the checker take part. The module that the Numba back
end writes is run twice: as plain Python over wrapping 64-bit words, which is quick and so sees many programs, and as
machine code, which is slow to make and so sees many inputs.
"""

import random
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy, composite

from pointguard_server.rules import fixed_point, numba_backend
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FACT_FIELDS, LINE_FIELD_COUNT, LINE_FIELDS, Field
from pointguard_server.rules.fixed_point import LEAST, MOST, SCALE, ArithmeticFailure
from pointguard_server.rules.interpreter import interpret
from pointguard_server.rules.native_code import CompiledRules
from pointguard_server.rules.native_compiler import compile_module
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.value_types import Rounding, ValueType

DEPTH = 4
NUMBERS = (
    "0",
    "1",
    "2",
    "0.5",
    "1.5",
    "0.000001",
    "3.333333",
    "10",
    "1000000",
    "9223372036854.775807",
    "3037000499.97",
)
TEXTS = ("A", "B", "C")
INPUT_NUMBERS = (
    *(0, 1, -1, SCALE, -SCALE, 2 * SCALE, 6 * SCALE, SCALE // 2, 3 * SCALE // 2, 1_234_567, 99_990_000),
    *(MOST, LEAST, MOST - 1, LEAST + 1, MOST // SCALE, 2**31, 2**32, 2**62, 3_037_000_499_976, -3_037_000_500_000),
)
IDS = (0, 0, 1, 2, 3, 4, -1)

Inputs = tuple[list[int], list[list[int]], list[int]]


def named(fields: Sequence[Field], kind: ValueType) -> list[str]:
    return [field.name for field in fields if field.type is kind]


FACT_NUMBERS, LINE_NUMBERS = named(FACT_FIELDS, ValueType.NUMBER), named(LINE_FIELDS, ValueType.NUMBER)
FACT_TEXTS, LINE_TEXTS = named(FACT_FIELDS, ValueType.TEXT), named(LINE_FIELDS, ValueType.TEXT)


@composite
def numbers(draw: DrawFn, depth: int, in_lines: bool) -> str:
    """The source of a number."""
    fields = LINE_NUMBERS if in_lines else FACT_NUMBERS
    if depth == 0:
        return draw(st.sampled_from((*NUMBERS, *fields, *fields)))

    def number() -> str:
        return draw(numbers(depth - 1, in_lines))

    forms = ["field", "+", "-", "*", "/", "negation", "abs", "min", "max", "choice"]
    form = draw(st.sampled_from(forms if in_lines else [*forms, "sum", "sum", "count"]))
    if form == "field":
        return draw(st.sampled_from((*NUMBERS, *fields)))
    if form in "+-*/":
        left, right = number(), number()
        # The checker refuses a division by a zero that is written down.
        return f"({left} {form} {'order.total' if right == '0' else right})"
    if form == "negation":
        return f"-{number()}"
    if form == "abs":
        return f"abs({number()})"
    if form in ("min", "max"):
        return f"{form}({number()}, {number()}, {number()})"
    if form == "choice":
        return f"({number()} if {draw(conditions(depth - 1, in_lines))} else {number()})"
    if form == "sum":
        return f"sum(lines, {draw(numbers(depth - 1, True))})"
    return f"count(lines, {draw(conditions(depth - 1, True))})"


@composite
def conditions(draw: DrawFn, depth: int, in_lines: bool) -> str:
    """The source of a condition."""
    if depth == 0:
        return draw(st.one_of(text_conditions(in_lines), st.sampled_from(("true", "false", "order.coupon_used"))))
    forms = ["text", "compare", "compare", "in", "and", "or", "not"]
    form = draw(st.sampled_from(forms if in_lines else [*forms, "any", "all"]))
    if form == "text":
        return draw(text_conditions(in_lines))
    if form == "compare":
        operator = draw(st.sampled_from(("==", "!=", "<", "<=", ">", ">=")))
        return f"({draw(numbers(depth - 1, in_lines))} {operator} {draw(numbers(depth - 1, in_lines))})"
    if form == "in":
        word = draw(st.sampled_from(("in", "not in")))
        return f"({draw(numbers(depth - 1, in_lines))} {word} (0, 1, -0.000001, 6, 1.5))"
    if form in ("and", "or"):
        return f"({draw(conditions(depth - 1, in_lines))} {form} {draw(conditions(depth - 1, in_lines))})"
    if form == "not":
        return f"(not {draw(conditions(depth - 1, in_lines))})"
    return f"{form}(lines, {draw(conditions(depth - 1, True))})"


def text_conditions(in_lines: bool) -> SearchStrategy[str]:
    fields = st.sampled_from(LINE_TEXTS if in_lines else FACT_TEXTS)
    words = st.sampled_from(("==", "!="))
    against_literal = st.builds(
        lambda field, word, text: f'{field} {word} "{text}"', fields, words, st.sampled_from(TEXTS)
    )
    lists = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3).map(
        lambda texts: ", ".join(f'"{t}"' for t in texts)
    )
    in_list = st.builds(
        lambda field, word, texts: f"{field} {word} ({texts})", fields, st.sampled_from(("in", "not in")), lists
    )
    of_fields = st.sampled_from(("member.province == store.province", "store.province != member.province"))
    return st.one_of(against_literal, in_list, of_fields)


@composite
def rule_sets(draw: DrawFn, most_rules: int) -> RuleSet:
    """A rule set of typed rules."""
    rules = []
    for number in range(draw(st.integers(1, most_rules))):
        condition = f"when {draw(conditions(DEPTH - 2, False))}" if draw(st.booleans()) else ""
        award = draw(numbers(DEPTH, False))
        rules.append(f'rule "{number}" {condition} earn base {award} round {draw(st.sampled_from(list(Rounding)))}')
    return load_rule_set("\n".join(rules), "generated")


def random_inputs(rule_set: RuleSet, source: random.Random) -> Inputs:
    """Inputs that like to be at the edges: half of them small, so that not every program overflows."""
    choices = INPUT_NUMBERS if source.random() < 0.5 else INPUT_NUMBERS[:11]

    def entry(field: Field) -> int:
        if field.type is ValueType.NUMBER:
            return source.choice(choices)
        return source.choice((0, 1)) if field.type is ValueType.BOOLEAN else source.choice(IDS)

    facts = [entry(field) for field in FACT_FIELDS]
    lines = [[entry(field) for field in LINE_FIELDS] for _ in range(source.randrange(4))]
    return facts, lines, [source.choice((-1, 1, 2, 3)) for _ in rule_set.literals]


def expectation(rule_set: RuleSet, inputs: Inputs) -> tuple[int, list[int]]:
    status, awards = interpret(rule_set.checked, *inputs)
    return int(status), list(awards)


class Word(int):
    """An integer that wraps as a 64-bit register does."""

    def __new__(cls, value: int) -> Self:
        return super().__new__(cls, (value + 2**63) % 2**64 - 2**63)

    def __add__(self, other: int) -> "Word":
        return Word(int(self) + int(other))

    __radd__ = __add__

    def __sub__(self, other: int) -> "Word":
        return Word(int(self) - int(other))

    def __rsub__(self, other: int) -> "Word":
        return Word(int(other) - int(self))

    def __mul__(self, other: int) -> "Word":
        return Word(int(self) * int(other))

    def __neg__(self) -> "Word":
        return Word(-int(self))


def run_as_python(source: str, rule_count: int, inputs: Inputs) -> tuple[int, list[int]]:
    """The written module with reference arithmetic in the place of Numba's."""
    namespace: dict[str, Any] = {name: reference_kernel(name) for name in ("multiply", "divide")}
    for rounding in Rounding:
        namespace[f"points_{rounding.value}"] = lambda value, mode=rounding: fixed_point.whole_points(int(value), mode)
    namespace |= {"int64": Word, "uint64": Word, "njit": lambda **_: lambda function: function, "refuse": refuse}
    body = source[source.index("\n\n\n@njit") :]
    exec(compile(body, "written", "exec"), namespace)  # noqa: S102 - the back end under test wrote it
    facts, lines, constants = inputs
    awards = [7] * rule_count
    flat = [Word(value) for line in lines for value in line]
    words = ([Word(value) for value in facts], flat, len(lines), [Word(value) for value in constants], awards)
    return namespace["earn"](*words), awards


def reference_kernel(name: str) -> Any:
    operation = getattr(fixed_point, name)

    def kernel(left: int, right: int) -> tuple[int, int]:
        try:
            return 0, Word(operation(int(left), int(right)))
        except ArithmeticFailure as failure:
            return int(failure.status), Word(0)

    return kernel


def refuse(awards: list[int], count: int, status: int) -> int:
    awards[:] = [0] * count
    return int(status)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rule_sets(most_rules=2), st.integers(0, 2**32))
def test_the_written_module_means_what_the_interpreter_says(rule_set: RuleSet, seed: int) -> None:
    source = numba_backend.write_module(rule_set.checked)
    generator = random.Random(seed)
    for _ in range(10):
        inputs = random_inputs(rule_set, generator)
        assert run_as_python(source, len(rule_set.rules), inputs) == expectation(rule_set, inputs), inputs


# Shrinking would compile for minutes; the test above finds the small cases.
@settings(
    max_examples=15,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(rule_sets(most_rules=4), st.integers(0, 2**32))
def test_machine_code_means_what_the_interpreter_says(rule_set: RuleSet, seed: int) -> None:
    compiled = compiled_of(rule_set)
    generator = random.Random(seed)
    for _ in range(200):
        inputs = random_inputs(rule_set, generator)
        assert run_compiled(compiled, inputs) == expectation(rule_set, inputs), inputs


def compiled_of(rule_set: RuleSet) -> CompiledRules:
    code = compile_module(compile(numba_backend.write_module(rule_set.checked), "written", "exec"))
    return CompiledRules(code, len(rule_set.rules), len(rule_set.literals))


def test_machine_code_notices_every_overflow() -> None:
    """A compiler that may assume that signed numbers do not overflow would drop the checks of these."""
    awards = (
        "sum(lines, 9223372036854.775807)",
        "order.total + 9223372036854.775807",
        "-9223372036854.775807 - order.total",
        "abs(order.total - 9223372036854)",
        "-order.total",
        "order.total * order.total",
        "order.total / 0.000001",
    )
    for award in awards:
        rule_set = load_rule_set(f'rule "a" earn base {award}', "overflow")
        compiled = compiled_of(rule_set)
        for total in (LEAST, -SCALE, -1, 0, 1, SCALE, MOST):
            inputs: Inputs = ([total] + [0] * (FACT_FIELD_COUNT - 1), [[0] * LINE_FIELD_COUNT] * 2, [])
            assert run_compiled(compiled, inputs) == expectation(rule_set, inputs), (award, total)


def run_compiled(compiled: CompiledRules, inputs: Inputs) -> tuple[int, list[int]]:
    facts, lines, constants = inputs
    rows = np.array(lines, dtype=np.int64).reshape(len(lines), LINE_FIELD_COUNT)
    status, awards = compiled.call(np.array(facts, dtype=np.int64), rows, np.array(constants, dtype=np.int64))
    return int(status), awards.tolist()


def test_generated_inputs_reach_every_status() -> None:
    """The comparison above would be empty if everything overflowed, or nothing did."""
    rule_set = load_rule_set('rule "a" earn base order.total * time.hour / time.day', "statuses")
    generator = random.Random(1)
    statuses = {expectation(rule_set, random_inputs(rule_set, generator))[0] for _ in range(300)}
    assert statuses == {0, 1, 2}
