"""The reader of Dockerfiles and `.dockerignore` files that the image's rehearsal believes."""

from pathlib import Path

import pytest

from tests.support.dockerfile import Context, Instruction, expand, read_dockerfile


def test_an_instruction_goes_on_over_lines_and_comments() -> None:
    text = "# a comment\nFROM base AS one\nCOPY --from=one --chown=1:2 a \\\n  # why\n  b\n"
    assert read_dockerfile(text) == [
        Instruction("FROM", {}, "base AS one", 2),
        Instruction("COPY", {"from": "one", "chown": "1:2"}, "a b", 3),
    ]


def test_what_the_rehearsal_does_not_understand_is_an_error() -> None:
    with pytest.raises(AssertionError, match="here-documents"):
        read_dockerfile("RUN <<EOF\n")


def test_variables_are_replaced_and_unknown_ones_refused() -> None:
    assert expand("/a:$B/${C}", {"B": "b", "C": "c"}) == "/a:b/c"
    with pytest.raises(KeyError):
        expand("$B", {})


@pytest.mark.parametrize(
    ("path", "held"),
    [
        ("server/a/b.py", True),
        ("server/a/__pycache__/b.pyc", False),
        ("server/b.pyc", False),
        ("docker/kept.py", True),
        ("docker/other.py", False),
        ("serverless/a.py", False),
    ],
)
def test_the_last_pattern_that_matches_a_path_or_its_folder_decides(tmp_path: Path, path: str, held: bool) -> None:
    (tmp_path / ".dockerignore").write_text("# why\n*\n!server\n!docker/kept.py\n**/__pycache__\n**/*.py[co]\n")
    assert Context(tmp_path).holds(Path(path)) is held
