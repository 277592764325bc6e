"""How a failure becomes an exception."""

import re
from datetime import timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo

from pointguard_client import Identifier, PointguardClient, RetryPolicy, errors
from pointguard_client.errors import Failure, FieldViolation, error_from_failure
from pointguard_client.retry import is_transient
from tests.unit.client.fake_server import API_KEY, FakeServer, PlannedFailure

MEMBER = Identifier.loyalty_id("1001")


def every_error() -> set[type[errors.PointguardError]]:
    """Return what a call can raise; the package's commands have more."""
    found: set[type[errors.PointguardError]] = set()
    waiting: list[type[errors.PointguardError]] = [errors.PointguardError]
    while waiting:
        error = waiting.pop()
        if error.__module__ == errors.__name__:
            found.add(error)
        waiting.extend(error.__subclasses__())
    return found


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ([│ ├└─]*)([A-Z]\w+)", line):
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            drawn[match[2]] = path[depth - 1] if depth else "Exception"
    assert drawn == {error.__name__: error.__base__.__name__ for error in every_error() if error.__base__}


async def failing_call(server: FakeServer, code: grpc.StatusCode, *details: Message) -> errors.CallError:
    server.fail_next("GetBalance", PlannedFailure(code, "a text for people", details))
    once = RetryPolicy(attempts_max=1)
    async with PointguardClient.connect(server.address, api_key=API_KEY, retry_policy=once) as client:
        with pytest.raises(errors.CallError) as caught:
            await client.get_balance(MEMBER)
    return caught.value


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, errors.InvalidArgument),
        (grpc.StatusCode.UNAUTHENTICATED, errors.Unauthenticated),
        (grpc.StatusCode.PERMISSION_DENIED, errors.PermissionDenied),
        (grpc.StatusCode.NOT_FOUND, errors.NotFound),
        (grpc.StatusCode.ALREADY_EXISTS, errors.AlreadyExists),
        (grpc.StatusCode.FAILED_PRECONDITION, errors.FailedPrecondition),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.Overloaded),
        (grpc.StatusCode.UNAVAILABLE, errors.Unavailable),
        (grpc.StatusCode.CANCELLED, errors.Cancelled),
        (grpc.StatusCode.INTERNAL, errors.ServerFault),
        (grpc.StatusCode.DATA_LOSS, errors.ServerFault),
    ],
)
async def test_a_status_becomes_its_exception(
    server: FakeServer, code: grpc.StatusCode, error: type[errors.CallError]
) -> None:
    raised = await failing_call(server, code)
    assert type(raised) is error
    assert (raised.code, raised.rpc, raised.reason, raised.error_id) == (code.name, "GetBalance", "", "")


async def test_reason_error_id_and_violations_come_from_the_details(server: FakeServer) -> None:
    info = ErrorInfo(reason="FIELD_INVALID", metadata={"error_id": "e-17"})
    violation = BadRequest.FieldViolation(field="member.loyalty_id", description="must not be empty")
    raised = await failing_call(
        server, grpc.StatusCode.INVALID_ARGUMENT, info, BadRequest(field_violations=[violation])
    )
    assert raised.reason == "FIELD_INVALID"
    assert raised.error_id == "e-17"
    assert raised.field_violations == (FieldViolation("member.loyalty_id", "must not be empty"),)
    assert "member.loyalty_id: must not be empty" in str(raised)
    assert "error id e-17" in str(raised)


async def test_the_error_id_may_come_as_request_info(server: FakeServer) -> None:
    raised = await failing_call(server, grpc.StatusCode.NOT_FOUND, RequestInfo(request_id="e-18"))
    assert raised.error_id == "e-18"


async def test_the_delay_that_the_server_asks_for_is_kept(server: FakeServer) -> None:
    delay = RetryInfo(retry_delay=Duration(nanos=250_000_000))
    raised = await failing_call(server, grpc.StatusCode.RESOURCE_EXHAUSTED, delay)
    assert raised.retry_after == timedelta(milliseconds=250)


async def test_a_wrong_api_key_is_told_apart(server: FakeServer) -> None:
    async with PointguardClient.connect(server.address, api_key="wrong") as client:
        with pytest.raises(errors.Unauthenticated):
            await client.get_balance(MEMBER)


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        ("ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED", errors.KeyReused),
        ("ALREADY_EXISTS", "IDENTIFIER_TAKEN", errors.IdentifierTaken),
        ("FAILED_PRECONDITION", "RESERVATION_ENDED", errors.ReservationEnded),
        ("FAILED_PRECONDITION", "ADVICE_ENDED", errors.AdviceEnded),
        ("FAILED_PRECONDITION", "ADVICE_IS_CASE", errors.AdviceIsCase),
        ("FAILED_PRECONDITION", "CASE_RESOLVED", errors.CaseResolved),
        ("FAILED_PRECONDITION", "FOUR_EYES", errors.FourEyes),
        ("FAILED_PRECONDITION", "EXEMPTION_ENDED", errors.ExemptionEnded),
        ("FAILED_PRECONDITION", "STOP_ENDED", errors.StopEnded),
        ("ALREADY_EXISTS", "SOMETHING_NEW", errors.AlreadyExists),
        ("NOT_FOUND", "IDEMPOTENCY_KEY_REUSED", errors.NotFound),
    ],
)
def test_a_reason_narrows_its_status_and_never_contradicts_it(
    code: str, reason: str, error: type[errors.CallError]
) -> None:
    assert type(error_from_failure(Failure(code, reason=reason))) is error


def test_a_status_that_grpc_has_lost_is_asked_for_again_and_one_that_a_server_gave_is_not() -> None:
    lost, given = (
        errors.failure_from_rpc_error(
            grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(), text)
        )
        for text in (errors.LOST_STATUS, "an internal error")
    )
    assert (is_transient(lost), lost.code) == (True, "UNAVAILABLE")
    assert (is_transient(given), given.code) == (False, "INTERNAL")
