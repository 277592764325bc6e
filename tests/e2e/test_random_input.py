"""Random bytes and random messages to every RPC: whatever it is, the answer is an orderly one."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.e2e.audit import audit
from tests.e2e.raw_calls import RPCS, Answer, RawCalls
from tests.support.server import ServerProcess

ORDERLY = frozenset({"OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION"})
BOUNDED = settings(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], database=None
)

TEXTS = st.one_of(
    st.sampled_from(
        ["", "1", "5", "12", "CAD", "+14165550123", "ada@example.com", "01890000-0000-7000-8000-000000000000"]
    ),
    st.text(max_size=80),
)
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-2, 100),
    st.sampled_from([10**12, 10**12 + 1, 2**31, 2**32, -(2**63)]),
)
SMALL_NUMBERS = st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(0, 15))


@pytest.fixture(scope="module", autouse=True)
def complaints_before(shared_server: ServerProcess) -> list[str]:
    """What the log told of before: other tests of this server kill processes of its on purpose."""
    return shared_server.complaints()


@pytest.fixture(scope="module", autouse=True)
def redemptions_go_on(raw: RawCalls) -> Iterator[None]:
    """Release afterwards what was stopped: other tests use the server too."""
    yield
    standing = raw.call("ListRedemptionStops", RPCS["ListRedemptionStops"].request(page_size=100)).message
    assert not standing.next_page_token
    for stop in standing.stops:
        released = raw.call("ReleaseRedemptions", RPCS["ReleaseRedemptions"].request(stop_id=stop.stop_id))
        assert released.code == "OK", released


def values(field: Any, depth: int) -> st.SearchStrategy[Any]:
    """Return values of one field, repeated or not."""
    if field.message_type is not None:
        single: st.SearchStrategy[Any] = messages(field.message_type, depth - 1)
    elif field.enum_type is not None:
        single = SMALL_NUMBERS
    elif field.type == FieldDescriptor.TYPE_BYTES:
        # Also whole rows of columns.
        single = st.binary(max_size=80) | st.integers(1, 4).map(lambda rows: bytes(16 * rows))
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        single = TEXTS
    elif field.cpp_type == FieldDescriptor.CPPTYPE_UINT32:
        single = st.integers(0, 2**32 - 1) | st.integers(0, 3)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        single = st.booleans()
    else:
        single = SMALL_NUMBERS if field.cpp_type == FieldDescriptor.CPPTYPE_INT32 else NUMBERS
    return st.lists(single, max_size=4) if field.is_repeated else single


def messages(descriptor: Any, depth: int = 5) -> st.SearchStrategy[Any]:
    """Return messages of a type with any of their fields set to anything; as dictionaries, for the class to take."""
    fields = {} if depth == 0 else {field.name: values(field, depth) for field in descriptor.fields}
    groups = [[field.name for field in oneof.fields] for oneof in descriptor.oneofs]

    def one_of_each(drawn: dict[str, Any]) -> dict[str, Any]:
        for group in groups:
            for name in [name for name in group if name in drawn][1:]:
                del drawn[name]
        return drawn

    return st.fixed_dictionaries({}, optional=fields).map(one_of_each)


def spare_the_rules(message: Any) -> Any:
    """Return the message so that it changes nobody's rules: other tests use the server too. Version 1 is active."""
    if "expected_active_version" in message.DESCRIPTOR.fields_by_name and message.expected_active_version == 1:
        message.expected_active_version = 2
    if "follow" in message.DESCRIPTOR.fields_by_name:
        message.follow = False  # a stream that goes on would never be answered to the end
    return message


def goes_on(request_class: type[Message], data: bytes) -> bool:
    """Whether bytes ask for a stream that goes on."""
    try:
        return bool(getattr(request_class.FromString(data), "follow", False))
    except DecodeError:
        return False


def assert_orderly(answer: Answer, request_class: type[Message]) -> None:
    assert answer.code in ORDERLY, answer
    if answer.code == "INVALID_ARGUMENT":
        assert answer.reason == "INVALID_REQUEST"
        assert answer.fields
        for field in answer.fields:
            assert field == "request" or resolves(request_class.DESCRIPTOR, field), field


def resolves(descriptor: Any, path: str) -> bool:
    """Whether a path such as ``basket.lines[3].sku`` names a field, or a group of which one must be set."""
    name, _, rest = path.partition(".")
    name = re.sub(r"\[\d+\]$", "", name)
    if name in descriptor.oneofs_by_name:
        return not rest
    field = descriptor.fields_by_name.get(name)
    if field is None:
        return False
    return not rest or (field.message_type is not None and resolves(field.message_type, rest))


@pytest.mark.parametrize("name", sorted(RPCS))
@BOUNDED
@given(data=st.binary(max_size=300))
def test_random_bytes_are_answered_in_an_orderly_way(raw: RawCalls, name: str, data: bytes) -> None:
    assert_orderly(raw.call(name, data), RPCS[name].request_class)


@pytest.mark.parametrize("name", sorted(RPCS))
@BOUNDED
@given(data=st.data())
def test_damaged_messages_are_answered_in_an_orderly_way(raw: RawCalls, name: str, data: st.DataObject) -> None:
    sound = bytearray(RPCS[name].request().SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(sound) - 1))
        sound[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        sound = sound or bytearray(b"\0")
    assume(not goes_on(RPCS[name].request_class, bytes(sound)))
    assert_orderly(raw.call(name, bytes(sound)), RPCS[name].request_class)


@pytest.mark.parametrize("name", sorted(RPCS))
@BOUNDED
@given(data=st.data())
def test_random_messages_are_answered_in_an_orderly_way(raw: RawCalls, name: str, data: st.DataObject) -> None:
    request_class = RPCS[name].request_class
    message = spare_the_rules(request_class(**data.draw(messages(request_class.DESCRIPTOR))))
    assert_orderly(raw.call(name, message), request_class)


@pytest.mark.parametrize("name", sorted(RPCS))
@BOUNDED
@given(data=st.data())
def test_sound_requests_with_some_random_fields_are_answered_in_an_orderly_way(
    raw: RawCalls, name: str, data: st.DataObject
) -> None:
    request_class = RPCS[name].request_class
    message = RPCS[name].request()
    message.MergeFrom(request_class(**data.draw(messages(request_class.DESCRIPTOR))))
    assert_orderly(raw.call(name, spare_the_rules(message)), request_class)


def test_after_all_that_the_ledger_is_sound_and_no_defect_showed(
    raw: RawCalls, shared_server: ServerProcess, complaints_before: list[str]
) -> None:
    assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK"
    assert audit(shared_server.database).legs
    assert shared_server.complaints() == complaints_before
