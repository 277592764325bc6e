"""What the commands' options have in common: connection, member, origin, money, keys. Every command file uses it."""

import argparse
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol, TypeVar

from pointguard_client.calls import DEFAULT_TIMEOUT_SECONDS
from pointguard_client.client import PointguardClient
from pointguard_client.requests import Identifier, Money, Origin
from pointguard_client.sample import CURRENCY_CODE
from pointguard_client.words import Channel, Factor, IdentifierKind

Command = Callable[[argparse.Namespace], Coroutine[None, None, int]]
Number = TypeVar("Number", int, float)


class Subparsers(Protocol):
    """Where commands are added; argparse's own type for it is private."""

    def add_parser(
        self,
        name: str,
        *,
        help: str,  # noqa: A002, argparse's own name
        description: str,
        parents: list[argparse.ArgumentParser],
    ) -> argparse.ArgumentParser:
        """Add a command."""


class OptionGroup(Protocol):
    """Where options are added: a parser or a group of it."""

    def add_argument(
        self,
        *flags: str,
        type: Callable[[str], object],  # noqa: A002, argparse's own name
        dest: str,
        action: str,
        metavar: str,
        help: str,  # noqa: A002, argparse's own name
    ) -> argparse.Action:
        """Add an option."""


_FACTORS: Final = {factor.name.lower().replace("_", "-"): factor for factor in Factor if factor}
_IDENTIFIER_HELP: Final = {
    IdentifierKind.ACCOUNT_ID: "the number that enrolling returned",
    IdentifierKind.LOYALTY_ID: "the number on the loyalty card",
    IdentifierKind.EXTERNAL_ID: "the company's own number for the member",
    IdentifierKind.CARD: "a card token, never a primary account number",
    IdentifierKind.PHONE: "a telephone number, such as +14165550123",
    IdentifierKind.EMAIL: "an e-mail address",
    IdentifierKind.DEVICE_GUID: "the GUID of a web or mobile client",
}


def add_command(commands: Subparsers, name: str, summary: str, run: Command) -> argparse.ArgumentParser:
    """Add a command with the options that every command has, and return its parser."""
    description = summary[0].upper() + summary[1:] + "."
    parser = commands.add_parser(name, help=summary, description=description, parents=[_connection_options()])
    parser.set_defaults(run=run)
    return parser


def connect(arguments: argparse.Namespace) -> PointguardClient:
    """Return a client as the connection options say."""
    return PointguardClient.connect(
        arguments.address,
        api_key=arguments.api_key,
        timeout_seconds=arguments.timeout,
        plaintext=arguments.plaintext,
        root_certificates=read_root_certificates(arguments),
    )


def read_root_certificates(arguments: argparse.Namespace) -> bytes | None:
    """Return the PEM file that the options name, if any."""
    path: Path | None = arguments.root_certificates
    return None if path is None else path.read_bytes()


def add_member_options(parser: argparse.ArgumentParser, *, required: bool = True, prefix: str = "") -> None:
    """Add the options that find a member; exactly one must be given, or, if they are not required, at most one.

    With a prefix, "to-", they find the one who gets something: `to_member`.
    """
    title = "the other member" if prefix else "member"
    title += " (exactly one)" if required else " (at most one)"
    group = parser.add_argument_group(title).add_mutually_exclusive_group(required=required)
    dest = f"{prefix}member".replace("-", "_")
    for kind, text in _IDENTIFIER_HELP.items():
        flag = _identifier_flag(kind, prefix)
        group.add_argument(flag, type=_identifier_type(kind), dest=dest, metavar="VALUE", help=text)


def add_verified_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says by what the member was verified."""
    parser.add_argument(
        "--verified-by", choices=_FACTORS, action="append", default=[], help="by what the till has verified the member"
    )


def verified_by(arguments: argparse.Namespace) -> tuple[Factor, ...]:
    """Return by what the member was verified, as the option says."""
    return tuple(_FACTORS[name] for name in arguments.verified_by)


def add_members_options(parser: argparse.ArgumentParser) -> None:
    """Add options that collect members into `members`, each of which may be given several times."""
    group = parser.add_argument_group("members (1 to 1,000)")
    for kind, text in _IDENTIFIER_HELP.items():
        group.add_argument(
            _identifier_flag(kind), type=_identifier_type(kind), dest="members", action="append", metavar="VALUE",
            default=[], help=text,
        )  # fmt: skip


def add_language_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says in which language to have texts for people."""
    parser.add_argument(
        "--language", default="", metavar="TAG", help="of messages, such as fr-CA (default: the program's)"
    )


