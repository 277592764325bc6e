"""The calls about advice and suspensions: what they send, and what they make of the answers."""

from datetime import UTC, datetime, timedelta
from typing import cast

import grpc
import pytest

from pointguard.v1 import advice_pb2, common_pb2, member_pb2, transaction_pb2
from pointguard_client import (
    AccountStatus,
    AdviceContext,
    AdviceEvent,
    AdvicePosture,
    AdviceState,
    CaseOutcome,
    CaseState,
    ExemptSubject,
    Factor,
    Identifier,
    Intervention,
    InterventionReason,
    PermissionDenied,
    PointguardClient,
    StopSubject,
)
from pointguard_client.commands import output
from tests.unit.client.fake_server import FakeServer, PlannedFailure

MEMBER = Identifier.loyalty_id("1001")
WHY = Intervention("analyst 7", InterventionReason.OTHER, "as agreed")
SENT = common_pb2.Intervention(author="analyst 7", reason=common_pb2.INTERVENTION_REASON_OTHER, note="as agreed")


async def test_advice_is_raised_for_a_while_or_until_a_moment(server: FakeServer, client: PointguardClient) -> None:
    terms = (AdviceContext.EARNING, AdvicePosture.WARN)
    raised = await client.fraud.raise_advice(MEMBER, *terms, timedelta(hours=2), WHY, idempotency_key="1")
    assert (raised.transaction_id, raised.account_id, raised.advice_id) == ("raise", 7, "raise")
    await client.fraud.raise_advice(MEMBER, *terms, datetime(2027, 1, 1, tzinfo=UTC), WHY)
    lasting, until = (call.request for call in server.calls_of("RaiseAdvice"))
    assert isinstance(lasting, advice_pb2.RaiseAdviceRequest)
    assert isinstance(until, advice_pb2.RaiseAdviceRequest)
    assert (lasting.idempotency_key, lasting.context, lasting.posture) == ("1", *(int(each) for each in terms))
    assert (lasting.duration.ToTimedelta(), lasting.intervention) == (timedelta(hours=2), SENT)
    assert until.ends_at.ToJsonString() == "2027-01-01T00:00:00Z"
    assert len(until.idempotency_key) == 36


async def test_a_moment_without_its_zone_is_not_sent(server: FakeServer, client: PointguardClient) -> None:
    moment = datetime(2027, 1, 1)  # noqa: DTZ001  (that is the mistake)
    with pytest.raises(ValueError, match="ends_at"):
        await client.fraud.raise_advice(MEMBER, AdviceContext.EARNING, AdvicePosture.LOG, moment, WHY)
    assert server.calls == []


@pytest.mark.parametrize("rpc", ["OverrideAdvice", "RemoveAdvice"])
async def test_advice_is_ended_under_one_key_however_often_it_is_tried(
    server: FakeServer, client: PointguardClient, rpc: str
) -> None:
    server.fail_next(rpc, PlannedFailure(grpc.StatusCode.UNAVAILABLE))
    end = client.fraud.override_advice if rpc == "OverrideAdvice" else client.fraud.remove_advice
    assert (await end("advice-1", WHY)).advice_id == "advice-1"
    first, second = (call.request for call in server.calls_of(rpc))
    assert first == second
    assert isinstance(first, advice_pb2.OverrideAdviceRequest | advice_pb2.RemoveAdviceRequest)
    assert (first.advice_id, first.intervention) == ("advice-1", SENT)


async def test_advice_is_listed_with_its_steps(server: FakeServer, client: PointguardClient) -> None:
    for _ in range(11):
        await client.authorise_redemption(MEMBER, 1)
    page = await client.fraud.list_advice(MEMBER, include_ended=True, page_size=5, page_token="3")
    (history,) = page.advice
    assert (history.account_id, history.state, history.advice.advice_id) == (7, AdviceState.STANDING, "advice-1001")
    (step,) = history.steps
    assert (step.event, step.transaction_id, step.intervention) == (AdviceEvent.RAISED, "raise", None)
    assert page.next_page_token == "17"
    request = server.calls_of("ListAdvice")[0].request
    assert isinstance(request, advice_pb2.ListAdviceRequest)
    assert (request.include_ended, request.page_size, request.page_token) == (True, 5, "3")
    await client.fraud.list_advice()
    assert not server.calls_of("ListAdvice")[1].request.HasField("member")


