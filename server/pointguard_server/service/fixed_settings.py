"""Settings of a program that cannot change while a server runs. For ``live_programs`` and ``configurations``."""

from collections.abc import Mapping
from typing import Final

from pointguard_server.service.checked_table import Problem
from pointguard_server.service.program_config import ProgramConfig

FIXED: Final[Mapping[str, str]] = {
    "code": "program.code",
    "currency": "program.currency",
    "time_zone": "program.time_zone",
    "identifiers": "program.identifiers",
    "isolation": "program.earn.isolation",
    "fuel": "program.earn.fuel",
}
"""What cannot change while a server runs: accounts, amounts and windows are read by it, and rules compiled for it."""
OF_THE_FILE: Final[Mapping[str, str]] = {**FIXED, "earn_rules": "program.earn.rules"}
"""What a call may not change either: which file has the earn rules is for the configuration's file to say."""


def fixed_changes(config: ProgramConfig, serving: ProgramConfig, fixed: Mapping[str, str] = FIXED) -> list[Problem]:
    """Return what a configuration would change of what is fixed."""
    return [
        Problem(key, f"cannot change in a running server, which serves {getattr(serving, name)!r}")
        for name, key in fixed.items()
        if getattr(config, name) != getattr(serving, name)
    ]
