"""Whatever callers send, names and cards and worse, none of it is ever in the log or in a metric."""

from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from pointguard_client import new_idempotency_key
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.server import COMPILING, ServerProcess, StartServer

MARK = "zanzibar"
PERSONAL = (
    f"Zoë {MARK}",
    f"zoe.{MARK}@example.com",
    f"4111-1111-1111-1111 {MARK}",
    f"+1 416 555 0199 {MARK}",
    f"{MARK}'; DROP TABLE legs;--",
    f'{MARK}\n{{"event": "ready"}}',
    f"%s %(name)s {{0}} {MARK}",
    f"\x1b[2J{MARK}",
    MARK * 4_000,
)


@pytest.fixture
def talkative(start_server: StartServer) -> ServerProcess:
    """A server that logs every call."""
    return start_server(("--sandbox", "--log-level", "debug"))


def fill(message: Message, value: str, depth: int = 0) -> None:
    """Put the value into every text field of a message and of those in it; of alternatives the last one stands."""
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and depth < 4:
            inside = getattr(message, field.name)
            fill(inside.add() if field.is_repeated else inside, value, depth + 1)


def hostile_requests(value: str) -> Iterator[tuple[str, Message | bytes]]:
    """Yield requests to every RPC: the value in all fields, in one at a time, and as bytes that are no message."""
    for name, rpc in RPCS.items():
        everywhere = rpc.request_class()
        fill(everywhere, value)
        yield name, everywhere
        yield name, value.encode()
        for field in rpc.request_class.DESCRIPTOR.fields:
            if field.type == FieldDescriptor.TYPE_STRING:
                yield name, rpc.request(**{field.name: value})


def test_nothing_that_callers_send_is_in_the_log_or_in_a_metric(talkative: ServerProcess) -> None:
    with RawCalls(talkative) as raw:
        calls = 0
        for value in PERSONAL:
            for name, request in hostile_requests(value):
                raw.call(name, request)
                calls += 1
            if value.isprintable() and value.isascii() and len(value) < 1_000:
                key = (("authorization", f"Bearer {value}"), ("x-request-id", value))
                assert raw.call("Accrue", RPCS["Accrue"].request(), metadata=key).code == "UNAUTHENTICATED"
                calls += 1
        member = {"given_name": MARK, "family_name": MARK}
        enroll = RPCS["EnrollMember"].request(
            identifiers=[{"email": f"{MARK}@example.com"}, {"card": f"{MARK}{new_idempotency_key()}"}], profile=member
        )
        assert raw.call("EnrollMember", enroll).code == "OK"
        found = RPCS["FindMember"].request(member={"email": f"{MARK}@example.com"})
        assert raw.call("FindMember", found).message.profile.family_name == MARK
    talkative.get(f"/{MARK}?{MARK}={MARK}")
    logged = [event for event in talkative.events() if event["event"] == "call"]
    assert len(logged) == calls + 2, "every call has its line, and no value made a line of its own"
    events = {event["event"] for event in talkative.events()} - COMPILING
    assert events == {"starting", "rules_loaded", "ready", "call", "redemptions_stopped"}
    assert len(talkative.events()) == len(talkative.log().splitlines()), "every line is JSON"
    assert MARK not in talkative.log().lower()
    assert MARK not in talkative.get("/metrics")[1].lower()
    assert talkative.api_key not in talkative.log()


@pytest.mark.long
def test_every_answer_is_logged_and_none_holds_up_what_comes_after_it(talkative: ServerProcess) -> None:
    with RawCalls(talkative) as raw:
        for name in ("EnrollMember", "Accrue", "CheckAdvice", "GetBalance", "CheckAdvice", "Accrue"):
            assert raw.call(name, RPCS[name].request()).code == "OK", name
    talkative.stop()
    logged = [event["rpc"] for event in talkative.events() if event["event"] == "call"]
    assert logged == ["EnrollMember", "Accrue", "CheckAdvice", "GetBalance", "CheckAdvice", "Accrue"]
