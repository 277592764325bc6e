"""An intervention of the staff decided again: advice raised, overridden or removed by hand, a suspension."""

from dataclasses import replace

from pointguard_server.domain.codes import AccountFlag, AdviceEvent, Operation, RequestFlag
from pointguard_server.service.explanation.case import Case, MadeAdvice, Retrial, close

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
    elif case.operation == Operation.RAISE_ADVICE:
        retrial.advice.append(_by_hand(case))
    elif (ended := _ended(case)) is None:
        return None
    else:
        retrial.advice.append(ended)
    return close(case, retrial)


def _by_hand(case: Case) -> MadeAdvice:
    said = case.said
    assert said is not None  # noqa: S101  (of every intervention's case)
    ends_at = said.ends_at or case.moment + said.duration
    return MadeAdvice(
        AdviceEvent.RAISED, case.transaction_id, "", said.context, said.posture, case.moment, ends_at, 0, 0, 0
    )


def _ended(case: Case) -> MadeAdvice | None:
    named = named_id(case.request)
    stood = next((each for each in case.past.standing if each.advice_id == named and not each.overridden), None)
    if stood is None:
        return None
    return MadeAdvice(
        event=_ENDS[Operation(case.operation)],
        advice_id=named,
        rule=case.texts[stood.rule_id],
        context=stood.context,
        posture=stood.posture,
        starts_at=stood.starts_at,
        ends_at=stood.ends_at,
        measured=stood.measured,
        threshold=stood.threshold,
        window_starts_after=stood.window_starts_after,
    )
