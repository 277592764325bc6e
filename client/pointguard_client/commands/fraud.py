"""The commands below ``fraud``: advice listed, raised, overridden and removed, cases resolved, accounts suspended."""

import argparse
import sys
from contextlib import aclosing
from datetime import datetime, timedelta

from pointguard_client.commands import groups, stops
from pointguard_client.commands.options import (
    Subparsers,
    add_command,
    add_member_options,
    connect,
    moment,
    positive_integer,
    positive_seconds,
    whole_number,
)
from pointguard_client.commands.output import advice_cause, console, escape, plain, print_json, print_result
from pointguard_client.commands.who_and_why import add_intervention_options, intervention_of
from pointguard_client.errors import ConfigurationError
from pointguard_client.fraud_values import AdviceHistories, AdviceHistory, AdviceStep, Case, Cases, ExemptSubject
from pointguard_client.words import AccountStatus, AdviceContext, AdvicePosture, CaseOutcome, CaseState

_CONTEXTS = {context.name.lower(): context for context in AdviceContext if context}
_POSTURES = {
    posture.name.lower(): posture
    for posture in AdvicePosture
    if posture not in (AdvicePosture.UNSPECIFIED, AdvicePosture.REVIEW, AdvicePosture.REVIEW_BLOCK)
}
_SUBJECTS = {
    "group": ExemptSubject.group,
    "store": ExemptSubject.store,
    "cashier": ExemptSubject.cashier,
    "redemption-type": ExemptSubject.redemption_type,
}
_OUTCOMES = {outcome.name.lower().replace("_", "-"): outcome for outcome in CaseOutcome if outcome}


def register(commands: Subparsers) -> None:
    """Add the command with those below it."""
    parser = commands.add_parser(
        "fraud",
        help="advice raised, overridden and removed by hand, cases, and suspended accounts",
        description="What is done about fraud. The API key needs the role fraud.",
        parents=[],
    )
    below = parser.add_subparsers(metavar="COMMAND", required=True)
    listed = add_command(below, "list", "list advice, of an account or of the whole program", _list)
    add_member_options(listed, required=False)
    listed.add_argument("--ended", action="store_true", help="list what does not stand any more, too")
    listed.add_argument("--count", type=positive_integer, default=20, help="at most, to 100 (default: %(default)s)")
    listed.add_argument("--page", default="", help="the token of a further page, which the page before ends with")
    watch = add_command(below, "watch", "tell what changes advice and accounts' status, a line of JSON each", _watch)
    watch.add_argument("--after", type=whole_number, metavar="POSITION", help="go on from there; 0: from the beginning")
    watch.add_argument("--context", choices=_CONTEXTS, help="only advice of this business")
    watch.add_argument("--posture", choices=_POSTURES, help="only advice of this posture or a stronger one")
    watch.add_argument("--until-now", action="store_true", help="end with what there is")
    _register_raise(below)
    override = add_command(
        below, "override", "suppress an advice and its rule until the advice would have ended", _override
    )
    override.add_argument("advice_id")
    add_intervention_options(override)
    remove = add_command(below, "remove", "take an advice away; its rule may trip again", _remove)
    remove.add_argument("advice_id")
    add_intervention_options(remove)
    _register_cases(below)
    _register_exemptions(below)
    groups.register(below)
    stops.register(below)
    suspend = add_command(below, "suspend", "stop an account's redeeming and earning", _suspend)
    add_member_options(suspend)
    add_intervention_options(suspend)
    reinstate = add_command(below, "reinstate", "let a suspended account redeem and earn again", _reinstate)
    add_member_options(reinstate)
    add_intervention_options(reinstate)


def _register_cases(below: Subparsers) -> None:
    cases = add_command(below, "cases", "list cases, of an account or of the whole program", _cases)
    add_member_options(cases, required=False)
    cases.add_argument("--resolved", action="store_true", help="list those that were resolved, too")
    cases.add_argument("--count", type=positive_integer, default=20, help="at most, to 100 (default: %(default)s)")
    cases.add_argument("--page", default="", help="the token of a further page, which the page before ends with")
    resolve = add_command(below, "resolve", "resolve a case", _resolve)
    resolve.add_argument("case_id")
    resolve.add_argument("--outcome", choices=_OUTCOMES, required=True, help="what was found")
    add_intervention_options(resolve)


