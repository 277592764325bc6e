"""Writes a rule set in its one canonical form: same meaning, same comments, one layout. For the services and tools.

A comment on a line of its own stays above what follows it; one behind a clause stays behind it; one in the middle of a
clause moves above it.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pointguard_server.rules import parser
from pointguard_server.rules.expression_layout import INDENTATION, WIDTH, expression_lines, list_lines, quoted
from pointguard_server.rules.problems import RuleSetError
from pointguard_server.rules.syntax import (
    Best,
    Cap,
    Clause,
    Comment,
    Declaration,
    Earn,
    Expire,
    Expression,
    LetSyntax,
    Multiply,
    Pending,
    Priority,
    Round,
    RuleSetSyntax,
    RuleSyntax,
    SetSyntax,
    SourceRange,
    Valid,
    When,
)
from pointguard_server.rules.tree_text import in_order


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
    declarations = [_clauses(declaration) for declaration in rule_set.declarations]
    rest = _attach(rule_set.comments, [clause for clauses in declarations for clause in clauses])
    separators = list(_separators(rule_set.declarations, declarations))
    blocks = [_declaration(clauses) for clauses in declarations]
    text = "".join(separator + block for separator, block in zip(separators, blocks, strict=True))
    end = ("\n\n" if blocks else "") + "\n".join(_paragraphs(rest)) if rest else ""
    return f"{text}{end}\n" if text or end else ""


def _separators(declarations: Sequence[Declaration], clauses: list[list["_Clause"]]) -> Iterator[str]:
    """What stands before each declaration: an empty line, but not between what only names things."""
    for index, declaration in enumerate(declarations):
        is_rule = isinstance(declaration, RuleSyntax) or isinstance(declarations[index - 1], RuleSyntax)
        is_close = not is_rule and not clauses[index][0].above
        yield "" if index == 0 else "\n" if is_close else "\n\n"


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


def _clauses(declaration: Declaration) -> list[_Clause]:
    """What a declaration is made of, in canonical order, its name first."""
    name = declaration.name
    match declaration:
        case LetSyntax():
            return [_expressions_clause(declaration.source_range, [(f"let {name.text} =", declaration.value)])]
        case SetSyntax():
            return [_set(declaration)]
        case RuleSyntax():
            first = _Clause(name.source_range, [f"rule {quoted(name.text)}"])
            return [first, *(_clause(clause) for clause in in_order(declaration))]


def _set(declaration: SetSyntax) -> _Clause:
    words = f"set {declaration.name.text}"
    if declaration.file is not None:
        return _Clause(declaration.source_range, [f"{words} from {quoted(declaration.file.value)}"])
    return _Clause(declaration.source_range, list_lines(f"{words} = (", declaration.items, WIDTH))


def _clause(clause: Clause) -> _Clause:
    match clause:
        case When():
            return _expressions_clause(clause.source_range, [("when", clause.condition)])
        case Multiply():
            return _expressions_clause(clause.source_range, [(f"multiply {clause.part.text} by", clause.factor)])
        case Earn():
            parts = [(f"earn {clause.part.text}", clause.award)]
            for word, node in (("per", clause.per), ("of", clause.of), ("where", clause.where)):
                parts += [(word, node)] if node is not None else []
            return _expressions_clause(clause.source_range, parts)
        case _:
            return _Clause(clause.source_range, [_plain(clause)])


def _plain(clause: Clause) -> str:
    """The one line of a clause without expressions."""
    match clause:
        case Valid():
            words = ["valid"]
            for word, part in (("from", clause.start), ("until", clause.end)):
                words += [word, part.text] if part else []
            return " ".join([*words, *(["in", quoted(clause.zone.value)] if clause.zone else [])])
        case Priority():
            return f"priority {clause.number.text}"
        case Best():
            return f"best of {quoted(clause.group.value)}"
        case Cap():
            return f"cap {clause.number.text} per {clause.period.text}"
        case Round():
            return f"round {clause.rounding.text}"
        case Pending():
            return f"pending {clause.number.text} {clause.unit.text}"
        case Expire():
            after = f"after {clause.number.text}" if clause.number else "at end of"
            return f"expire {after} {clause.unit.text}"
        case _:
            return "exclusive"


def _expressions_clause(place: SourceRange, parts: list[tuple[str, Expression]]) -> _Clause:
    """Words and expressions by turns: on one line if they fit, else each word begins one."""
    whole = [f"{words} {''.join(expression_lines(node, sys.maxsize))}" for words, node in parts]
    if sum(map(len, whole)) + len(whole) - 1 <= WIDTH - len(INDENTATION):
        return _Clause(place, [" ".join(whole)])
    first, *others = [_worded(words, node) for words, node in parts]
    return _Clause(place, [*first, *(INDENTATION + line for lines in others for line in lines)])


def _worded(words: str, node: Expression) -> list[str]:
    lines = expression_lines(node, WIDTH - 2 * len(INDENTATION) - len(words) - 1)
    if len(lines) > 1 and not lines[-1].startswith(")"):
        lines = expression_lines(node, WIDTH - 3 * len(INDENTATION))
        return [words, *(INDENTATION + line for line in lines)]
    return [f"{words} {lines[0]}", *lines[1:]]


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