def add_identifier_options(group: OptionGroup, prefix: str = "") -> None:
    """Add options that collect identifiers into `identifiers`, each of which may be given several times."""
    for kind, text in _IDENTIFIER_HELP.items():
        if kind is not IdentifierKind.ACCOUNT_ID:
            flag = _identifier_flag(kind, prefix)
            group.add_argument(
                flag, type=_identifier_type(kind), dest="identifiers", action="append", metavar="VALUE", help=text
            )


def add_card_options(group: OptionGroup, into: str, prefix: str = "") -> None:
    """Add options of which each names one card."""
    for kind in (IdentifierKind.CARD, IdentifierKind.LOYALTY_ID):
        group.add_argument(
            _identifier_flag(kind, prefix),
            type=_identifier_type(kind),
            dest=into,
            action="store",
            metavar="VALUE",
            help=_IDENTIFIER_HELP[kind],
        )


def add_origin_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where something happens."""
    group = parser.add_argument_group("origin")
    group.add_argument("--store", default="", help="the store's code")
    group.add_argument("--terminal", default="", help="the terminal's code")
    group.add_argument("--cashier", default="", help="the cashier's code, never a name")
    group.add_argument("--channel", type=_channel, default=Channel.UNSPECIFIED, help=_choices_text(Channel))
    group.add_argument("--occurred-at", type=moment, help="the terminal's clock, ISO 8601 with time zone")


def origin_of(arguments: argparse.Namespace) -> Origin:
    """Return the origin that the options say."""
    return Origin(
        store_id=arguments.store,
        terminal_id=arguments.terminal,
        cashier_id=arguments.cashier,
        channel=arguments.channel,
        occurred_at=arguments.occurred_at,
    )


def add_currency_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the currency of amounts."""
    parser.add_argument("--currency", default=CURRENCY_CODE, help="ISO 4217 code (default: %(default)s, the sandbox's)")


def add_key_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that gives the idempotency key."""
    parser.add_argument("--key", default="", metavar="KEY", help="idempotency key (default: a new UUIDv7)")


def money_of(minor_units: int | None, arguments: argparse.Namespace) -> Money | None:
    """Return an amount in the options' currency, or None if there is none."""
    return None if minor_units is None else Money(minor_units, arguments.currency)


def number_type(
    read: Callable[[str], Number], is_right: Callable[[Number], bool], must_be: str
) -> Callable[[str], Number]:
    """Return an option's type: a number for which `is_right` holds; anything else is refused with what it must be."""

    def number(text: str) -> Number:
        try:
            value = read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {must_be}") from None
        if not is_right(value):
            raise argparse.ArgumentTypeError(f"must be {must_be}")
        return value

    return number


positive_integer = number_type(int, lambda value: value >= 1, "a whole number of 1 or more")
whole_number = number_type(int, lambda value: value >= 0, "a whole number of 0 or more")
positive_seconds = number_type(
    float, lambda value: 0 < value <= timedelta(days=1).total_seconds(), "a number above 0, at most 86400"
)


def _connection_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("connection and output")
    group.add_argument("--address", help="host:port (default: POINTGUARD_ADDRESS, or 127.0.0.1:50051)")
    group.add_argument("--api-key", help="API key (default: POINTGUARD_API_KEY, or the sandbox's own)")
    group.add_argument(
        "--timeout",
        type=positive_seconds,
        default=DEFAULT_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="for each call with its retries (default: %(default)s)",
    )
    group.add_argument(
        "--plaintext",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="speak without TLS (default: on the loopback alone)",
    )
    group.add_argument("--root-certificates", type=Path, metavar="FILE", help="PEM file to trust, for TLS")
    group.add_argument("--json", action="store_true", help="print JSON for programs")
    return parser


def _identifier_flag(kind: IdentifierKind, prefix: str = "") -> str:
    return f"--{prefix}{kind.name.lower().replace('_', '-')}"


def _identifier_type(kind: IdentifierKind) -> Callable[[str], Identifier]:
    def identifier(text: str) -> Identifier:
        return Identifier(kind, int(text) if kind is IdentifierKind.ACCOUNT_ID else text)

    return identifier


def _channel(text: str) -> Channel:
    try:
        return Channel[text.upper().replace("-", "_")]
    except KeyError:
        raise argparse.ArgumentTypeError(f"must be one of {_choices_text(Channel)}") from None


def _choices_text(choices: type[Channel]) -> str:
    return ", ".join(choice.name.lower().replace("_", "-") for choice in choices if choice)


def moment(text: str) -> datetime:
    """Read a moment that names its time zone."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise argparse.ArgumentTypeError("must name its time zone, such as 2026-03-01T12:00:00-05:00")
    return read