async def test_cases_are_listed_by_their_states_and_resolved(server: FakeServer, client: PointguardClient) -> None:
    page = await client.fraud.list_cases(states=[CaseState.RESOLVED], page_size=5, page_token="3")
    (case,) = page.cases
    assert (case.case_id, case.state, case.outcome) == ("case-1", CaseState.PROPOSED, CaseOutcome.FALSE_POSITIVE)
    assert (case.advice.ends_at, case.steps[0].event, case.steps[0].outcome) == (
        None,
        AdviceEvent.PROPOSED,
        CaseOutcome.FALSE_POSITIVE,
    )
    assert page.next_page_token == "17"
    listed = server.calls_of("ListCases")[0].request
    assert isinstance(listed, advice_pb2.ListCasesRequest)
    assert (list(listed.states), listed.page_size, listed.page_token) == ([3], 5, "3")
    resolution = await client.fraud.resolve_case("case-1", CaseOutcome.CONFIRMED_FRAUD, WHY, idempotency_key="1")
    assert (resolution.transaction_id, resolution.account_id, resolution.state) == ("resolve", 7, CaseState.PROPOSED)
    request = server.calls_of("ResolveCase")[0].request
    assert isinstance(request, advice_pb2.ResolveCaseRequest)
    assert (request.idempotency_key, request.case_id, request.outcome, request.intervention) == ("1", "case-1", 1, SENT)


async def test_exemptions_are_added_ended_and_listed(server: FakeServer, client: PointguardClient) -> None:
    until = datetime(2027, 1, 1, tzinfo=UTC)
    added = await client.fraud.add_exemption(
        ExemptSubject.store("s1"), until, WHY, context=AdviceContext.REDEMPTION, rule="eager", idempotency_key="1"
    )
    assert (added.exemption_id, added.subject, added.account_id) == (3, ExemptSubject.store("s1"), 0)
    assert (added.rule, added.starts_at, added.ended) == ("eager", datetime(1970, 1, 1, 12, tzinfo=UTC), None)
    await client.fraud.add_exemption(MEMBER, until, WHY)
    named, of_member = (call.request for call in server.calls_of("AddExemption"))
    assert isinstance(named, advice_pb2.AddExemptionRequest)
    assert isinstance(of_member, advice_pb2.AddExemptionRequest)
    assert (named.store_id, named.rule, named.context, named.intervention) == ("s1", "eager", 1, SENT)
    assert (of_member.member.loyalty_id, of_member.ends_at.ToJsonString()) == ("1001", "2027-01-01T00:00:00Z")
    assert (await client.fraud.end_exemption(3, WHY)).exemption_id == 3
    page = await client.fraud.list_exemptions(include_ended=True, page_size=5, page_token="3")
    assert ([each.exemption_id for each in page.exemptions], page.next_page_token) == ([3], "17")


async def test_redemptions_are_stopped_released_and_listed(server: FakeServer, client: PointguardClient) -> None:
    until = datetime(2027, 1, 1, tzinfo=UTC)
    made = await client.fraud.stop_redemptions(StopSubject.terminal("s1", "t1"), WHY, until=until, idempotency_key="1")
    assert (made.stop_id, made.subject, made.ends_at) == (4, StopSubject.terminal("s1", "t1"), None)
    for subject in (StopSubject.program(), StopSubject.business_unit("north"), StopSubject.store("s1")):
        await client.fraud.stop_redemptions(subject, WHY)
    sent = [call.request for call in server.calls_of("StopRedemptions")]
    named = [advice_pb2.StopRedemptionsRequest.FromString(each.SerializeToString()) for each in sent]
    assert [each.WhichOneof("subject") for each in named] == ["terminal", "program", "business_unit_id", "store_id"]
    assert (named[0].terminal.terminal_id, named[0].ends_at.ToJsonString()) == ("t1", "2027-01-01T00:00:00Z")
    assert (named[1].program, named[2].business_unit_id, named[3].store_id) == (True, "north", "s1")
    assert not named[1].HasField("ends_at")
    assert (await client.fraud.release_redemptions(4, WHY)).stop_id == 4
    page = await client.fraud.list_redemption_stops(include_ended=True, page_size=5, page_token="3")
    assert ([each.stop_id for each in page.stops], page.next_page_token) == ([4], "17")


