"""Explanations as messages. For ``explanation_service``."""

from collections.abc import Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

from pointguard.v1 import common_pb2, explanation_pb2, transaction_pb2
from pointguard_server.domain.calendar import from_microseconds
from pointguard_server.domain.codes import (
    SEVERAL_ACCOUNTS,
    AccountFlag,
    CaseOutcome,
    Context,
    Factor,
    InterventionReason,
    Kind,
    Operation,
    Part,
    Posture,
    RequestFlag,
)
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.domain.interventions import Intervention
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.rpc.decode import verified
from pointguard_server.rpc.encode import advice_message, timestamp
from pointguard_server.rpc.rule_messages import fill_outcomes
from pointguard_server.service.explanation.case import Case, CheckedRule, Retrial
from pointguard_server.service.explanation.explainer import Explanation
from pointguard_server.service.explanation.intervention import named_id
from pointguard_server.service.explanation.ports import PastAdvice
from pointguard_server.service.explanation.windows import SeenWindow

COUNTED_MAX: Final = 100
_SWITCHES: Final = {
    Operation.AUTHORISE: (RequestFlag.CAPTURE, RequestFlag.ALLOW_PARTIAL),
    Operation.CAPTURE: (RequestFlag.KEEP_OPEN,),
    Operation.ACCRUE: (RequestFlag.COUPON_USED,),
    Operation.RETURN: (RequestFlag.WHOLE,),
    Operation.SET_REDEMPTION_LOCK: (RequestFlag.LOCKED,),
    Operation.SET_ACCOUNT_STATUS: (RequestFlag.SUSPENDED,),
}


def explanation_message(found: Explanation) -> explanation_pb2.ExplainDecisionResponse:
    """Return an explanation, but for the transaction."""
    response = explanation_pb2.ExplainDecisionResponse(
        reproduced=found.reproduced,
        differences=[
            explanation_pb2.DecisionDifference(part=each.part, recorded=each.recorded, reproduced=each.reproduced)
            for each in found.differences
        ],
        decided_by=_decided_by(found),
        account_before=_account_before(found),
        inputs=list(_inputs(found)),
    )
    if found.lines and found.record is not None and found.record.basket:
        response.basket.CopyFrom(transaction_pb2.Basket.FromString(found.record.basket))
    if found.retrial is not None and found.case is not None:
        response.checks.extend(_check(each) for each in found.retrial.checked)
        response.reasons.extend(
            common_pb2.Reason(code=int(code), rule=rule)  # type: ignore[arg-type]
            for code, rule in found.retrial.reasons
        )
        response.entries.extend(_entries(found.retrial))
        if found.retrial.earned is not None:
            _fill_earning(response.earning, found)
    return response


def _decided_by(found: Explanation) -> explanation_pb2.DecidedBy:
    leg: dict[str, Any] = found.stored.leg
    message = explanation_pb2.DecidedBy(
        program_epoch=leg["program_epoch"],
        configuration_version=leg["fraud_rules_version"],
        rule_set_version=leg["rule_set_version"],
    )
    if found.configuration is not None:
        message.configuration = found.configuration.source
        message.configuration_digest = found.configuration.digest.hex()
    if found.rules is not None:
        message.rule_set_source = found.rules.source
        message.rule_set_digest = found.rules.digest.hex()
    return message


def _account_before(found: Explanation) -> explanation_pb2.AccountBefore:
    past, state = found.past, found.past.state
    message = explanation_pb2.AccountBefore(
        balance=common_pb2.Balance(
            posted=state.posted,
            reserved=state.reserved,
            pending=state.pending,
            available=state.posted - state.reserved,
        ),
        earned_total=state.earned_total,
        redeemed_total=state.redeemed_total,
        spend_total=common_pb2.Money(currency_code=found.stored.currency, minor_units=state.spend_total),
        tier=found.texts[state.tier_id],
        province=found.texts[state.province_id],
        redemption_locked=bool(state.account_flags & AccountFlag.REDEMPTION_LOCKED),
        suspended=bool(state.account_flags & AccountFlag.SUSPENDED),
        transaction_count=past.seq,
        standing_advice=[_advice(each, found.texts) for each in past.standing if not each.overridden],
        overridden_advice=[_advice(each, found.texts) for each in past.standing if each.overridden],
        open_reservations=[
            explanation_pb2.OpenReservation(
                transaction_id=uuid_text(each.transaction_id),
                points=each.points,
                expires_at=timestamp(each.expires_at),
            )
            for each in past.reservations
        ],
    )
    if past.enrolled_at:
        message.enrolled_at.CopyFrom(timestamp(past.enrolled_at))
    return message


