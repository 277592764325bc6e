"""Digests of versions, and files in pieces."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.rules.texts import Texts
from pointguard_server.service import rule_versions
from pointguard_server.service.rule_versions import PIECE_BYTES, pieces_of, source_digest

ENTRIES = st.lists(st.sampled_from(("a", '"', "\\", '\\"', "é", "日本", "a b", ",", '", "')), max_size=12)


@given(files=st.dictionaries(st.text('ab"é', max_size=3), ENTRIES, max_size=3), piece_bytes=st.integers(1, 9))
def test_a_digest_is_of_the_source_and_its_files_as_json(files: dict[str, list[str]], piece_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule_versions, "PIECE_BYTES", piece_bytes)
        made = source_digest("source", {name: Texts.of(entries) for name, entries in files.items()})
    whole = json.dumps(files, ensure_ascii=False) if files else ""
    assert made == sha256(f"source{whole}".encode()).digest()


def test_the_pieces_of_a_file_are_the_file() -> None:
    texts = Texts.of(f"article {number}" for number in range(20_000))
    pieces = list(pieces_of(texts))
    assert len(pieces) == len(texts.lines) // PIECE_BYTES + 1
    assert [piece.place for piece in pieces] == list(range(len(pieces)))
    assert {piece.digest for piece in pieces} == {texts.digest}
    assert b"".join(piece.lines for piece in pieces) == texts.lines
