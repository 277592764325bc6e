"""BacktestRuleSet: what a version would have given over a range of the ledger. Part of RuleService."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from pointguard.v1 import rule_pb2
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.rule_messages import moment, version_number
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.backtests import Asked, Backtests, Caveats
from pointguard_server.service.rule_sets import RuleSets

EXAMPLES_MAX = 1_000


class BacktestService:
    """The RPC, of a ``Call`` and a request."""

    def __init__(self, desk: Desk, rule_sets: RuleSets, backtests: Backtests) -> None:
        self._desk, self._rule_sets, self._backtests = desk, rule_sets, backtests

    async def backtest_rule_set(self, call: Call, request: rule_pb2.BacktestRuleSetRequest) -> AsyncGenerator[Message]:
        """See the contract."""
        decoder = self._desk.decoder(call)
        asked = self._asked(decoder, request)
        decoder.check()
        async with aclosing(self._backtests.run(asked)) as events:
            async for event, caveats in events:
                if "result" in event:
                    result = result_message(event["result"], asked, caveats, self._backtests.points_worth)
                    result.currency_code = call.tenant.currency
                    yield rule_pb2.BacktestRuleSetResponse(result=result)
                else:
                    yield rule_pb2.BacktestRuleSetResponse(progress=rule_pb2.BacktestProgress(**event["progress"]))

    def _asked(self, decoder: Decoder, request: rule_pb2.BacktestRuleSetRequest) -> Asked:
        version = version_number(decoder, request.version)
        if request.other_version < 0:
            decoder.fault("other_version", "must be 0 or more")
        elif request.other_version == version > 0:
            decoder.fault("other_version", "must be another version")
        begin, end = 0, self._rule_sets.now() + 1
        if request.HasField("begins_at"):
            begin = moment(decoder, request.begins_at, "begins_at")
        if request.HasField("ends_before"):
            # One that is none reads as 0, and is at fault itself.
            end = moment(decoder, request.ends_before, "ends_before") or end
        if begin >= end:
            decoder.fault("begins_at", "must be before ends_before, and before now")
        if not 0 <= request.examples_max <= EXAMPLES_MAX:
            decoder.fault("examples_max", f"must be from 0 to {EXAMPLES_MAX}")
        return Asked(version, request.other_version, begin, end, request.examples_max, request.by_occurred_at)


def result_message(
    found: dict[str, Any], asked: Asked, caveats: Caveats, points_worth: tuple[int, int]
) -> rule_pb2.BacktestResult:
    """Return a result as ``backtest/tally.py`` tells it; ``points_worth``: points, and the minor units of them."""
    flips = found["flips"]
    result = rule_pb2.BacktestResult(
        orders=found["orders"],
        declined_orders=found["declined"],
        spend_minor_units=found["money"],
        issued_points=found["issued"],
        issued_cost_minor_units=_cost(found["issued"], points_worth),
        side=_side(found["side"], asked.version, points_worth),
        tiers=[_group(group) for group in found["tiers"]],
        stores=[_group(group) for group in found["stores"]],
        flips=flips["orders"],
        points_gained=flips["gained"],
        points_lost=flips["lost"],
        examples=[_flip(example) for example in flips["examples"]],
    )
    if found["other"] is not None:
        result.other.CopyFrom(_side(found["other"], asked.other_version, points_worth))
    if caveats.accounts:
        result.caveats.append(rule_pb2.BACKTEST_CAVEAT_ACCOUNTS_AS_THEY_WERE)
    if caveats.stores:
        result.caveats.append(rule_pb2.BACKTEST_CAVEAT_STORES_AS_THEY_ARE)
    if caveats.birth_dates:
        result.caveats.append(rule_pb2.BACKTEST_CAVEAT_BIRTH_DATES_MISSING)
    return result


def _cost(points: int, points_worth: tuple[int, int]) -> int:
    """Return what points cost in minor units, to the nearest, a half up."""
    rate_points, rate_money = points_worth
    return (2 * points * rate_money + rate_points) // (2 * rate_points)


def _side(side: dict[str, Any], version: int, points_worth: tuple[int, int]) -> rule_pb2.BacktestSide:
    return rule_pb2.BacktestSide(
        version=version,
        points=side["points"],
        cost_minor_units=_cost(side["points"], points_worth),
        failed_orders=side["failed"],
        rules=[
            rule_pb2.BacktestRule(**rule, cost_minor_units=_cost(rule["points"], points_worth))
            for rule in side["rules"]
        ],
    )


def _group(group: dict[str, Any]) -> rule_pb2.BacktestGroup:
    return rule_pb2.BacktestGroup(
        code=group["code"],
        orders=group["orders"],
        spend_minor_units=group["money"],
        issued_points=group["issued"],
        points=group["points"],
        other_points=group["other_points"],
        flips=group["flips"],
    )


def _flip(example: dict[str, Any]) -> rule_pb2.BacktestFlip:
    return rule_pb2.BacktestFlip(
        transaction_id=str(UUID(example["transaction_id"])),
        accepted_at=timestamp(example["accepted_at"]),
        points=example["points"],
        other_points=example["other_points"],
        rules=[rule_pb2.BacktestFlipRule(**rule) for rule in example["rules"]],
    )
