"""The messages about rules, from the caller's values and into them. Only the client's own modules use it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import cast

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import common_pb2, rule_pb2
from pointguard_client import rule_values
from pointguard_client.decoding import decode_entries
from pointguard_client.encoding import encode_basket, encode_identifier, encode_money, encode_origin, encode_time
from pointguard_client.requests import Money
from pointguard_client.results import Reason
from pointguard_client.words import ReasonCode, RuleChangeReason, RuleLimit, RuleSetActivationKind, TransactionPart


def encode_change(change: rule_values.RuleChange) -> rule_pb2.RuleChange:
    """Return the message that says who changes rules and why."""
    reason = cast("rule_pb2.RuleChangeReason", int(change.reason))
    return rule_pb2.RuleChange(author=change.author, reason=reason, note=change.note)


def encode_files(files: Mapping[str, str]) -> list[rule_pb2.RuleSetFileContent]:
    """Return the messages for the files of sets, from their texts by name."""
    return [rule_pb2.RuleSetFileContent(name=name, content=content) for name, content in files.items()]


def encode_moment(moment: datetime | None, field: str) -> Timestamp | None:
    """Return the message for a moment, if there is one; `field` is what an error calls it."""
    return None if moment is None else encode_time(moment, field)


def encode_order(order: rule_values.SimulatedOrder) -> rule_pb2.SimulatedOrder:
    """Return the message for an order to try rules out on."""
    message = rule_pb2.SimulatedOrder(
        origin=encode_origin(order.origin),
        kind=cast("common_pb2.TransactionKind", int(order.kind)),
        tender=order.tender,
        coupon_used=order.coupon_used,
        tier=order.tier,
        province=order.province,
        days_since_enrolment=order.days_since_enrolment,
        posted=order.posted,
        reserved=order.reserved,
        spend_minor_units=order.spend_minor_units,
        groups=order.groups,
        birth_date=order.birth_date,
        accepted_at=encode_moment(order.accepted_at, "accepted_at"),
    )
    if order.member is not None:
        message.member.CopyFrom(encode_identifier(order.member))
    if isinstance(order.amount, Money):
        message.total.CopyFrom(encode_money(order.amount))
    else:
        message.basket.CopyFrom(encode_basket(order.amount))
    return message


def decode_report(message: rule_pb2.ValidateRuleSetResponse) -> rule_values.RuleSetReport:
    """Return what was found in a source text."""
    return rule_values.RuleSetReport(_problems(message.problems), tuple(message.rules), message.cost)


def decode_formatted(message: rule_pb2.FormatRuleSetResponse) -> rule_values.FormattedRuleSet:
    """Return a source text in its canonical layout."""
    return rule_values.FormattedRuleSet(message.source, _problems(message.problems))


def _problems(messages: Iterable[rule_pb2.RuleProblem]) -> tuple[rule_values.RuleProblem, ...]:
    return tuple(
        rule_values.RuleProblem(
            line=problem.line,
            column=problem.column,
            end_line=problem.end_line,
            end_column=problem.end_column,
            text=problem.text,
            message=problem.message,
            expected=problem.expected,
            hint=problem.hint,
        )
        for problem in messages
    )


def decode_version(message: rule_pb2.RuleSetVersion) -> rule_values.RuleSetVersion:
    """Return a version."""
    return rule_values.RuleSetVersion(
        version=message.version,
        source=message.source,
        files=tuple(rule_values.RuleSetFile(file.name, file.entry_count, file.digest) for file in message.files),
        digest=message.digest,
        change=decode_change(message.change),
        created_at=_time(message, "created_at"),
    )


def decode_versions(message: rule_pb2.ListRuleSetVersionsResponse) -> rule_values.RuleSetVersions:
    """Return a page of versions."""
    versions = tuple(decode_version(version) for version in message.versions)
    return rule_values.RuleSetVersions(versions, message.next_page_token, message.active_version)


def decode_activation(message: rule_pb2.RuleSetActivation) -> rule_values.RuleSetActivation:
    """Return an activation."""
    return rule_values.RuleSetActivation(
        activation=message.activation,
        version=message.version,
        previous_version=message.previous_version,
        kind=RuleSetActivationKind(message.kind),
        effective_at=_time(message, "effective_at"),
        activated_at=_time(message, "activated_at"),
        change=decode_change(message.change),
        cancellation=rule_values.RuleSetCancellation(
            _time(message.cancellation, "cancelled_at"), decode_change(message.cancellation.change)
        )
        if message.HasField("cancellation")
        else None,
    )


def decode_activations(message: rule_pb2.ListRuleSetActivationsResponse) -> rule_values.RuleSetActivations:
    """Return a page of activations."""
    activations = tuple(decode_activation(activation) for activation in message.activations)
    return rule_values.RuleSetActivations(activations, message.next_page_token)


def decode_differences(message: rule_pb2.DiffRuleSetVersionsResponse) -> rule_values.RuleSetDifferences:
    """Return how two versions differ."""
    return rule_values.RuleSetDifferences(
        text_diff=message.text_diff,
        added_rules=tuple(message.added_rules),
        removed_rules=tuple(message.removed_rules),
        changed_rules=tuple(message.changed_rules),
        changed_files=tuple(
            rule_values.RuleSetFileDifference(
                file.name, file.added_count, file.removed_count, file.from_digest, file.to_digest
            )
            for file in message.changed_files
        ),
    )


def decode_simulation(message: rule_pb2.SimulateRuleSetResponse) -> rule_values.Simulation:
    """Return what an order would earn."""
    outcomes = tuple(
        rule_values.RuleOutcome(
            rule=outcome.rule,
            part=TransactionPart(outcome.part),
            points=outcome.points,
            limit=RuleLimit(outcome.limit),
            trace=_trace(outcome.trace) if outcome.HasField("trace") else None,
        )
        for outcome in message.outcomes
    )
    return rule_values.Simulation(
        version=message.version,
        points=message.points,
        outcomes=outcomes,
        facts=tuple(rule_values.RuleFact(fact.field, _value(fact)) for fact in message.facts),
        reasons=tuple(Reason(code=ReasonCode(reason.code), rule=reason.rule) for reason in message.reasons),
        failed_line=message.failed_line,
        failed_column=message.failed_column,
        trace_is_cut=message.trace_is_cut,
        entries=decode_entries(message.entries),
    )


def _trace(message: rule_pb2.RuleTrace) -> rule_values.RuleTrace:
    return rule_values.RuleTrace(
        valid=message.valid if message.HasField("valid") else None,
        held=message.held if message.HasField("held") else None,
        computed=message.computed,
        rounded=message.rounded,
        capped=message.capped,
        seen=tuple(
            rule_values.SeenValue(
                line=seen.line,
                column=seen.column,
                end_line=seen.end_line,
                end_column=seen.end_column,
                basket_line=seen.basket_line,
                value=_value(seen),
            )
            for seen in message.seen
        ),
    )


def _value(message: rule_pb2.RuleFact | rule_pb2.SeenValue) -> str | bool | None:
    which = message.WhichOneof("value")
    return None if which is None else getattr(message, which)


def decode_change(message: rule_pb2.RuleChange) -> rule_values.RuleChange:
    """Return who changed rules and why."""
    return rule_values.RuleChange(message.author, RuleChangeReason(message.reason), message.note, message.api_key_id)


def _time(message: Message, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    found: Timestamp = getattr(message, field)
    return found.ToDatetime(tzinfo=UTC)
