"""The messages of explanations, into the caller's values. Only the client's own modules use it."""

from datetime import UTC, datetime
from typing import cast

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import explanation_pb2, rule_pb2, transaction_pb2
from pointguard_client import explanation_values as values
from pointguard_client.decoding import (
    decode_account_balance,
    decode_advice,
    decode_entries,
    decode_transaction,
)
from pointguard_client.requests import Basket, BasketLine, Money
from pointguard_client.results import Reason
from pointguard_client.rule_messages import decode_simulation
from pointguard_client.words import AdviceContext, AdvicePosture, FraudScope, ReasonCode


def decode_explanation(message: explanation_pb2.ExplainDecisionResponse) -> values.Explanation:
    """Return an explanation."""
    transaction = transaction_pb2.GetTransactionResponse(transaction=message.transaction)
    return values.Explanation(
        transaction=decode_transaction(transaction) if message.HasField("transaction") else None,
        reproduced=message.reproduced,
        differences=tuple(
            values.DecisionDifference(each.part, each.recorded, each.reproduced) for each in message.differences
        ),
        decided_by=_decided_by(message.decided_by),
        account_before=_account_before(message.account_before),
        inputs=tuple(values.DecisionInput(each.name, each.value, each.gone) for each in message.inputs),
        basket=_basket(message.basket) if message.HasField("basket") else None,
        checks=tuple(_check(each) for each in message.checks),
        earning=_earning(message.earning) if message.HasField("earning") else None,
        reasons=tuple(Reason(code=ReasonCode(each.code), rule=each.rule) for each in message.reasons),
        entries=decode_entries(message.entries),
    )


def _decided_by(message: explanation_pb2.DecidedBy) -> values.DecidedBy:
    return values.DecidedBy(
        program_epoch=message.program_epoch,
        configuration_version=message.configuration_version,
        configuration_digest=message.configuration_digest,
        configuration=message.configuration,
        rule_set_version=message.rule_set_version,
        rule_set_digest=message.rule_set_digest,
        rule_set_source=message.rule_set_source,
    )


def _account_before(message: explanation_pb2.AccountBefore) -> values.AccountBefore:
    balance = decode_account_balance(transaction_pb2.GetBalanceResponse(balance=message.balance)).balance
    return values.AccountBefore(
        balance=balance,
        earned_total=message.earned_total,
        redeemed_total=message.redeemed_total,
        spend_total=Money(message.spend_total.minor_units, message.spend_total.currency_code),
        tier=message.tier,
        province=message.province,
        enrolled_at=_time(message, "enrolled_at"),
        redemption_locked=message.redemption_locked,
        suspended=message.suspended,
        transaction_count=message.transaction_count,
        standing_advice=tuple(decode_advice(each) for each in message.standing_advice),
        overridden_advice=tuple(decode_advice(each) for each in message.overridden_advice),
        open_reservations=tuple(
            values.OpenReservation(each.transaction_id, each.points, _time(each, "expires_at"))
            for each in message.open_reservations
        ),
    )


def _basket(message: transaction_pb2.Basket) -> Basket:
    lines = (
        BasketLine(
            sku=line.sku,
            category=line.category,
            brand=line.brand,
            quantity=line.quantity,
            amount_minor_units=line.amount_minor_units,
        )
        for line in message.lines
    )
    return Basket(message.currency_code, tuple(lines))


def _window(message: explanation_pb2.ExplainedWindow) -> values.ExplainedWindow:
    return values.ExplainedWindow(
        starts_after=_time(message, "starts_after"),
        ends_at=_time(message, "ends_at"),
        value=message.value,
        transaction_count=message.transaction_count,
        transactions=tuple(
            values.CountedTransaction(each.transaction_id, _time(each, "accepted_at"), each.amount)
            for each in message.transactions
        ),
    )


def _check(message: explanation_pb2.ExplainedCheck) -> values.ExplainedCheck:
    return values.ExplainedCheck(
        rule=message.rule,
        context=AdviceContext(message.context),
        posture=AdvicePosture(message.posture),
        reason=ReasonCode(message.reason),
        window=_window(message.window) if message.HasField("window") else None,
        seen=message.seen if message.HasField("seen") else None,
        threshold=message.threshold,
        tripped=message.tripped,
        forbade=message.forbade,
        stood=message.stood,
        raised=message.raised,
        suppressed=message.suppressed,
        scope=FraudScope(message.scope),
        entity=message.entity,
        verified=message.verified,
        exemption_id=message.exemption_id,
        unavailable=message.unavailable,
    )


def _earning(message: explanation_pb2.ExplainedEarning) -> values.ExplainedEarning:
    simulated = rule_pb2.SimulateRuleSetResponse(outcomes=message.outcomes, facts=message.facts)
    rules = decode_simulation(simulated)
    return values.ExplainedEarning(
        points=message.points,
        outcomes=rules.outcomes,
        facts=rules.facts,
        windows=tuple(values.ExplainedRuleWindow(each.window, _window(each.held)) for each in message.windows),
        failed_line=message.failed_line,
        failed_column=message.failed_column,
        trace_is_cut=message.trace_is_cut,
    )


def _time(message: Message, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    return cast("Timestamp", getattr(message, field)).ToDatetime(tzinfo=UTC)