def _advice(advice: PastAdvice, texts: dict[int, str]) -> common_pb2.Advice:
    return advice_message(advice, texts.__getitem__)


# --------------------------------------------------------------------------------------------------------------- inputs


def _inputs(found: Explanation) -> Iterator[explanation_pb2.DecisionInput]:
    """Yield what a decision saw beside the account, and what of it is gone."""
    for name, value in (*_request(found), *_place(found)):
        yield explanation_pb2.DecisionInput(name=name, value=value)
    for name in _personal(found) if found.erased else ():
        yield explanation_pb2.DecisionInput(name=name, gone=True)


def _personal(found: Explanation) -> tuple[str, ...]:
    """Return the inputs of the request that erasing the person destroys. The ledger never had them."""
    match found.stored.leg["operation"]:
        case Operation.ENROLL:
            return ("member.identifiers", "member.profile")
        case Operation.LINK_IDENTIFIER:
            return ("member.identifiers", "request.identifier")
        case Operation.CAPTURE | Operation.VOID | Operation.EXTEND | Operation.EXPIRE:
            return ()
        case Operation.OVERRIDE_ADVICE | Operation.REMOVE_ADVICE | Operation.RESOLVE_CASE:
            return ()
        case Operation.UPDATE_MEMBER if _changes_birth_date(found):
            return ("member.identifiers", "request.birth_date")
        case _:
            return ("member.identifiers", *found.erased_inputs)


def _changes_birth_date(found: Explanation) -> bool:
    request: dict[str, Any] = (found.record.request if found.record is not None else None) or {}
    return bool(request.get("flags", 0) & RequestFlag.CHANGES_BIRTH_DATE)


def _request(found: Explanation) -> Iterator[tuple[str, str]]:
    """Yield what was asked, by name, as far as it says anything."""
    leg: dict[str, Any] = found.stored.leg
    request: dict[str, Any] = (found.record.request if found.record is not None else None) or {}
    texts = found.texts
    yield "request.operation", Operation(leg["operation"]).name
    for name in ("points", "money"):
        if request.get(name):
            yield f"request.{name}", str(request[name])
    if leg["operation"] == Operation.RECORD_ACTIVITY:
        yield "request.kind", Kind(leg["kind"]).name
        yield "request.parts", ", ".join(part.name for part in Part if leg["parts"] >> part & 1)
        yield "request.occurred_at", from_microseconds(leg["occurred_at"]).isoformat()
    for flag in _SWITCHES.get(leg["operation"], ()):
        yield f"request.{(flag.name or '').lower()}", _yes(bool(request.get("flags", 0) & flag))
    if factors := _verified_by(leg["operation"], request):
        yield "request.verified_by", ", ".join(factors)
    if request.get("time_to_live"):
        yield "request.time_to_live", f"{request['time_to_live'] / 1_000_000:g} s"
    if leg["redemption_type_id"]:
        yield "request.redemption_type", texts[leg["redemption_type_id"]]
    for name in ("tender", "tier", "province"):
        if request.get(f"{name}_id"):
            yield f"request.{name}", texts[request[f"{name}_id"]]
    yield from _earlier(found, request)
    if found.case is not None and found.case.said is not None:
        yield from _said(found.case, found.case.said)
    if found.stored.order_reference:
        yield "request.order_reference", found.stored.order_reference


