"""The one table of the fields that a rule may read. The host fills its vectors by it; the checker resolves names by it.

Facts are one int64 vector for each transaction, lines one int64 row for each basket line. Units of the entries:

* number: the value × 10^6 (``fixed_point.SCALE``). A value that does not fit must be refused by the host.
* money: in major units, as a number, so the host passes minor units × (10^6 / 10^currency digits).
* date: days since 1970-01-01, as a number.
* boolean: 0 or 1.
* text: the host's id of the text in the field's domain, 1 or more; 0 means absent, and absent equals nothing.
* texts: bit i is set when member i of the rule set's ``named_texts`` of the field's domain is one of them.

Behind the facts of the table come the rule set's own inputs (``inputs``). A line's last entry, which has no name, holds
bit i for each of the rule set's patterns over line fields that the line matches.

Times are local times of the program. The order of the table is part of the compiled code's interface: append, never
reorder.
"""

from dataclasses import dataclass
from typing import Final

from pointguard_server.rules.value_types import ValueType, Vector


@dataclass(frozen=True, slots=True)
class Field:
    """A named input. ``index`` counts within its vector; ``domain`` says which texts it can be compared with."""

    name: str
    type: ValueType
    domain: str | None
    vector: Vector
    index: int


_FACTS: Final = (
    ("order.total", ValueType.MONEY, None),
    ("order.line_count", ValueType.NUMBER, None),
    ("order.channel", ValueType.TEXT, "channel"),
    ("order.tender", ValueType.TEXT, "tender"),
    ("order.coupon_used", ValueType.BOOLEAN, None),
    ("order.kind", ValueType.TEXT, "kind"),
    ("store.id", ValueType.TEXT, "store"),
    ("store.business_unit", ValueType.TEXT, "business_unit"),
    ("store.province", ValueType.TEXT, "province"),
    ("member.tier", ValueType.TEXT, "tier"),
    ("member.province", ValueType.TEXT, "province"),
    ("member.days_since_enrolment", ValueType.NUMBER, None),
    ("account.posted", ValueType.NUMBER, None),
    ("time.year", ValueType.NUMBER, None),
    ("time.month", ValueType.NUMBER, None),
    ("time.day", ValueType.NUMBER, None),
    ("time.hour", ValueType.NUMBER, None),
    ("time.minute", ValueType.NUMBER, None),
    ("time.weekday", ValueType.NUMBER, None),  # 1 = Monday … 7 = Sunday
    ("time.date", ValueType.DATE, None),
    ("account.available", ValueType.NUMBER, None),
    ("account.spend", ValueType.MONEY, None),  # since the program began
    ("store.country", ValueType.TEXT, "country"),
    ("member.groups", ValueType.TEXTS, "group"),
    ("member.age_band", ValueType.TEXT, "age_band"),
    ("member.birthday_month", ValueType.NUMBER, None),  # 0 if not known
    ("order.points", ValueType.NUMBER, None),  # what it redeems or would earn: for conditions of fraud rules alone
    ("order.redemption_type", ValueType.TEXT, "redemption_type"),  # likewise
)

_LINE: Final = (
    ("line.sku", ValueType.TEXT, "sku"),
    ("line.category", ValueType.TEXT, "category"),
    ("line.brand", ValueType.TEXT, "brand"),
    ("line.quantity", ValueType.NUMBER, None),
    ("line.amount", ValueType.MONEY, None),  # the money of the whole line
)

FACT_FIELDS: Final = tuple(Field(*row, Vector.FACTS, index) for index, row in enumerate(_FACTS))
LINE_FIELDS: Final = tuple(Field(*row, Vector.LINE, index) for index, row in enumerate(_LINE))
FACT_FIELD_COUNT: Final = len(FACT_FIELDS)
LINE_MATCHES: Final = len(LINE_FIELDS)
"""The index of a line's matches."""
LINE_FIELD_COUNT: Final = len(LINE_FIELDS) + 1
MOST_BITS: Final = 63
"""How many texts of ``texts``, and how many patterns over lines, a rule set may name."""

FIELDS: Final = {field.name: field for field in FACT_FIELDS + LINE_FIELDS}
OBJECTS: Final = tuple(dict.fromkeys(name.partition(".")[0] for name in FIELDS))
