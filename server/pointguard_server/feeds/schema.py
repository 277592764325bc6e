"""The feed of advice as other systems get it: version 1 of its schema. For the targets.

A consumer may rely on every name here and on what it means; new names may come. What would break that is a new version.
There is no personal data in it, and nothing that people wrote: an account is a number, and the staff's notes stay here.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pointguard_server.domain.codes import (
    UNTIL_RESOLVED,
    AccountFlag,
    AdviceEntity,
    AdviceEvent,
    Context,
    InterventionReason,
    Posture,
    Scope,
)
from pointguard_server.domain.interventions import decode_intervention
from pointguard_server.domain.record import decode_record
from pointguard_server.engine.ask import StandingAdvice
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.service.ports import AccountState, Notice
from pointguard_server.service.scope_entities import scope_entity

SCHEMA: Final = "pointguard.advice.v1"
Text = Callable[[int], str]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def event_of(notice: Notice, tenant: str, text: Text) -> dict[str, Any]:
    """Return a notice as an event. Its ``event_id`` is the transaction's, the same however often it is published.

    The last two bytes, which a transaction's id leaves clear, are the leg's number.
    """
    event = {
        "schema": SCHEMA,
        "event_id": uuid_text(notice.transaction_id[:14] + notice.leg_number.to_bytes(2)),
        "tenant": tenant,
        "position": notice.position,
        "account_id": notice.account_id,
        "seq": notice.seq,
        "happened_at": moment_text(notice.happened_at),
        **_status(notice.account_flags),
        "steps": [
            {"event": AdviceEvent(event).name, "advice": _advice(advice, text)} for event, advice in notice.steps
        ],
    }
    if notice.record is not None:
        said = decode_intervention(decode_record(notice.record).basket)
        event["intervention"] = {"reason": InterventionReason(said.reason).name}
    return event


def account_of(state: AccountState, tenant: str, account_id: int, text: Text) -> dict[str, Any]:
    """Return what stands against an account, as of its ``seq``: as CheckAdvice does, by its switches or by advice."""
    postures = {advice.posture for advice in state.advice}
    status = _status(state.account_flags)
    return {
        "schema": SCHEMA,
        "tenant": tenant,
        "account_id": account_id,
        "seq": state.seq,
        "happened_at": moment_text(state.happened_at),
        "suspended": status["suspended"] or Posture.SUSPEND in postures,
        "redemption_locked": status["redemption_locked"] or Posture.LOCK in postures,
        "advice": [_advice(advice, text) for advice in state.advice],
    }


def moment_text(moment: int) -> str:
    """Return microseconds since 1970 as ISO 8601."""
    return (_EPOCH + timedelta(microseconds=moment)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _status(account_flags: int) -> dict[str, bool]:
    return {
        "suspended": bool(account_flags & AccountFlag.SUSPENDED),
        "redemption_locked": bool(account_flags & AccountFlag.REDEMPTION_LOCKED),
    }


def _advice(advice: StandingAdvice, text: Text) -> dict[str, Any]:
    """Return an advice; one that was raised by hand has no rule, and a case no end."""
    told = {
        "advice_id": uuid_text(advice.advice_id),
        "entity": AdviceEntity(advice.entity).name,
        "context": Context(advice.context).name,
        "posture": Posture(advice.posture).name,
        "starts_at": moment_text(advice.starts_at),
        "rule": text(advice.rule_id),
        "rule_version": advice.rule_version,
        "measured": advice.measured,
        "threshold": advice.threshold,
    }
    if advice.scope:
        told["scope"] = Scope(advice.scope).name
    if advice.scope > Scope.PROGRAM and advice.scope != Scope.AGENT:  # who of the staff it is stays here
        told["scope_entity"] = scope_entity(advice, text)
    return told if advice.ends_at >= UNTIL_RESOLVED else told | {"ends_at": moment_text(advice.ends_at)}
