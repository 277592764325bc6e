"""An intervention of the staff decided again: advice raised or ended, a case resolved, an account changed."""

from dataclasses import replace

from pointguard_server.domain.codes import (
    CASES,
    AccountFlag,
    AdviceEvent,
    CaseOutcome,
    Decision,
    Kind,
    Operation,
    RequestFlag,
)
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.service.explanation.case import (
    BY_STAFF,
    Case,
    MadeAdvice,
    Retrial,
    check_of,
    close,
    judge,
)
from pointguard_server.service.explanation.past import APPROVED
from pointguard_server.service.explanation.ports import PastAdvice

_ENDS = {Operation.OVERRIDE_ADVICE: AdviceEvent.OVERRIDDEN, Operation.REMOVE_ADVICE: AdviceEvent.REMOVED}


def named_id(request: dict[str, int]) -> bytes:
    """Return the id of the advice or of the transaction that a request is about; zeros for none."""
    # An id's halves are the integers that its bytes stand for in memory.
    return b"".join(request[f"reservation_{half}"].to_bytes(8, "little", signed=True) for half in ("high", "low"))


def intervene(case: Case) -> Retrial | None:
    """Return what becomes of an intervention; None if it ends advice that did not stand."""
    request = case.request
    retrial = Retrial(case.past.state, kind=request["kind"])
    if case.operation == Operation.SET_ACCOUNT_STATUS:
        flags = case.past.state.account_flags & ~AccountFlag.SUSPENDED
        if request["flags"] & RequestFlag.SUSPENDED:
            flags |= AccountFlag.SUSPENDED
        retrial.after = replace(retrial.after, account_flags=int(flags))
    elif case.operation == Operation.CHANGE_GROUPS:
        retrial.groups = _groups_after(case)
    elif case.operation == Operation.RAISE_ADVICE:
        retrial.advice.append(_by_hand(case))
    elif (stood := _named(case)) is None or (stood.posture in CASES) != (case.operation == Operation.RESOLVE_CASE):
        return None
    elif case.operation == Operation.RESOLVE_CASE:
        if (resolved := _resolved(case, stood)) is None:
            return None
        retrial.advice.append(resolved)
        if resolved.event is AdviceEvent.PROPOSED:
            retrial.decision, retrial.event_flags = Decision.REVIEW, 0
    else:
        retrial.kind = int(Kind.OVERRIDE)
        retrial.advice.append(_after(case, stood, _ENDS[Operation(case.operation)], stood.ends_at))
    judge(case, retrial, BY_STAFF, APPROVED)
    return close(case, retrial)


def _groups_after(case: Case) -> str:
    """Return the groups that the member is in now, as their set's text."""
    assert case.said is not None  # noqa: S101  (of every intervention's case)
    before = case.texts[case.past.state.group_set_id]
    return GROUP_SEPARATOR.join(case.said.groups_after(before.split(GROUP_SEPARATOR) if before else ()))


def _by_hand(case: Case) -> MadeAdvice:
    said = case.said
    assert said is not None  # noqa: S101  (of every intervention's case)
    ends_at = said.ends_at or case.moment + said.duration
    return MadeAdvice(
        AdviceEvent.RAISED, case.transaction_id, "", said.context, said.posture, case.moment, ends_at, 0, 0, 0
    )


def _named(case: Case) -> PastAdvice | None:
    """Return the advice that stood and that the staff named."""
    named = named_id(case.request)
    return next((each for each in case.past.standing if each.advice_id == named and not each.overridden), None)


def _resolved(case: Case, stood: PastAdvice) -> MadeAdvice | None:
    """Return what resolving a case comes to; None if the same author, or the same API key, proposed it."""
    said, check = case.said, check_of(case, stood)
    assert said is not None  # noqa: S101  (of every intervention's case)
    if check is not None and check.four_eyes:
        if stood.event != AdviceEvent.PROPOSED or stood.reason_code_id != said.outcome:
            return _after(case, stood, AdviceEvent.PROPOSED, stood.ends_at)
        if said.author == case.texts[stood.author_id] or said.key_id == case.texts[stood.api_key_id]:
            return None
    is_none = said.outcome == CaseOutcome.FALSE_POSITIVE and check is not None
    return _after(case, stood, AdviceEvent.RESOLVED, case.moment + (check.duration if is_none and check else 0))


def _after(case: Case, stood: PastAdvice, event: AdviceEvent, ends_at: int) -> MadeAdvice:
    """Return a step of an advice that changes nothing but its end."""
    return MadeAdvice(
        event=event,
        advice_id=stood.advice_id,
        rule=case.texts[stood.rule_id],
        context=stood.context,
        posture=stood.posture,
        starts_at=stood.starts_at,
        ends_at=ends_at,
        measured=stood.measured,
        threshold=stood.threshold,
        window_starts_after=stood.window_starts_after,
    )
