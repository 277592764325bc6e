"""The canonical record: what is written can be read, byte for byte, and nothing else can."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.domain.codes import SERVER_OPERATIONS, Operation
from pointguard_server.domain.ledger_rows import LEG_FIELDS, REQUEST_FIELDS
from pointguard_server.domain.record import (
    RAW_FIELDS,
    RECORD_ADVICE_FIELDS,
    RECORD_ENTRY_FIELDS,
    Record,
    Value,
    decode_record,
    encode_body,
    encode_record,
    encode_varint,
)

integers = st.integers(-(2**63), 2**63 - 1)
ids = st.binary(min_size=16, max_size=16)


def rows(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Value]]:
    return st.fixed_dictionaries({name: ids if name in RAW_FIELDS else integers for name in names})


def _with_evidence(record: Record) -> Record:
    """Return a record with as many reasons as pieces of evidence."""
    count = min(len(record.reasons), len(record.evidence))
    return replace(record, reasons=record.reasons[:count], evidence=record.evidence[:count])


def _without_evidence(record: Record) -> Record:
    """Return a record as it would have been before evidence and scopes were kept."""
    advice = tuple(row | {"scope": 0, "scope_entity": 0} for row in record.advice)
    return replace(record, advice=advice, evidence=((-1, 0),) * len(record.reasons))


pairs = st.lists(st.tuples(integers, integers), max_size=3).map(tuple)
records = st.builds(
    Record,
    leg=rows(LEG_FIELDS).filter(lambda leg: leg["operation"] not in SERVER_OPERATIONS),
    reasons=pairs,
    entries=st.lists(rows(RECORD_ENTRY_FIELDS), max_size=2).map(tuple),
    windows=pairs,
    advice=st.lists(rows(RECORD_ADVICE_FIELDS), max_size=2).map(tuple),
    request=rows(REQUEST_FIELDS),
    order_reference=st.text(max_size=64),
    basket=st.binary(max_size=200),
    evidence=pairs,
).map(_with_evidence)


@given(record=records)
def test_what_is_encoded_decodes_to_the_same(record: Record) -> None:
    assert decode_record(encode_record(record)) == record


@given(record=records)
def test_a_record_that_the_server_wrote_by_itself_has_no_request(record: Record) -> None:
    leg = {**record.leg, "operation": int(Operation.EXPIRE)}
    own = Record(leg, record.reasons, record.entries, record.windows, record.advice, None, "", b"", record.evidence)
    assert decode_record(encode_record(own)) == own


@given(record=records, data=st.data())
def test_a_record_that_is_cut_short_is_refused(record: Record, data: st.DataObject) -> None:
    encoded = encode_record(record)
    size = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(ValueError, match="cut short"):
        decode_record(encoded[:size])


@given(record=records)
def test_a_record_of_another_version_is_refused(record: Record) -> None:
    with pytest.raises(ValueError, match="version 5 is not known"):
        decode_record(b"\x05" + encode_record(record)[1:])


IDENTIFIER = ("identifier_kind", "identifier_id")


@pytest.mark.parametrize(
    ("version", "lacks"),
    [(1, ("experiment_id", "arm", "agent_id", *IDENTIFIER)), (2, ("agent_id", *IDENTIFIER)), (3, IDENTIFIER)],
)
@given(record=records)
def test_a_record_of_an_older_version_reads_as_if_what_it_lacks_said_nothing(
    version: int, lacks: tuple[str, ...], record: Record
) -> None:
    known = record if version > 2 else _without_evidence(record)
    assert decode_record(encode_record(record, version)) == replace(known, leg=record.leg | dict.fromkeys(lacks, 0))


@pytest.mark.parametrize(
    ("number", "encoded"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (2**63, "80" * 9 + "01")]
)
def test_varints_are_little_endian_base_128(number: int, encoded: str) -> None:
    assert encode_varint(number).hex() == encoded


def test_a_body_is_the_reference_and_the_basket_each_after_its_length() -> None:
    assert encode_body("é", b"\x07") == b"\x02\xc3\xa9\x01\x07"
    assert encode_body("", b"") == b"\0\0"
