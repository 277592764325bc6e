"""Batches of columns: what may be a column, and what comes back."""

from array import array
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard.v1 import transaction_pb2
from pointguard_client import (
    BatchColumns,
    Channel,
    Decision,
    NotFound,
    Operation,
    Origin,
    PointguardClient,
    ReasonCode,
    new_idempotency_keys,
    requests,
)
from pointguard_client.encoding import encode_columns
from tests.unit.client.fake_server import FakeServer

INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)


async def test_rows_are_answered_in_columns_and_refusals_apart(client: PointguardClient) -> None:
    keys = new_idempotency_keys(4)
    answers = await client.process_batch_columns(
        BatchColumns(
            keys,
            operations=[Operation.ACCRUE, Operation.AUTHORISE, Operation.VOID, Operation.AUTHORISE],
            loyalty_ids=["1", "1", "", "2"],
            points=[0, 60, 0, 1],
            money_minor_units=[1000, 0, 0, 0],
            currency_code="CAD",
            captures=[0, 1, 0, 0],
        )
    )
    assert len(answers) == 4
    assert list(answers.decisions) == [Decision.APPROVED, Decision.APPROVED, Decision.UNSPECIFIED, Decision.DECLINED]
    assert list(answers.points) == [100, 60, 0, 0]
    assert list(answers.posted) == [100, 40, 0, 0]
    assert [reason.code for reason in answers.reasons[3]] == [ReasonCode.INSUFFICIENT_POINTS]
    assert list(answers.errors) == [2]
    refused = answers.errors[2]
    assert isinstance(refused, NotFound)
    assert (refused.rpc, refused.idempotency_key) == ("ProcessBatchColumns", str(UUID(bytes=keys[32:48])))
    assert answers.transaction_id(0) == str(UUID(int=1))
    assert answers.transaction_id(2) == ""


async def test_a_batch_of_columns_that_is_sent_again_gives_the_first_answers(
    server: FakeServer, client: PointguardClient
) -> None:
    columns = BatchColumns(
        new_idempotency_keys(2),
        operations=array("b", [Operation.ACCRUE] * 2),
        loyalty_ids=["1", "2"],
        money_minor_units=array("q", [100, 200]),
        currency_code="CAD",
    )
    assert await client.process_batch_columns(columns) == await client.process_batch_columns(columns)
    assert server.accounts["1"].posted == 10


@given(points=st.lists(INT64, max_size=20))
def test_a_column_may_be_anything_that_holds_whole_numbers(points: list[int]) -> None:
    keys = new_idempotency_keys(len(points))
    forms: list[requests.NumberColumn] = [
        points,
        tuple(points),
        array("q", points),
        memoryview(array("q", points)),
        np.array(points, np.int64),
    ]
    messages = [encode_columns(BatchColumns(keys, operations=(), points=form)) for form in forms]
    assert all(message == messages[0] for message in messages)
    assert list(messages[0].points) == points


def test_switches_kinds_and_keys_may_be_columns_of_small_numbers() -> None:
    plain = BatchColumns(bytes(range(32)), operations=[5, 5], captures=[1, 0], origin_numbers=[1, 0])
    packed = BatchColumns(
        np.arange(32, dtype=np.uint8).data,
        operations=np.full(2, 5, np.uint8),
        captures=np.array([True, False]),
        origin_numbers=array("I", [1, 0]),
    )
    assert encode_columns(plain) == encode_columns(packed)


def test_every_column_of_the_contract_can_be_given() -> None:
    given = BatchColumns(
        bytes(16),
        operations=[1],
        account_ids=[2],
        loyalty_ids=["3"],
        points=[4],
        money_minor_units=[5],
        currency_code="CAD",
        origins=[Origin("12", channel=Channel.ONLINE), Origin()],
        origin_numbers=[1],
        occurred_at_micros=[6],
        kinds=[1],
        captures=[1],
        allow_partials=[1],
        coupon_useds=[1],
        reservation_ids=bytes(16),
        keep_opens=[1],
    )
    message = encode_columns(given)
    assert {field.name for field, _ in message.ListFields()} == set(message.DESCRIPTOR.fields_by_name)
    assert [origin.store_id for origin in message.origins] == ["12", ""]
    assert transaction_pb2.ProcessBatchColumnsRequest.FromString(message.SerializeToString()) == message


@pytest.mark.parametrize(
    ("column", "values"),
    [("points", [2**63]), ("money_minor_units", [1.5]), ("operations", ["ACCRUE"]), ("origin_numbers", [-1])],
)
def test_what_no_column_can_hold_is_refused_by_the_columns_name(column: str, values: list[object]) -> None:
    with pytest.raises(ValueError, match=f"^{column}: "):
        encode_columns(BatchColumns(bytes(16), **({"operations": [1]} | {column: values})))  # type: ignore[arg-type]