def _register_exemptions(below: Subparsers) -> None:
    exempt = add_command(below, "exempt", "have fraud rules let an account pass, or what is named", _exempt)
    add_member_options(exempt, required=False)
    for name in _SUBJECTS:
        exempt.add_argument(f"--{name}", help=f"instead of a member: the code of a {name.replace('-', ' ')}")
    exempt.add_argument("--context", choices=_CONTEXTS, help="rules of this business alone")
    exempt.add_argument("--rule", default="", help="this rule alone")
    exempt.add_argument("--until", type=moment, required=True, metavar="MOMENT", help="ISO 8601 with time zone")
    add_intervention_options(exempt)
    end = add_command(below, "end-exemption", "have an exemption let nothing pass any more", _end_exemption)
    end.add_argument("exemption_id", type=positive_integer)
    add_intervention_options(end)
    listed = add_command(below, "exemptions", "list what fraud rules let pass", _exemptions)
    listed.add_argument("--ended", action="store_true", help="list what lets nothing pass any more, too")
    listed.add_argument("--count", type=positive_integer, default=20, help="at most, to 100 (default: %(default)s)")
    listed.add_argument("--page", default="", help="the token of a further page, which the page before ends with")


def _register_raise(below: Subparsers) -> None:
    parser = add_command(below, "raise", "raise advice against an account", _raise)
    add_member_options(parser)
    parser.add_argument("--context", choices=_CONTEXTS, required=True, help="the business that it bears on")
    parser.add_argument("--posture", choices=_POSTURES, required=True, help="what it does")
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--for", dest="duration", type=positive_seconds, metavar="SECONDS", help="how long it stands")
    end.add_argument("--until", type=moment, metavar="MOMENT", help="until when, ISO 8601 with time zone")
    add_intervention_options(parser)


