"""Checks what expressions do with texts, sets and lists: equality, membership, patterns. For ``expression_checker``.

Each text field has a domain, the vocabulary that its ids are of; a literal is interned in the domain of the field that
it is compared with.
"""

from typing import TYPE_CHECKING, Final

from pointguard_server.rules import checked, syntax
from pointguard_server.rules.checked import Checked, ComparisonOperator
from pointguard_server.rules.fields import FACT_FIELDS, LINE_FIELDS, LINE_MATCHES, Field
from pointguard_server.rules.inputs import MatchInput
from pointguard_server.rules.patterns import LONGEST_PATTERN
from pointguard_server.rules.scope import A, KnownSet, suggest, text_of
from pointguard_server.rules.set_files import LONGEST_TEXT
from pointguard_server.rules.syntax import Expression, TextLiteral
from pointguard_server.rules.texts import Texts
from pointguard_server.rules.value_types import ValueType, Vector

if TYPE_CHECKING:
    from pointguard_server.rules.expression_checker import ExpressionChecker

MOST_NUMBERS_IN_LIST: Final = 100
# Up to here a list is looked through; a longer one becomes a table.
LONGEST_RUN: Final = 8
_EQUALITIES: Final = frozenset((ComparisonOperator.EQUAL, ComparisonOperator.NOT_EQUAL))
_LISTED: Final = (ValueType.NUMBER, ValueType.MONEY, ValueType.DATE, ValueType.TEXT)


def field_of(value: checked.FieldValue) -> Field:
    """The row of the table of fields."""
    fields = LINE_FIELDS if value.vector is Vector.LINE else FACT_FIELDS
    return fields[value.index]


def domain_of(value: checked.FieldValue) -> str:
    """The vocabulary of a text field."""
    return field_of(value).domain or ""


