"""The commands that look and write nothing: balance, transaction, advice."""

import argparse

from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_language_option,
    add_member_options,
    connect,
    moment,
)
from pointguard_client.commands.output import print_result
from pointguard_client.words import AdviceContext


def register(commands: Subparsers) -> None:
    """Add the commands."""
    balance = add_command(commands, "balance", "show an account's points", _balance)
    add_member_options(balance)
    balance.add_argument("--as-of", type=moment, help="as of an earlier moment, ISO 8601 with time zone")
    transaction = add_command(commands, "transaction", "show one transaction with its entries", _transaction)
    transaction.add_argument("transaction_id", help="the transaction's UUID")
    advice = add_command(commands, "advice", "show what stands against an account", _advice)
    add_member_options(advice)
    contexts = [context.name.lower() for context in AdviceContext if context]
    advice.add_argument("--context", choices=contexts, help="only this context (default: all)")
    add_language_option(advice)


async def _balance(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        balance = await client.get_balance(arguments.member, as_of=arguments.as_of)
    print_result(balance, arguments.json)
    return 0


async def _transaction(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        transaction = await client.get_transaction(arguments.transaction_id)
    print_result(transaction, arguments.json)
    return 0


async def _advice(arguments: argparse.Namespace) -> int:
    context = AdviceContext[arguments.context.upper()] if arguments.context else AdviceContext.UNSPECIFIED
    async with connect(arguments) as client:
        report = await client.check_advice(arguments.member, context=context, language=arguments.language)
    print_result(report, arguments.json)
    return 0