async def _list(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        page = await client.fraud.list_advice(
            arguments.member, include_ended=arguments.ended, page_size=arguments.count, page_token=arguments.page
        )
    if arguments.json:
        print_json(plain(page))
    else:
        _print_page(page)
    return 0


def _whom(found: AdviceHistory | Case) -> str:
    """Return whom advice is about, and where it is kept."""
    account = f"account {found.account_id}"
    return f"agent {found.agent_id} · {account}" if found.agent_id else account


def _print_page(page: AdviceHistories) -> None:
    for history in page.advice:
        advice = history.advice
        what = f"{advice.posture.name} {advice.context.name} until {_time(advice.ends_at)}: {advice_cause(advice)}"
        console().print(f"[bold]{history.state.name}[/] {escape(what)}", soft_wrap=True)
        lines = [f"advice {advice.advice_id} · {_whom(history)}", *map(_step, history.steps)]
        for line in lines:
            console().print(f"  [dim]{escape(line)}[/]", soft_wrap=True)
    if page.next_page_token:
        console().print(f"more: --page {page.next_page_token}", markup=False)


def _step(step: AdviceStep) -> str:
    said = step.intervention
    if said is None:
        return f"{step.event.name} {_time(step.happened_at)}"
    where = f"{said.api_key_id}, session {said.session_id}" if said.session_id else said.api_key_id
    why = f"{said.reason.name} {said.note}".rstrip()
    return f"{step.event.name} {_time(step.happened_at)} by {said.author} ({where}): {why}"


def _time(when: datetime | None) -> str:
    return "" if when is None else when.isoformat(sep=" ", timespec="seconds")


async def _watch(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        notices = client.fraud.watch(
            arguments.after,
            context=_CONTEXTS.get(arguments.context, AdviceContext.UNSPECIFIED),
            posture_min=_POSTURES.get(arguments.posture, AdvicePosture.UNSPECIFIED),
            follow=not arguments.until_now,
        )
        async with aclosing(notices):
            async for notice in notices:
                print_json(plain(notice))
                sys.stdout.flush()
    return 0


async def _raise(arguments: argparse.Namespace) -> int:
    until = arguments.until or timedelta(seconds=arguments.duration)
    async with connect(arguments) as client:
        raised = await client.fraud.raise_advice(
            arguments.member,
            _CONTEXTS[arguments.context],
            _POSTURES[arguments.posture],
            until,
            intervention_of(arguments),
            idempotency_key=arguments.key,
        )
    print_result(raised, arguments.json)
    return 0


async def _override(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        done = await client.fraud.override_advice(
            arguments.advice_id, intervention_of(arguments), idempotency_key=arguments.key
        )
    print_result(done, arguments.json)
    return 0


async def _remove(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        done = await client.fraud.remove_advice(
            arguments.advice_id, intervention_of(arguments), idempotency_key=arguments.key
        )
    print_result(done, arguments.json)
    return 0


async def _cases(arguments: argparse.Namespace) -> int:
    states = [state for state in CaseState if state] if arguments.resolved else []
    async with connect(arguments) as client:
        page = await client.fraud.list_cases(
            arguments.member, states=states, page_size=arguments.count, page_token=arguments.page
        )
    if arguments.json:
        print_json(plain(page))
    else:
        _print_cases(page)
    return 0


def _print_cases(page: Cases) -> None:
    for case in page.cases:
        what = f"{case.outcome.name if case.outcome else ''} {case.advice.context.name}: {advice_cause(case.advice)}"
        console().print(f"[bold]{case.state.name}[/] {escape(what.strip())}", soft_wrap=True)
        for line in [f"case {case.case_id} · {_whom(case)}", *map(_step, case.steps)]:
            console().print(f"  [dim]{escape(line)}[/]", soft_wrap=True)
    if page.next_page_token:
        console().print(f"more: --page {page.next_page_token}", markup=False)


async def _resolve(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        resolution = await client.fraud.resolve_case(
            arguments.case_id, _OUTCOMES[arguments.outcome], intervention_of(arguments), idempotency_key=arguments.key
        )
    print_result(resolution, arguments.json)
    return 0


async def _exempt(arguments: argparse.Namespace) -> int:
    named = [make(code) for name, make in _SUBJECTS.items() if (code := getattr(arguments, name.replace("-", "_")))]
    subjects = [*named, *([arguments.member] if arguments.member is not None else [])]
    if len(subjects) != 1:
        raise ConfigurationError("name one member, group, store, cashier or redemption type")
    async with connect(arguments) as client:
        made = await client.fraud.add_exemption(
            subjects[0],
            arguments.until,
            intervention_of(arguments),
            context=_CONTEXTS.get(arguments.context, AdviceContext.UNSPECIFIED),
            rule=arguments.rule,
            idempotency_key=arguments.key,
        )
    print_result(made, arguments.json)
    return 0


async def _end_exemption(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        ended = await client.fraud.end_exemption(
            arguments.exemption_id, intervention_of(arguments), idempotency_key=arguments.key
        )
    print_result(ended, arguments.json)
    return 0


async def _exemptions(arguments: argparse.Namespace) -> int:
    async with connect(arguments) as client:
        page = await client.fraud.list_exemptions(
            include_ended=arguments.ended, page_size=arguments.count, page_token=arguments.page
        )
    if arguments.json:
        print_json(plain(page))
        return 0
    for each in page.exemptions:
        what = f"{each.subject.kind} {each.subject.code}" if each.subject else f"account {each.account_id}"
        rules = f"{each.rule or 'every rule'}, {each.context.name if each.context else 'every context'}"
        until = _time(each.ended_at or each.ends_at)
        line = f"{each.exemption_id} {what}: {rules}, until {until}, by {each.added.author}: {each.added.reason.name}"
        console().print(line, markup=False, soft_wrap=True)
    if page.next_page_token:
        console().print(f"more: --page {page.next_page_token}", markup=False)
    return 0


async def _suspend(arguments: argparse.Namespace) -> int:
    return await _set_status(arguments, AccountStatus.SUSPENDED)


async def _reinstate(arguments: argparse.Namespace) -> int:
    return await _set_status(arguments, AccountStatus.ACTIVE)


async def _set_status(arguments: argparse.Namespace, status: AccountStatus) -> int:
    async with connect(arguments) as client:
        standing = await client.fraud.set_account_status(
            arguments.member, status, intervention_of(arguments), idempotency_key=arguments.key
        )
    print_result(standing, arguments.json)
    return 0
