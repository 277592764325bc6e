"""An accrual decided again, the earn rules by the interpreter."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from pointguard_server.domain.codes import AccountFlag, Context, Decision, EntryType, Part, Reason
from pointguard_server.rules.fixed_point import MOST, SCALE
from pointguard_server.rules.inputs import WindowMeasure, window_text
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.service.explanation.case import Case, Retrial, close, heed_standing, judge
from pointguard_server.service.explanation.checks import rule_windows
from pointguard_server.service.explanation.lots import lots_of, terms_of
from pointguard_server.service.explanation.past import APPROVED, BLOCKED, Past
from pointguard_server.service.explanation.windows import SeenWindow, look
from pointguard_server.service.program_config import ProgramConfig
from pointguard_server.service.rule_simulation import simulate


def seen_windows(rule_set: RuleSet, past: Past, moment: int, zone: ZoneInfo) -> list[tuple[str, SeenWindow]]:
    """Return what the windows of the earn rules held, in the order of the rules' inputs, as they are written.

    Earn rules do not see what another system did.
    """
    own = [event for event in past.events if not event.recorded]
    return [(window_text(wanted), look(counting, own, moment, zone)) for wanted, counting in rule_windows(rule_set)]


def window_numbers(rule_set: RuleSet, seen: list[tuple[str, SeenWindow]], scale: int) -> dict[str, int]:
    """Return the windows' values as the rules have numbers; ``scale`` makes minor units of money such."""
    scales = [scale if wanted.measure is WindowMeasure.MONEY else SCALE for wanted, _ in rule_windows(rule_set)]
    return {text: min(window.value, MOST // scale) * scale for (text, window), scale in zip(seen, scales, strict=True)}


def money_scale(config: ProgramConfig) -> int:
    """Return what makes minor units the rules' numbers."""
    scale: int = SCALE // 10**config.currency_digits
    return scale


def decide_accrual(case: Case, *, is_traced: bool) -> Retrial:
    """Return what becomes of an accrual. The case has its order and its rule set."""
    assert case.rule_set is not None and case.order is not None  # noqa: S101, PT018  (of every accrual's case)
    retrial = Retrial(case.past.state, kind=case.request["kind"], money=case.request["money"])
    suspended = bool(case.past.state.account_flags & AccountFlag.SUSPENDED)
    if suspended:
        retrial.add_reason(Reason.ACCOUNT_SUSPENDED)
    blocked, _ = heed_standing(case, retrial, Context.EARNING)
    earned = simulate(case.rule_set, case.order, money_scale(case.config), case.zone, is_traced=is_traced)
    if case.earn_stopped:
        outcomes = tuple(replace(outcome, points=0) for outcome in earned.outcomes)
        earned = replace(earned, outcomes=outcomes, failed=True)
    if earned.failed:
        retrial.add_reason(Reason.RULES_STOPPED if case.earn_stopped else Reason.RULE_ARITHMETIC)
    awarding = [outcome for outcome in earned.outcomes if outcome.points > 0]
    retrial.earned, retrial.points = earned, earned.points
    retrial.parts = 1 << Part.BASE
    for outcome in awarding:
        retrial.parts |= 1 << outcome.part
    retrial.windows.update({number: window.value for _, number, window in case.earn_windows})
    retrial.windows.update(case.counters)
    flags = (0 if suspended or blocked or earned.failed else APPROVED) | (BLOCKED if blocked else 0)
    forbidden = judge(case, retrial, Context.EARNING, flags)
    if flags & APPROVED and not forbidden:
        retrial.event_flags = APPROVED
        retrial.after = replace(
            retrial.after,
            earned_total=retrial.after.earned_total + retrial.points,
            spend_total=retrial.after.spend_total + retrial.money,
        )
        lots, terms = lots_of(case, retrial), {name: term for name, *term in terms_of(case)}
        for outcome in awarding:
            entry_type = EntryType.EARN if outcome.part is Part.BASE else EntryType.BONUS
            retrial.post(entry_type, outcome.part, outcome.points, outcome.rule)
            is_pending, ends = terms[outcome.rule]
            lots.give(outcome.rule, outcome.points, is_pending=is_pending, ends=ends)
    else:
        retrial.decision, retrial.event_flags = Decision.DECLINED, flags & BLOCKED
    return close(case, retrial)
