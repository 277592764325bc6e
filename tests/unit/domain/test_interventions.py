"""What the staff said, as bytes and back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.domain.interventions import Intervention, decode_intervention

numbers = st.integers(0, 2**63 - 1)
interventions = st.builds(
    Intervention,
    st.text(),
    st.integers(1, 10),
    st.text(),
    st.text(),
    numbers,
    numbers,
    numbers,
    numbers,
    st.integers(0, 3),
    st.text(),
    st.integers(0, 1),
    st.text(),
)


@given(interventions)
def test_every_intervention_comes_back_from_its_bytes(said: Intervention) -> None:
    assert decode_intervention(said.encode()) == said


@given(interventions, st.text())
def test_what_is_said_depends_neither_on_the_api_key_nor_on_the_session(said: Intervention, other: str) -> None:
    assert replace(said, key_id=other).said == replace(said, session=other).said == said.said
    assert replace(said, author=said.author + "!").said != said.said


def test_an_intervention_of_an_earlier_version_resolved_no_case() -> None:
    earlier = b'{"author":"a","context":0,"duration":0,"ends_at":0,"key_id":"k","note":"","posture":0,"reason":1}'
    assert decode_intervention(earlier) == Intervention("a", 1, key_id="k")
    assert decode_intervention(earlier).encode() == earlier


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"7", b"{}", b'{"author":1}', Intervention("a", 1).encode().replace(b"0", b"true")]
)
def test_other_bytes_are_no_intervention(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (whichever of its kinds)
        decode_intervention(data)
