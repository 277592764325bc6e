"""The messages of a backtest as values. Only the client's own modules use it."""

from collections.abc import Iterable
from datetime import UTC

from pointguard.v1 import rule_pb2
from pointguard_client import backtest_values as values
from pointguard_client.words import BacktestCaveat


def decode_progress(message: rule_pb2.BacktestProgress) -> values.BacktestProgress:
    """Return how far a backtest has come."""
    return values.BacktestProgress(message.legs, message.legs_in_all, message.orders, message.points)


def decode_result(message: rule_pb2.BacktestResult) -> values.BacktestResult:
    """Return what came out."""
    return values.BacktestResult(
        orders=message.orders,
        declined_orders=message.declined_orders,
        currency_code=message.currency_code,
        spend_minor_units=message.spend_minor_units,
        issued_points=message.issued_points,
        issued_cost_minor_units=message.issued_cost_minor_units,
        side=_side(message.side),
        other=_side(message.other) if message.HasField("other") else None,
        tiers=_groups(message.tiers),
        stores=_groups(message.stores),
        flips=message.flips,
        points_gained=message.points_gained,
        points_lost=message.points_lost,
        examples=tuple(_flip(example) for example in message.examples),
        caveats=tuple(BacktestCaveat(caveat) for caveat in message.caveats),
    )


def _side(message: rule_pb2.BacktestSide) -> values.BacktestSide:
    rules = tuple(
        values.BacktestRule(rule.rule, rule.points, rule.orders, rule.cost_minor_units) for rule in message.rules
    )
    return values.BacktestSide(message.version, message.points, message.cost_minor_units, message.failed_orders, rules)


def _groups(messages: Iterable[rule_pb2.BacktestGroup]) -> tuple[values.BacktestGroup, ...]:
    return tuple(
        values.BacktestGroup(
            code=group.code,
            orders=group.orders,
            spend_minor_units=group.spend_minor_units,
            issued_points=group.issued_points,
            points=group.points,
            other_points=group.other_points,
            flips=group.flips,
        )
        for group in messages
    )


def _flip(message: rule_pb2.BacktestFlip) -> values.BacktestFlip:
    rules = tuple(values.BacktestFlipRule(rule.rule, rule.points, rule.other_points) for rule in message.rules)
    moment = message.accepted_at.ToDatetime(UTC)
    return values.BacktestFlip(message.transaction_id, moment, message.points, message.other_points, rules)
