"""Conditions that stand outside a rule set, such as those of fraud rules: written, checked and compiled as one is.

Many conditions become the text of one rule set, a rule for each that gives a point where its condition holds; so they
have the same checker, budget, formatter and back ends. A mistake is told at its place in the condition.

    ConditionsError (ValueError)    what is wrong with them
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pointguard_server.rules import parser
from pointguard_server.rules.expression_layout import quoted
from pointguard_server.rules.problems import Problem, RuleSetError
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.syntax import Earn, RuleSetSyntax, SourceRange, When

HOLDS: Final = 1
"""What the rule of a condition gives that holds; of one that does not, 0; of one that fails, ``NOT_COMPUTED``."""

_AWARD: Final = "earn bonus 1"
_ENDS_EARLY: Final = "the condition ends too early"
# What the parser expects behind the award, where a condition can only go on.
_AFTER_RULE: Final = "a clause of the rule, a declaration or the end"
_OPERATOR: Final = "an operator or the end"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as it is written, under a name that no other has."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ConditionProblem:
    """A mistake in the condition at ``ordinal``, at a place of that condition's own text."""

    ordinal: int
    problem: Problem


class ConditionsError(ValueError):
    """Conditions cannot be used; ``problems`` has every mistake found."""

    def __init__(self, problems: Sequence[ConditionProblem]) -> None:
        super().__init__("\n".join(f"{each.ordinal}:{each.problem}" for each in problems))
        self.problems = tuple(problems)


def load_conditions(conditions: Sequence[Condition], name: str, *, currency: str = "") -> RuleSet:
    """The conditions as an independent rule set: rule ``ordinal`` gives HOLDS where the condition there does.

    Args:
        conditions: at least one.
        name: what the rule set is called.
        currency: the program's.

    Raises:
        ConditionsError: with every mistake found.
    """
    if problems := [each for ordinal in range(len(conditions)) for each in _form(conditions, ordinal)]:
        raise ConditionsError(problems)
    try:
        rule_set = load_rule_set("".join(map(_rule, conditions)), name, currency=currency)
    except RuleSetError as error:
        raise ConditionsError([located(conditions, problem) for problem in error.problems]) from error
    return replace(rule_set, checked=replace(rule_set.checked, independent=True))


def located(conditions: Sequence[Condition], problem: Problem) -> ConditionProblem:
    """A problem of the rule set that conditions became, where its condition has it."""
    first, ordinal = 0, 0
    while ordinal < len(conditions) - 1:
        lines = _rule(conditions[ordinal]).count("\n")
        if problem.source_range.line <= first + lines:
            break
        first, ordinal = first + lines, ordinal + 1
    return ConditionProblem(ordinal, _moved(problem, conditions[ordinal].text, first + 1))


def _rule(condition: Condition) -> str:
    """The rule of a condition, which has lines of its own: the first is line 2."""
    return f"rule {quoted(condition.name)} when\n{condition.text}\n{_AWARD}\n"


def _form(conditions: Sequence[Condition], ordinal: int) -> list[ConditionProblem]:
    """What is wrong with the form of one condition: by itself, so that no other is drawn into it."""
    condition = conditions[ordinal]
    tree, problems = parser.parse(_rule(condition))
    if tree is not None and not _is_one_condition(tree):
        place = SourceRange(1, 1, 1, 1)
        return [ConditionProblem(ordinal, Problem(place, "", "there is more than a condition here", "a condition"))]
    found = [_moved(problem, condition.text, 1) for problem in problems]
    # Of what is missing at the end, the first says it all.
    ends = [problem for problem in found if problem.message == _ENDS_EARLY]
    return [ConditionProblem(ordinal, problem) for problem in found if problem not in ends[1:]]


def _is_one_condition(tree: RuleSetSyntax) -> bool:
    clauses = [type(clause) for rule in tree.rules for clause in rule.clauses]
    return len(tree.declarations) == 1 and clauses == [When, Earn]


def _moved(problem: Problem, text: str, lines_before: int) -> Problem:
    """A problem as it is seen from the condition; what stands around it is its beginning, or its end."""
    place, lines = problem.source_range, text.split("\n")
    line = place.line - lines_before
    expected = _OPERATOR if problem.expected == _AFTER_RULE else problem.expected
    if line < 1:
        return replace(problem, source_range=SourceRange(1, 1, 1, 1))
    if line > len(lines):
        end = SourceRange(len(lines), len(lines[-1]) + 1, len(lines), len(lines[-1]) + 1)
        return replace(problem, source_range=end, text="", message=_ENDS_EARLY, expected=expected)
    end_line = min(place.end_line - lines_before, len(lines))
    here = SourceRange(line, place.column, end_line, place.end_column)
    return replace(problem, source_range=here, expected=expected)
