"""Many texts as one."""

import pickle
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.rules.texts import NO_TEXTS, Literals, Texts

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), max_size=8)


@given(texts=TEXTS)
def test_many_texts_as_one_are_the_same_texts_in_the_same_order(texts: list[str]) -> None:
    together = Texts.of(texts)
    assert list(together) == texts
    assert len(together) == len(texts)
    assert all(text in together for text in texts)
    assert "not there" not in together
    assert together == Texts.read(together.lines) == pickle.loads(pickle.dumps(together))  # noqa: S301
    assert together.digest == sha256("".join(f"{text}\n" for text in texts).encode()).digest()


def test_no_texts_are_as_good_as_none() -> None:
    assert Texts.of(()) == NO_TEXTS
    assert list(NO_TEXTS) == []


@given(pairs=st.lists(st.tuples(st.sampled_from(("sku", "store")), st.text("ab", max_size=2)), max_size=9), texts=TEXTS)
def test_literals_are_their_pairs_and_behind_them_those_of_sets(pairs: list[tuple[str, str]], texts: list[str]) -> None:
    literals = Literals.of(pairs, [("brand", Texts.of(texts)), ("sku", Texts.of(("x",)))])
    expected = [*pairs, *(("brand", text) for text in texts), ("sku", "x")]
    assert list(literals) == expected
    assert len(literals) == len(expected)
    assert ("sku", "x") in literals
    assert ("store", "x") not in literals
    assert Literals.of(pairs) == Literals.of(iter(pairs))
