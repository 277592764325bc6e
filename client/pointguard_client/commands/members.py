"""The commands enroll, find, link, replace-card and lock."""

import argparse

from pointguard_client.commands.options import (
    Subparsers,
    add_card_options,
    add_command,
    add_identifier_options,
    add_key_option,
    add_member_options,
    add_origin_options,
    connect,
    origin_of,
)
from pointguard_client.commands.output import print_result
from pointguard_client.requests import Profile


def register(commands: Subparsers) -> None:
    """Add the commands."""
    _register_enroll(commands)
    add_member_options(add_command(commands, "find", "find a member by any identifier", _find))
    _register_link(commands)
    _register_replace_card(commands)
    _register_lock(commands)


def _register_enroll(commands: Subparsers) -> None:
    parser = add_command(commands, "enroll", "make a member with one account", _enroll)
    add_identifier_options(parser.add_argument_group("identifiers (1 to 16)"))
    parser.add_argument("--given-name", default="")
    parser.add_argument("--family-name", default="")
    parser.add_argument("--province", default="", help="ISO 3166-2, such as CA-ON")
    parser.add_argument("--birth-date", default="", help="ISO 8601, such as 1980-02-29")
    parser.add_argument("--tier", default="", help="the code of the member's tier")
    add_key_option(parser)


def _register_link(commands: Subparsers) -> None:
    parser = add_command(commands, "link", "let one more identifier find an account", _link)
    add_member_options(parser)
    group = parser.add_argument_group("new identifier (exactly one)").add_mutually_exclusive_group(required=True)
    add_identifier_options(group, prefix="new-")
    add_key_option(parser)
    add_origin_options(parser)


def _register_replace_card(commands: Subparsers) -> None:
    parser = add_command(commands, "replace-card", "let a new card find an account in place of another", _replace_card)
    old = parser.add_argument_group("card (exactly one)").add_mutually_exclusive_group(required=True)
    add_card_options(old, "member")
    new = parser.add_argument_group("its replacement (exactly one)").add_mutually_exclusive_group(required=True)
    add_card_options(new, "replacement", prefix="new-")
    add_key_option(parser)
    add_origin_options(parser)


def _register_lock(commands: Subparsers) -> None:
    parser = add_command(commands, "lock", "stop an account's redemptions, or allow them with --unlock", _lock)
    add_member_options(parser)
    parser.add_argument("--unlock", action="store_true", help="allow redemptions again")
    add_key_option(parser)
    add_origin_options(parser)


async def _enroll(arguments: argparse.Namespace) -> int:
    profile = Profile(arguments.given_name, arguments.family_name, arguments.province, arguments.birth_date)
    async with connect(arguments) as client:
        enrollment = await client.enroll_member(
            arguments.identifiers or (), profile=profile, tier=arguments.tier, idempotency_key=arguments.key
        )
    print_result(enrollment, arguments.json)
    return 0


async def _find(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        member = await client.find_member(arguments.member)
    print_result(member, arguments.json)
    return 0


async def _link(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        link = await client.link_identifier(
            arguments.member,
            arguments.identifiers[0],
            origin=origin_of(arguments),
            idempotency_key=arguments.key,
        )
    print_result(link, arguments.json)
    return 0


async def _replace_card(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        replaced = await client.replace_card(
            arguments.member,
            arguments.replacement,
            origin=origin_of(arguments),
            idempotency_key=arguments.key,
        )
    print_result(replaced, arguments.json)
    return 0


async def _lock(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        lock = await client.set_redemption_lock(
            arguments.member, not arguments.unlock, origin=origin_of(arguments), idempotency_key=arguments.key
        )
    print_result(lock, arguments.json)
    return 0
