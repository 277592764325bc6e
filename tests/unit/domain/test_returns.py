"""Lines in the records of returns, the amounts of a basket, and the shares of a whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard.v1 import transaction_pb2
from pointguard_server.domain.returns import decode_lines, encode_lines, line_amounts

numbers = st.integers(0, 10**12)


@given(st.lists(st.tuples(st.integers(1, 1_000), numbers)))
@settings(max_examples=30)
def test_lines_are_read_as_they_were_written(lines: list[tuple[int, int]]) -> None:
    assert decode_lines(encode_lines(lines)) == lines


def test_lines_that_are_cut_short_are_refused() -> None:
    with pytest.raises(ValueError, match="cut short"):
        decode_lines(encode_lines([(1, 300)])[:-1])
    with pytest.raises(ValueError, match="shorter"):
        decode_lines(b"\x01")


@given(st.lists(numbers))
@settings(max_examples=30)
def test_the_amounts_of_a_basket_are_those_of_its_message(amounts: list[int]) -> None:
    lines = [transaction_pb2.BasketLine(sku="é", quantity=2, amount_minor_units=amount) for amount in amounts]
    message = transaction_pb2.Basket(currency_code="CAD", lines=lines)
    assert line_amounts(message.SerializeToString(deterministic=True)) == amounts


def test_a_basket_that_is_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="cut short"):
        line_amounts(transaction_pb2.Basket(currency_code="CAD").SerializeToString()[:-1])
