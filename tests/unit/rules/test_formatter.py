"""The formatter: one layout for each meaning, every comment kept."""

from pathlib import Path

import pytest

from pointguard_server.rules.expression_layout import WIDTH
from pointguard_server.rules.formatter import format_source
from pointguard_server.rules.rule_set import RuleSetError, load_rule_set

UNTIDY = """# the top

# of the file
rule   "a" # why a
  when (order.total>=1.50)   # inside
     and ((order.line_count > 0))
  earn base (1 - (2 - 3)) * -(4) # ten
  # before rounding
  round up
# and then
rule "b" earn bonus 1 if not (true or false) else 2 if 1<2 else 3 # last
# the end
"""
TIDY = """# the top

# of the file
rule "a"  # why a
    # inside
    when order.total >= 1.50 and order.line_count > 0
    earn base (1 - (2 - 3)) * -4  # ten
    # before rounding
    round up

# and then
rule "b"
    earn bonus 1 if not (true or false) else 2 if 1 < 2 else 3  # last

# the end
"""
SOURCES = sorted(Path(__file__).parents[2].glob("golden/rules/*.rules"))


def test_the_layout_is_canonical_and_comments_stay() -> None:
    assert format_source(UNTIDY, "untidy") == TIDY


def test_what_is_canonical_stays_as_it_is() -> None:
    assert format_source(TIDY, "tidy") == TIDY


def test_long_expressions_break_at_their_loosest_operators() -> None:
    conditions = " and ".join(f'(order.total > {number} or member.tier in ("GOLD", "SILVER"))' for number in range(4))
    source = f'rule "long" when {conditions} earn base sum(lines, {" + ".join(["line.amount * line.quantity"] * 6)})'
    lines = format_source(source, "long").splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[1:4] == [
        "    when",
        '        (order.total > 0 or member.tier in ("GOLD", "SILVER"))',
        '        and (order.total > 1 or member.tier in ("GOLD", "SILVER"))',
    ]
    assert lines[-3:] == [
        "            + line.amount * line.quantity",
        "            + line.amount * line.quantity",
        "    )",
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_formatting_keeps_the_meaning_and_is_done_once(path: Path) -> None:
    source = path.read_text()
    try:
        formatted = format_source(source, path.name)
    except RuleSetError:
        with pytest.raises(RuleSetError):
            load_rule_set(source, path.name)
        return
    assert format_source(formatted, path.name) == formatted
    try:
        before = load_rule_set(source, path.name).digest
    except RuleSetError:
        return
    assert load_rule_set(formatted, path.name).digest == before


def test_an_empty_source_stays_empty() -> None:
    assert format_source("", "empty") == ""
    assert format_source("\n\n# only this\n", "comment") == "# only this\n"


def test_a_source_of_a_wrong_form_is_refused() -> None:
    with pytest.raises(RuleSetError, match=r"weekly\.rules:1:10"):
        format_source('rule "a" ern base 1', "weekly.rules")