class TextChecker:
    """The part of the checker of expressions that knows texts and lists."""

    def __init__(self, expressions: "ExpressionChecker") -> None:
        self._expressions = expressions
        self._scope = expressions.scope

    # Equality

    def field_comparison(
        self, node: syntax.Binary, operator: ComparisonOperator, left: Checked, right: Checked
    ) -> Checked | None:
        """Two text fields compared."""
        # No other expression is a text.
        if not isinstance(left, checked.FieldValue) or not isinstance(right, checked.FieldValue):
            raise TypeError("a text that is no field")
        domains = [domain_of(side) for side in (left, right)]
        if domains[0] != domains[1]:
            message = f"a {domains[0]} never equals a {domains[1]}"
            expected = f"a text of the domain {domains[0]}"
            self._scope.report(node.right.source_range, text_of(node.right), message, expected)
            return None
        negated = operator is ComparisonOperator.NOT_EQUAL
        return checked.TextEquality(left, right, negated, node.source_range)

    def literal_comparison(self, node: syntax.Binary, operator: ComparisonOperator) -> Checked | None:
        """A text field compared with a text as written."""
        literal, other = (node.right, node.left) if isinstance(node.right, TextLiteral) else (node.left, node.right)
        if isinstance(other, TextLiteral):
            expected = "a text field on one side"
            self._scope.report(node.source_range, other.value, "two texts as written are compared", expected)
            return None
        field = self._text_field(other, f"`{operator}`")
        if field is None or not isinstance(literal, TextLiteral) or not self._is_usable(literal):
            return None
        if operator not in _EQUALITIES:
            message = f"`{operator}` compares numbers, not texts"
            self._scope.report(node.source_range, operator.value, message, "`==` or `!=`")
            return None
        constant = checked.TextConstant(self._scope.literal(domain_of(field), literal.value), literal.source_range)
        return checked.TextEquality(field, constant, operator is ComparisonOperator.NOT_EQUAL, node.source_range)

    def _text_field(self, node: Expression, place: str) -> checked.FieldValue | None:
        result = self._expressions.of_type(node, ValueType.TEXT, place)
        return result if isinstance(result, checked.FieldValue) else None

    def _is_usable(self, literal: TextLiteral) -> bool:
        if 1 <= len(literal.value) <= LONGEST_TEXT:
            return True
        expected = f"1 to {LONGEST_TEXT} characters"
        self._scope.report(
            literal.source_range, literal.value[:LONGEST_TEXT], "the text is empty or too long", expected
        )
        return False

    # Lists and sets

    def known_set(self, items: tuple[syntax.Literal, ...]) -> KnownSet:
        """The entries of a set as written; all texts, or all of one other type."""
        if isinstance(items[0], TextLiteral):
            return self._texts(items)
        entries = self._values(items)
        kinds = [kind for item in items if (kind := self._kind(item)) is not None]
        for item, kind in zip(items, kinds, strict=False):
            if kind is not kinds[0]:
                self._stranger(item, kinds[0])
                return KnownSet(None)
        return entries

    @staticmethod
    def _kind(item: syntax.Literal) -> ValueType | None:
        match item:
            case syntax.TextLiteral():
                return ValueType.TEXT
            case syntax.DateLiteral():
                return ValueType.DATE
            case syntax.Quantity() if item.unit.text != "%":
                return ValueType.MONEY
            case _:
                return ValueType.NUMBER

    def _values(self, items: tuple[syntax.Literal, ...]) -> KnownSet:
        values = [self._expressions.written(item) for item in items if not isinstance(item, TextLiteral)]
        present = [value for value in values if value is not None]
        if len(present) < len(values) or not present:
            return KnownSet(None)
        return KnownSet(present[0].type, values=tuple(dict.fromkeys(value.value for value in present)))

    def _texts(self, items: tuple[syntax.Literal, ...]) -> KnownSet:
        texts = []
        for item in items:
            if not isinstance(item, TextLiteral):
                self._stranger(item, ValueType.TEXT)
                return KnownSet(None)
            if not self._is_usable(item):
                return KnownSet(None)
            texts.append(item.value)
        return KnownSet(ValueType.TEXT, texts=Texts.of(dict.fromkeys(texts)))

    def _stranger(self, item: syntax.Literal, kind: ValueType) -> None:
        self._scope.report(item.source_range, text_of(item), f"the list is compared with {A[kind]}", A[kind])

    def membership(self, node: syntax.Membership) -> Checked | None:
        """``… in ("A", "B")``."""
        operand = self._listed(node.operand)
        if operand is None:
            return None
        strangers = [item for item in node.items if not self._fits(item, operand.type)]
        for item in strangers:
            self._stranger(item, operand.type)
        if strangers:
            return None
        entries = self._texts(node.items) if operand.type is ValueType.TEXT else self._values(node.items)
        return None if entries.type is None else self._in(node, operand, entries)

    def _fits(self, item: syntax.Literal, kind: ValueType) -> bool:
        own = self._kind(item)
        return own is kind or (isinstance(item, syntax.NumberLiteral) and kind is ValueType.MONEY)

    def _listed(self, node: Expression) -> Checked | None:
        operand = self._expressions.expression(node)
        if operand is not None and operand.type not in _LISTED:
            expected = "a number or a text"
            self._scope.report(node.source_range, text_of(node), f"`in` needs {expected}", expected)
            return None
        return operand

    def _in(
        self, node: syntax.Membership | syntax.NamedMembership, operand: Checked, entries: KnownSet
    ) -> Checked | None:
        if operand.type is ValueType.TEXT and isinstance(operand, checked.FieldValue):
            return self._text_membership(node, operand, entries.texts)
        if len(entries.values) > MOST_NUMBERS_IN_LIST:
            expected = f"at most {MOST_NUMBERS_IN_LIST} numbers"
            self._scope.report(node.source_range, text_of(node.operand), "the list has too many numbers", expected)
            return None
        return checked.NumberMembership(operand, entries.values, node.negated, node.source_range)

    def _text_membership(
        self, node: syntax.Membership | syntax.NamedMembership, operand: checked.FieldValue, texts: Texts
    ) -> Checked | None:
        domain = domain_of(operand)
        if len(texts) <= LONGEST_RUN:
            start, stop = self._scope.run(domain, texts)
            return checked.TextMembership(operand, start, stop, node.negated, node.source_range)
        table = self._scope.table(domain, texts)
        if table is None:
            self._scope.report(node.source_range, text_of(node), "the sets have too many texts", "smaller sets")
            return None
        return checked.TableMembership(operand, table.start, table.size, node.negated, node.source_range)

    def named_membership(self, node: syntax.NamedMembership) -> Checked | None:
        """``… in name``, a set's or a field's of several texts."""
        if isinstance(node.collection, syntax.FieldAccess):
            return self._in_field(node, node.collection)
        name = node.collection.text
        entries = self._scope.known_sets.get(name)
        if entries is None:
            self._unknown_set(node.collection)
            return None
        operand = self._listed(node.operand)
        if operand is None or entries.type is None:
            return None
        if entries.type is not operand.type:
            message = f"the set `{name}` holds {A[entries.type].removeprefix('a ')}s, not {A[operand.type]}"
            self._scope.report(node.collection.source_range, name, message, f"a set for {A[operand.type]}")
            return None
        return self._in(node, operand, entries)

    def _unknown_set(self, name: syntax.Name) -> None:
        scope = self._scope
        if name.text in scope.later and name.text not in scope.known_lets:
            message = f"`{name.text}` is only known from line {scope.later[name.text]} on"
            scope.report(name.source_range, name.text, message, "a set that is defined further up")
            return
        hint = suggest(name.text, scope.known_sets)
        expected = f'a set, defined further up: set {name.text[:80]} = ("A", "B")'
        scope.report(name.source_range, name.text, f"unknown set `{name.text}`", expected, hint)

    def _in_field(self, node: syntax.NamedMembership, collection: syntax.FieldAccess) -> Checked | None:
        field = self._expressions.of_type(collection, ValueType.TEXTS, "`in`")
        if not isinstance(field, checked.FieldValue):
            return None
        if not isinstance(node.operand, TextLiteral):
            message = f"only a text as written is looked for in `{collection.name}`"
            expected = f'"VIP" in {collection.name}'
            self._scope.report(node.operand.source_range, text_of(node.operand), message, expected)
            return None
        if not self._is_usable(node.operand):
            return None
        key = (domain_of(field), node.operand.value)
        bit = self._scope.bit(self._scope.named_texts, key, node.source_range, "groups")
        if bit is None:
            return None
        return checked.BitTest(field.vector, field.index, bit, node.negated, node.source_range)

    # Patterns

    def match(self, node: syntax.Match) -> Checked | None:
        """``… matches "pattern"``."""
        field = self._text_field(node.operand, "`matches`")
        if field is None or not self._is_pattern(node.pattern):
            return None
        name, pattern, place = field_of(field).name, node.pattern.value, node.source_range
        if field.vector is Vector.LINE:
            bit = self._scope.bit(self._scope.line_patterns, (name, pattern), place, "patterns over lines")
            return None if bit is None else checked.BitTest(Vector.LINE, LINE_MATCHES, bit, node.negated, place)
        index = self._scope.input(MatchInput(name, pattern), place, pattern)
        if index is None:
            return None
        matched = checked.FieldValue(ValueType.BOOLEAN, Vector.FACTS, index, place)
        return checked.Not(matched, place) if node.negated else matched

    def _is_pattern(self, literal: TextLiteral) -> bool:
        if 1 <= len(literal.value) <= LONGEST_PATTERN:
            return True
        self._scope.report(
            literal.source_range,
            literal.value[:LONGEST_PATTERN],
            "the pattern is empty or too long",
            f"1 to {LONGEST_PATTERN} characters, `*` for any run of them and `?` for any one",
        )
        return False
