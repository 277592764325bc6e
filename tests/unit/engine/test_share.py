"""The share that a part of a whole has in a total, in 64 bits."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.engine.compiled import returns
from tests.support.parts import called_from_python

LARGE = 1 << 60
share = called_from_python(returns.share)


@given(total=st.integers(0, LARGE), whole=st.integers(1, LARGE), data=st.data())
@settings(max_examples=100)
def test_a_share_is_rounded_down_however_large_its_numbers_are(total: int, whole: int, data: st.DataObject) -> None:
    piece = data.draw(st.integers(0, whole))
    assert share(total, piece, whole) == total * piece // whole


def test_of_a_whole_of_nothing_the_piece_is_all() -> None:
    assert share(7, 0, 0) == 7
