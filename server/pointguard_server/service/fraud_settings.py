"""The table ``program.fraud`` of a configuration: what goes for all fraud rules. For ``program_config``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pointguard_server.domain.codes import Context
from pointguard_server.service.checked_table import CheckedTable
from pointguard_server.service.message_templates import LANGUAGE, LANGUAGE_BYTES_MAX


class FailMode(StrEnum):
    """What a fraud rule does while nobody knows what it counts: nothing; decline what it could decline."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


DEFAULT_LANGUAGE: Final = "en"
DEFAULT_FAIL: Final = {
    Context.REDEMPTION: FailMode.CLOSED,
    Context.EARNING: FailMode.OPEN,
    Context.ADJUSTMENT: FailMode.CLOSED,
    Context.TRANSFER: FailMode.CLOSED,
}
"""What fraud rules do while nobody knows what they count, unless the configuration says otherwise."""
DEADLINE_NEAR_MS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class FraudSettings:
    """The language of messages for who asks for none, and what rules do by context that nobody can look at.

    Those of wider scopes are not looked at either where a request's deadline is nearer than ``deadline_near_ms``.
    """

    language: str = DEFAULT_LANGUAGE
    fail: Mapping[Context, FailMode] = field(default_factory=lambda: dict(DEFAULT_FAIL))
    deadline_near_ms: int = 0


def read_fraud(program: CheckedTable) -> FraudSettings:
    """Returns what the table says, or what goes without it."""
    if not program.has("fraud"):
        return FraudSettings()
    table = program.table("fraud")
    language = DEFAULT_LANGUAGE
    if table.has("language"):
        language = table.text("language", LANGUAGE_BYTES_MAX, LANGUAGE, 'a BCP 47 language tag such as "fr-CA"')
    fail = dict(DEFAULT_FAIL)
    if table.has("fail"):
        modes = table.table("fail")
        fail = {each: modes.choice(each.name.lower(), FailMode, mode) for each, mode in DEFAULT_FAIL.items()}
        modes.close()
    near = table.integer("deadline_near_ms", 0, DEADLINE_NEAR_MS_MAX, default=0)
    table.close()
    return FraudSettings(language, fail, near)
