"""The command accrue."""

import argparse
from typing import Final

from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_currency_option,
    add_key_option,
    add_language_option,
    add_member_options,
    add_origin_options,
    connect,
    money_of,
    origin_of,
    whole_number,
)
from pointguard_client.commands.output import print_result
from pointguard_client.requests import Basket, BasketLine
from pointguard_client.words import TransactionKind

_TEXT_PARTS: Final = ("sku", "category", "brand")
_NUMBER_PARTS: Final = ("quantity", "amount_minor")


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(commands, "accrue", "earn points for a basket, or for a total", _accrue)
    add_member_options(parser)
    amount = parser.add_mutually_exclusive_group(required=True)
    amount.add_argument("--total-minor", type=whole_number, help="eligible total in minor units (1250 is 12.50)")
    amount.add_argument(
        "--line",
        type=basket_line,
        action="append",
        metavar="sku=…,category=…,brand=…,quantity=…,amount_minor=…",
        help="one line of the basket, may be given many times; all but amount_minor may be left out",
    )
    add_currency_option(parser)
    parser.add_argument("--activity", action="store_true", help="it is not a purchase")
    parser.add_argument("--tender", default="", help="the code of the means of payment")
    parser.add_argument("--coupon-used", action="store_true", help="a coupon was used")
    parser.add_argument("--order", default="", help="the till's receipt or order number")
    add_language_option(parser)
    add_key_option(parser)
    add_origin_options(parser)


def basket_line(text: str) -> BasketLine:
    """Read a basket line, such as category=DAIRY,quantity=2,amount_minor=599."""
    parts = dict(part.partition("=")[::2] for part in text.split(","))
    unknown = sorted(set(parts) - {*_TEXT_PARTS, *_NUMBER_PARTS})
    if unknown:
        raise argparse.ArgumentTypeError(
            f"unknown part {unknown[0]!r}; known: {', '.join(_TEXT_PARTS + _NUMBER_PARTS)}"
        )
    if "amount_minor" not in parts:
        raise argparse.ArgumentTypeError("amount_minor is missing")
    return BasketLine(
        amount_minor_units=whole_number(parts["amount_minor"]),
        sku=parts.get("sku", ""),
        category=parts.get("category", ""),
        brand=parts.get("brand", ""),
        quantity=whole_number(parts.get("quantity", "1")),
    )


async def _accrue(arguments: argparse.Namespace) -> int:
    total = money_of(arguments.total_minor, arguments)
    async with connect(arguments) as client:
        accrual = await client.accrue(
            arguments.member,
            total or Basket(arguments.currency, tuple(arguments.line)),
            origin=origin_of(arguments),
            kind=TransactionKind.ACTIVITY if arguments.activity else TransactionKind.UNSPECIFIED,
            tender=arguments.tender,
            coupon_used=arguments.coupon_used,
            order_reference=arguments.order,
            idempotency_key=arguments.key,
            language=arguments.language,
        )
    print_result(accrual, arguments.json)
    return 0
