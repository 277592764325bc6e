"""Writes a rule set in its one canonical form: same meaning, same comments, one layout. For the services and tools.

A comment on a line of its own stays above what follows it; one behind a clause stays behind it; one in the middle of a
clause moves above it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from pointguard_server.rules import parser
from pointguard_server.rules.expression_layout import INDENTATION, WIDTH, expression_lines, quoted
from pointguard_server.rules.problems import RuleSetError
from pointguard_server.rules.syntax import Comment, Expression, RuleSetSyntax, RuleSyntax, SourceRange


def format_source(source: str, name: str) -> str:
    """The canonical text of ``source``, which need not be free of mistakes of meaning.

    Raises:
        RuleSetError: if its form is wrong; ``name`` is what the problems are reported under.
    """
    rule_set, problems = parser.parse(source)
    if rule_set is None:
        raise RuleSetError(name, problems)
    return format_tree(rule_set)


def format_tree(rule_set: RuleSetSyntax) -> str:
    """The canonical text of a tree with its comments."""
    declarations = [_rule(rule) for rule in rule_set.rules]
    rest = _attach(rule_set.comments, [clause for clauses in declarations for clause in clauses])
    blocks = [_declaration(clauses) for clauses in declarations]
    if rest:
        blocks.append("\n".join(_paragraphs(rest)))
    return "".join(f"{block}\n" for block in "\n\n".join(blocks).split("\n")) if blocks else ""


@dataclass(slots=True)
class _Clause:
    """What gets lines of its own: its text, where it was written, and the comments that go with it."""

    source_range: SourceRange
    lines: list[str]
    above: list[Comment] = field(default_factory=list)
    behind: str = ""

    def written(self, indentation: str) -> list[str]:
        """Its lines, with comments."""
        own = [*self.lines[:-1], self.lines[-1] + self.behind]
        return [indentation + line for line in (*(comment.text for comment in self.above), *own)]


def _rule(rule: RuleSyntax) -> list[_Clause]:
    """The clauses of a rule in canonical order, its name first."""
    clauses = [_Clause(rule.name.source_range, [f"rule {quoted(rule.name.text)}"])]
    if rule.condition is not None:
        clauses.append(_expression_clause("when", rule.condition))
    clauses.append(_expression_clause(f"earn {rule.part.text}", rule.award))
    if rule.rounding is not None:
        clauses.append(_Clause(rule.rounding.source_range, [f"round {rule.rounding.text}"]))
    return clauses


def _expression_clause(words: str, node: Expression) -> _Clause:
    flat = expression_lines(node, WIDTH - len(INDENTATION) - len(words) - 1)
    if len(flat) > 1 and not flat[-1].startswith(")"):
        flat = expression_lines(node, WIDTH - 2 * len(INDENTATION))
        return _Clause(node.source_range, [words, *(INDENTATION + line for line in flat)])
    return _Clause(node.source_range, [f"{words} {flat[0]}", *flat[1:]])


def _attach(comments: Iterable[Comment], clauses: list[_Clause]) -> list[Comment]:
    """Give each comment to the clause that it belongs to; return those behind everything."""
    in_source_order = sorted(clauses, key=lambda clause: _end(clause.source_range))
    lines = [_end(clause.source_range)[0] for clause in in_source_order]
    pending = list(comments)
    for index, clause in enumerate(in_source_order):
        end = _end(clause.source_range)
        while pending and _start(pending[0]) < end:
            clause.above.append(pending.pop(0))
        if pending and _start(pending[0])[0] == end[0] and end[0] not in lines[index + 1 :]:
            clause.behind = f"  {pending.pop(0).text}"
    return pending


def _start(comment: Comment) -> tuple[int, int]:
    return comment.source_range.line, comment.source_range.column


def _end(place: SourceRange) -> tuple[int, int]:
    return place.end_line, place.end_column


def _declaration(clauses: list[_Clause]) -> str:
    """A declaration's lines; comments above it keep their paragraphs, and its distance from them."""
    first, *others = clauses
    lines = _paragraphs(first.above)
    if first.above and first.source_range.line > first.above[-1].source_range.line + 1:
        lines.append("")
    first.above = []
    lines += first.written("")
    for clause in others:
        lines += clause.written(INDENTATION)
    return "\n".join(lines)


def _paragraphs(comments: list[Comment]) -> list[str]:
    """Comments, a line each, with an empty line where the source had some."""
    lines = [comments[0].text] if comments else []
    for before, comment in pairwise(comments):
        if comment.source_range.line > before.source_range.line + 1:
            lines.append("")
        lines.append(comment.text)
    return lines
