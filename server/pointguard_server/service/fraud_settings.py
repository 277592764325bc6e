"""The table ``program.fraud`` of a configuration: what goes for all fraud rules. For ``program_config``."""

from collections.abc import Mapping
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


def read_fraud(program: CheckedTable) -> tuple[str, Mapping[Context, FailMode]]:
    """Returns the language of messages, and what fraud rules do by context while nobody knows what they count."""
    if not program.has("fraud"):
        return DEFAULT_LANGUAGE, DEFAULT_FAIL
    table = program.table("fraud")
    language = DEFAULT_LANGUAGE
    if table.has("language"):
        language = table.text("language", LANGUAGE_BYTES_MAX, LANGUAGE, 'a BCP 47 language tag such as "fr-CA"')
    fail = dict(DEFAULT_FAIL)
    if table.has("fail"):
        modes = table.table("fail")
        fail = {each: modes.choice(each.name.lower(), FailMode, mode) for each, mode in DEFAULT_FAIL.items()}
        modes.close()
    table.close()
    return language, fail