async def test_by_what_the_till_has_verified_the_member_is_sent(server: FakeServer, client: PointguardClient) -> None:
    await client.authorise_redemption(MEMBER, 1, verified_by=(Factor.PIN, Factor.SUPERVISOR))
    request = server.calls[0].request
    assert isinstance(request, transaction_pb2.AuthoriseRedemptionRequest)
    assert list(request.verified_by) == [common_pb2.FACTOR_PIN, common_pb2.FACTOR_SUPERVISOR]


async def test_an_account_is_suspended(server: FakeServer, client: PointguardClient) -> None:
    standing = await client.fraud.set_account_status(MEMBER, AccountStatus.SUSPENDED, WHY)
    assert (standing.account_id, standing.status) == (7, AccountStatus.SUSPENDED)
    request = server.calls[0].request
    assert isinstance(request, member_pb2.SetAccountStatusRequest)
    assert (request.status, request.intervention) == (member_pb2.ACCOUNT_STATUS_SUSPENDED, SENT)


async def test_members_are_put_into_a_group_and_taken_out_and_listed(
    server: FakeServer, client: PointguardClient
) -> None:
    for change, sent in (
        (client.fraud.add_to_group, member_pb2.AddToGroupRequest),
        (client.fraud.remove_from_group, member_pb2.RemoveFromGroupRequest),
    ):
        changes = await change("VIP", [MEMBER, MEMBER], WHY)
        assert [(each.transaction_id, each.account_id) for each in changes] == [("group", 7)] * 2
        request = server.calls[-1].request
        assert isinstance(request, sent)
        assert (request.group, len(request.members), request.intervention) == ("VIP", 2, SENT)
        assert request.idempotency_key
    page = await client.fraud.list_group_members("VIP", page_size=2)
    assert (page.account_ids, page.next_page_token) == ((7, 8), "8")


async def test_a_watch_that_breaks_off_goes_on_from_where_it_was(server: FakeServer, client: PointguardClient) -> None:
    watched = [notice async for notice in client.fraud.watch(context=AdviceContext.EARNING, follow=False)]
    assert [(notice.position, notice.transaction_id) for notice in watched] == [
        (1, "notice-1"), (2, "notice-2"), (3, "notice-3"),
    ]  # fmt: skip
    assert watched[0].suspended
    asked = [cast("advice_pb2.WatchAdviceRequest", call.request) for call in server.calls_of("WatchAdvice")]
    assert [request.HasField("after_position") for request in asked] == [False, True, True]
    assert [request.after_position for request in asked] == [0, 1, 3]
    assert {request.context for request in asked} == {common_pb2.ADVICE_CONTEXT_EARNING}


async def test_a_watch_that_may_not_be_is_refused_at_once(server: FakeServer, client: PointguardClient) -> None:
    server.fail_next("WatchAdvice", PlannedFailure(grpc.StatusCode.PERMISSION_DENIED))
    with pytest.raises(PermissionDenied):
        await anext(client.fraud.watch(0))
    assert len(server.calls_of("WatchAdvice")) == 1


async def test_people_are_told_that_no_rule_raised_an_advice(client: PointguardClient) -> None:
    for _ in range(11):
        await client.authorise_redemption(MEMBER, 1)
    (advice,) = (await client.check_advice(MEMBER)).advice
    assert output.advice_cause(advice) == "ADVICE_CHECK_ACCOUNT_BURN_WEEK (11 > 10)"
