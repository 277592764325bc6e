"""The options that say who changes rules and why. For the commands of a manager."""

import argparse
import os
from typing import Final

from pointguard_client.commands.options import add_key_option
from pointguard_client.rule_values import RuleChange
from pointguard_client.words import RuleChangeReason

AUTHOR_VARIABLE: Final = "POINTGUARD_AUTHOR"
_REASONS: Final = {
    reason.name.lower().replace("_", "-"): reason
    for reason in RuleChangeReason
    if reason not in (RuleChangeReason.UNSPECIFIED, RuleChangeReason.FILE)
}


def add_change_options(parser: argparse.ArgumentParser, *, keyed: bool = True) -> None:
    """Add the options, and that of the idempotency key."""
    group = parser.add_argument_group("who and why")
    author = os.environ.get(AUTHOR_VARIABLE)
    group.add_argument(
        "--author", default=author, required=not author, help=f"staff number or account (default: {AUTHOR_VARIABLE})"
    )
    group.add_argument("--reason", choices=_REASONS, required=True, help="why", metavar="REASON")
    group.add_argument("--note", default="", help="more about why; required with other")
    group.description = f"REASON is one of {', '.join(_REASONS)}."
    if keyed:
        add_key_option(parser)


def change_of(arguments: argparse.Namespace) -> RuleChange:
    """Return who changes rules and why, as the options say."""
    return RuleChange(arguments.author, _REASONS[arguments.reason], arguments.note)
