"""The one table of the fields that a rule may read. The host fills its vectors by it; the checker resolves names by it.

Facts are one int64 vector for each transaction, lines one int64 row for each basket line. Units of the entries:

* number: the value × 10^6 (``fixed_point.SCALE``). Money is in major units, so the host passes
  minor units × (10^6 / 10^currency digits). A value that does not fit must be refused by the host.
* boolean: 0 or 1.
* text: the host's id of the text in the field's domain, 1 or more; 0 means absent, and absent equals nothing.

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
    ("order.total", ValueType.NUMBER, None),
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
)

_LINE: Final = (
    ("line.sku", ValueType.TEXT, "sku"),
    ("line.category", ValueType.TEXT, "category"),
    ("line.brand", ValueType.TEXT, "brand"),
    ("line.quantity", ValueType.NUMBER, None),
    ("line.amount", ValueType.NUMBER, None),  # the money of the whole line
)

FACT_FIELDS: Final = tuple(Field(*row, Vector.FACTS, index) for index, row in enumerate(_FACTS))
LINE_FIELDS: Final = tuple(Field(*row, Vector.LINE, index) for index, row in enumerate(_LINE))
FACT_FIELD_COUNT: Final = len(FACT_FIELDS)
LINE_FIELD_COUNT: Final = len(LINE_FIELDS)

FIELDS: Final = {field.name: field for field in FACT_FIELDS + LINE_FIELDS}
OBJECTS: Final = tuple(dict.fromkeys(name.partition(".")[0] for name in FIELDS))
