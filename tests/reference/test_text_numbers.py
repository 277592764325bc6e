"""The numbers of texts that rules name, and sets as tables of them: the kernels against dictionaries and lists."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import CodeKind
from pointguard_server.engine.constant_tables import fill_table
from pointguard_server.engine.lexicon import TextNumbers
from pointguard_server.rules.constants import constants_of, hash_table
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.texts import Texts
from pointguard_server.service.line_codes import LINE_DOMAINS, line_codes
from pointguard_server.service.programs import rule_constants

KINDS = 3
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4), max_size=12)
STEPS = st.lists(st.lists(st.tuples(st.integers(0, KINDS - 1), TEXTS), max_size=4), max_size=4)


@given(steps=STEPS, unknown=st.text(max_size=4))
@settings(deadline=None, max_examples=200)
def test_texts_have_the_next_numbers_of_their_kind_and_keep_them(
    steps: list[list[tuple[int, list[str]]]], unknown: str
) -> None:
    numbers = TextNumbers(KINDS)
    expected: list[dict[str, int]] = [{} for _ in range(KINDS)]
    for step in steps:
        before, had = numbers, [dict(known) for known in expected]
        for kind, texts in step:
            for text in texts:
                expected[kind].setdefault(text, len(expected[kind]) + 1)
        numbers = before.including((kind, Texts.of(texts).lines) for kind, texts in step)
        assert (numbers is before) == (expected == had)
        for kind, known in enumerate(expected):
            together = Texts.of(known)
            assert numbers.numbers(kind, together.lines, len(known)).tolist() == list(known.values())
            assert {text: numbers.number(kind, text) for text in known} == known
            # Who still reads by the numbers of before finds these and no others.
            assert all(before.number(kind, text) == had[kind].get(text, 0) for text in known)
            assert numbers.number(kind, f"{unknown}\n") == 0
            assert numbers.number(kind, unknown) == known.get(unknown, 0)


def test_a_hundred_thousand_texts_have_numbers_of_their_own() -> None:
    articles = [f"{number:013}" for number in range(100_000)]
    first = TextNumbers(1).including([(0, Texts.of(articles[:60_000]).lines)])
    both = first.including([(0, Texts.of(articles).lines)])
    assert both.numbers(0, Texts.of(articles).lines, 100_000).tolist() == list(range(1, 100_001))


@given(numbers=st.lists(st.integers(-1, 2**40), max_size=30))
@settings(deadline=None)
def test_a_table_is_filled_as_the_language_has_it(numbers: list[int]) -> None:
    table = np.zeros(64, np.int64)
    fill_table(np.array(numbers, np.int64), table)
    assert table.tolist() == hash_table(numbers, 64)


def test_the_constants_of_a_rule_set_are_those_that_the_language_asks_for() -> None:
    rule_set = with_sets()
    assert len(rule_set.checked.tables) == 3
    lines = line_codes(rule_set)
    stores: dict[str, int] = {}

    def intern(kind: CodeKind, text: str) -> int:
        assert kind is CodeKind.STORE
        return stores.setdefault(text, 7 * len(stores) + 5)

    def number(domain: str, text: str) -> int:
        if domain in LINE_DOMAINS:
            return lines.number(domain, text)
        return intern(CodeKind.STORE, text) if domain == "store" else -1

    assert rule_constants(rule_set, lines, intern).tolist() == constants_of(rule_set.checked, number, ())


def with_sets() -> RuleSet:
    """Return rules with single texts, short lists and sets, of lines and others, known and unknown."""
    near, goods = (" ".join(f'"{name}{number}",' for number in range(40)).rstrip(",") for name in "ng")
    source = f"""
        set near = ({near})
        set goods = ({goods})
        rule "a" when store.id == "one" and store.id in near and any(lines, line.sku == "one") earn base 1
        rule "b" when any(lines, line.sku in goods or line.brand in goods or line.brand in ("x", "y")) earn base 1
        rule "c" when order.channel in ("NOWHERE", "NEVER") earn base 1
    """
    return load_rule_set(source, "sets")