def _earlier(found: Explanation, request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the earlier transaction that was named."""
    if found.case is not None:
        for each in found.case.past.reservations:
            if each.seq == found.case.reservation_seq:
                yield "request.reservation_id", uuid_text(each.transaction_id)
    if found.original is not None:
        yield "request.original_transaction_id", uuid_text(named_id(request))


def _verified_by(operation: int, request: dict[str, Any]) -> list[str]:
    if operation not in (Operation.AUTHORISE, *SEVERAL_ACCOUNTS) or not request:
        return []
    return [factor.name for factor in Factor if request["flags"] & verified(factor)]


def _said(case: Case, said: Intervention) -> Iterator[tuple[str, str]]:
    """Yield what the staff said."""
    if case.operation in (Operation.OVERRIDE_ADVICE, Operation.REMOVE_ADVICE, Operation.RESOLVE_CASE):
        yield "request.advice_id", uuid_text(named_id(case.request))
    if said.outcome:
        yield "request.outcome", CaseOutcome(said.outcome).name
    if said.context:
        yield "request.context", Context(said.context).name
        yield "request.posture", Posture(said.posture).name
    if said.duration:
        yield "request.duration", f"{said.duration / 1_000_000:g} s"
    if said.ends_at:
        yield "request.ends_at", from_microseconds(said.ends_at).isoformat()
    if said.group:
        yield "request.removed_from_group" if said.is_removal else "request.added_to_group", said.group
    yield "intervention.reason", InterventionReason(said.reason).name
    told = {"author": said.author, "note": said.note, "api_key_id": said.key_id, "session_id": said.session}
    for name, value in told.items():
        if value:
            yield f"intervention.{name}", value


def _place(found: Explanation) -> Iterator[tuple[str, str]]:
    """Yield where and when it was, and by what the member was named."""
    leg: dict[str, Any] = found.stored.leg
    store, texts = found.store, found.texts
    where = {
        "store.id": texts[leg["store_id"]],
        "store.business_unit": texts[store.business_unit_id],
        "store.country": store.country,
        "store.province": texts[store.province_id],
        "terminal.id": texts[leg["terminal_id"]],
        "cashier.id": texts[leg["cashier_id"]],
    }
    yield from ((name, value) for name, value in where.items() if value)
    if leg["identifier_kind"]:
        yield "request.identified_by", IdentifierKind(leg["identifier_kind"]).name
    if leg["channel"]:
        yield "channel", common_pb2.Channel.Name(leg["channel"]).removeprefix("CHANNEL_")
    if found.case is not None:
        zone = ZoneInfo(found.case.config.time_zone)
        yield "time.local", from_microseconds(leg["accepted_at"]).astimezone(zone).isoformat()


def _yes(condition: bool) -> str:
    return "yes" if condition else "no"


# --------------------------------------------------------------------------------------------------------------- checks


def _window(window: SeenWindow) -> explanation_pb2.ExplainedWindow:
    # What an agent did may be none: see ``service.directive.Deed``.
    transactions = [each for each in window.transactions if each.transaction_id]
    return explanation_pb2.ExplainedWindow(
        starts_after=timestamp(window.starts_after),
        ends_at=timestamp(window.ends_at),
        value=window.value,
        transaction_count=len(transactions),
        transactions=[
            explanation_pb2.CountedTransaction(
                transaction_id=uuid_text(each.transaction_id),
                accepted_at=timestamp(each.counts_at),
                amount=each.amount,
            )
            for each in transactions[-COUNTED_MAX:]
        ],
    )


def _check(checked: CheckedRule) -> explanation_pb2.ExplainedCheck:
    check = checked.check
    message = explanation_pb2.ExplainedCheck(
        rule=check.name,
        context=int(check.context),  # type: ignore[arg-type]
        posture=int(check.posture),  # type: ignore[arg-type]
        reason=int(check.reason),  # type: ignore[arg-type]
        threshold=check.threshold,
        tripped=checked.tripped,
        forbade=checked.forbids,
        stood=checked.stood is not None,
        raised=checked.raises,
        suppressed=checked.suppressed,
        scope=int(check.scope) if check.counting is not None else 0,  # type: ignore[arg-type]
        entity=checked.entity,
        verified=checked.verified,
        exemption_id=checked.exempted_by,
        unavailable=checked.unavailable,
    )
    if checked.window is not None:
        message.window.CopyFrom(_window(checked.window))
    if checked.seen is not None:
        message.seen = checked.seen
    return message


def _entries(retrial: Retrial) -> Iterator[transaction_pb2.Entry]:
    for entry in retrial.entries:
        yield transaction_pb2.Entry(
            entry_type=int(entry.entry_type),  # type: ignore[arg-type]
            part=int(entry.part),  # type: ignore[arg-type]
            signed_points=entry.signed_points,
            running_balance=entry.running_balance,
            rule=entry.rule,
        )


def _fill_earning(message: explanation_pb2.ExplainedEarning, found: Explanation) -> None:
    assert found.retrial is not None and found.case is not None  # noqa: S101, PT018  (the caller has looked)
    earned = found.retrial.earned
    assert earned is not None  # noqa: S101  (the caller has looked)
    message.points = earned.points
    message.trace_is_cut = earned.is_cut
    if earned.failed_at is not None:
        message.failed_line, message.failed_column = earned.failed_at.line, earned.failed_at.column
    fill_outcomes(message, earned)
    for text, _, window in found.case.earn_windows:
        message.windows.add(window=text, held=_window(window))
