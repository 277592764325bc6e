"""The options that say who changes rules, or does something about an account, and why."""

import argparse
import os
from collections.abc import Iterable
from typing import Final

from pointguard_client.commands.options import add_key_option
from pointguard_client.results import Intervention
from pointguard_client.rule_values import RuleChange
from pointguard_client.words import InterventionReason, RuleChangeReason

AUTHOR_VARIABLE: Final = "POINTGUARD_AUTHOR"
_REASONS: Final = {
    reason.name.lower().replace("_", "-"): reason
    for reason in RuleChangeReason
    if reason not in (RuleChangeReason.UNSPECIFIED, RuleChangeReason.FILE)
}
_INTERVENTION_REASONS: Final = {
    reason.name.lower().replace("_", "-"): reason for reason in InterventionReason if reason
}


def add_change_options(parser: argparse.ArgumentParser, *, keyed: bool = True) -> None:
    """Add the options of a change of rules, and that of the idempotency key."""
    _add_options(parser, _REASONS)
    if keyed:
        add_key_option(parser)


def add_intervention_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of an intervention, and that of the idempotency key."""
    _add_options(parser, _INTERVENTION_REASONS).add_argument(
        "--session", default="", help="the console's own name for its session"
    )
    add_key_option(parser)


def add_author_option(parser: "argparse._ActionsContainer") -> None:
    """Add the option that says who it is."""
    author = os.environ.get(AUTHOR_VARIABLE)
    parser.add_argument(
        "--author", default=author, required=not author, help=f"staff number or account (default: {AUTHOR_VARIABLE})"
    )


def _add_options(parser: argparse.ArgumentParser, reasons: Iterable[str]) -> "argparse._ArgumentGroup":
    group = parser.add_argument_group("who and why")
    add_author_option(group)
    group.add_argument("--reason", choices=reasons, required=True, help="why", metavar="REASON")
    group.add_argument("--note", default="", help="more about why; required with other")
    group.description = f"REASON is one of {', '.join(reasons)}."
    return group


def change_of(arguments: argparse.Namespace) -> RuleChange:
    """Return who changes rules and why, as the options say."""
    return RuleChange(arguments.author, _REASONS[arguments.reason], arguments.note)


def intervention_of(arguments: argparse.Namespace) -> Intervention:
    """Return who does something about an account and why, as the options say."""
    reason = _INTERVENTION_REASONS[arguments.reason]
    return Intervention(arguments.author, reason, arguments.note, session_id=arguments.session)
