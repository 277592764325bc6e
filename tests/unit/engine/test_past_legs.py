"""Reading legs from records by a kernel: the same as the slow and obvious way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.domain.ledger_rows import ID_FIELDS, LEG_FIELDS
from pointguard_server.domain.record import RECORD_LEG_FIELDS, RECORD_VERSION, Record, decode_record, encode_record
from pointguard_server.engine.compiled.past_legs import COLUMNS_BY_VERSION, IS_RAW, read_legs
from pointguard_server.engine.rows import LEG, LEG_COLUMNS
from pointguard_server.engine.world import RowArray
from tests.unit.domain.test_record import records

LEG_BYTES_MIN = 1 + 16 * len(ID_FIELDS) + len(LEG_FIELDS) - len(ID_FIELDS)


def read(encoded: list[bytes]) -> tuple[int, RowArray]:
    """Return (how many legs the kernel read, the legs as columns)."""
    legs = np.zeros(len(encoded), LEG)
    ends = np.cumsum([len(each) for each in encoded], dtype=np.int64)
    data = np.frombuffer(b"".join(encoded), np.uint8)
    count = read_legs(data, ends, COLUMNS_BY_VERSION, IS_RAW, legs.view(np.int64).reshape(len(encoded), -1))
    return count, legs.view(LEG_COLUMNS)


@given(st.lists(st.tuples(records, st.sampled_from(sorted(RECORD_LEG_FIELDS))), min_size=1, max_size=4))
def test_the_kernel_reads_the_legs_that_records_begin_with(some: list[tuple[Record, int]]) -> None:
    encoded = [encode_record(record, version) for record, version in some]
    count, legs = read(encoded)
    assert count == len(encoded)
    found = [dict(zip(LEG_FIELDS, leg, strict=True)) for leg in legs.tolist()]
    assert found == [decode_record(each).leg for each in encoded]


@given(records, st.integers(0, LEG_BYTES_MIN - 1))
def test_the_kernel_says_which_record_it_cannot_read(record: Record, cut: int) -> None:
    whole = encode_record(record)
    assert read([whole, whole[:cut], whole])[0] == 1
    assert read([whole, bytes([RECORD_VERSION + 1]) + whole[1:]])[0] == 1
