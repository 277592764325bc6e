"""The commands below ``fraud`` about groups of members: members put into one, taken out, and listed."""

import argparse

from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_members_options,
    connect,
    positive_integer,
)
from pointguard_client.commands.output import console, plain, print_json
from pointguard_client.commands.who_and_why import add_intervention_options, intervention_of
from pointguard_client.fraud_values import GroupChange


def register(below: Subparsers) -> None:
    """Add the commands."""
    for name, summary, run in (
        ("add-to-group", "put members into a group", _add),
        ("remove-from-group", "take members out of a group", _remove),
    ):
        parser = add_command(below, name, f"{summary}: all of them or, if one is unknown, none", run)
        parser.add_argument("group", help="the group's code")
        add_members_options(parser)
        add_intervention_options(parser)
    listed = add_command(below, "group", "list the accounts whose members are in a group", _list)
    listed.add_argument("group", help="the group's code")
    listed.add_argument("--count", type=positive_integer, default=100, help="at most, to 1,000 (default: %(default)s)")
    listed.add_argument("--page", default="", help="the token of a further page, which the page before ends with")


async def _add(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        changes = await client.fraud.add_to_group(
            arguments.group, arguments.members, intervention_of(arguments), idempotency_key=arguments.key
        )
    return _print_changes(changes, arguments)


async def _remove(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        changes = await client.fraud.remove_from_group(
            arguments.group, arguments.members, intervention_of(arguments), idempotency_key=arguments.key
        )
    return _print_changes(changes, arguments)


def _print_changes(changes: tuple[GroupChange, ...], arguments: argparse.Namespace) -> int:
    if arguments.json:
        print_json(plain(changes))
        return 0
    for change in changes:
        console().print(f"account {change.account_id} · transaction {change.transaction_id}", soft_wrap=True)
    return 0


async def _list(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        page = await client.fraud.list_group_members(
            arguments.group, page_size=arguments.count, page_token=arguments.page
        )
    if arguments.json:
        print_json(plain(page))
        return 0
    for account_id in page.account_ids:
        console().print(f"account {account_id}")
    if page.next_page_token:
        console().print(f"more: --page {page.next_page_token}", markup=False)
    return 0
