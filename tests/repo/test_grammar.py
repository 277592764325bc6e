"""The rule grammar is for every language: nothing of Python in it, and ANTLR makes TypeScript and JavaScript of it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GRAMMAR = Path("server/pointguard_server/rules/grammar/PointguardRules.g4")


def without_comments_and_texts(grammar: str) -> str:
    """A grammar without what may hold a brace or a question mark that means itself."""
    return re.sub(r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\])*'|\[(?:\\.|[^\]\\])*\]", " ", grammar, flags=re.DOTALL)


def test_the_grammar_has_no_action_predicate_or_option_of_one_language(root: Path) -> None:
    text = without_comments_and_texts((root / GRAMMAR).read_text())
    assert "{" not in text, "an action, a predicate or an option is written in one language"
    assert not re.search(r"@(?:parser::|lexer::)?(?:header|members)|\b(?:options|superClass|language)\b", text)


@pytest.mark.parametrize(("language", "suffix"), [("TypeScript", "ts"), ("JavaScript", "js")])
def test_antlr_makes_other_languages_of_it(language: str, suffix: str, root: Path, tmp_path: Path) -> None:
    if shutil.which("java") is None:
        pytest.skip("ANTLR needs a Java runtime")
    command = [str(Path(sys.executable).with_name("antlr4")), f"-Dlanguage={language}", "-Werror", "-visitor"]
    made = subprocess.run(
        [*command, "-o", str(tmp_path), GRAMMAR.name],
        cwd=(root / GRAMMAR).parent,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (made.returncode, made.stdout + made.stderr) == (0, "")
    written = {path.name for path in tmp_path.glob(f"*.{suffix}")}
    assert written == {f"PointguardRules{part}.{suffix}" for part in ("Lexer", "Parser", "Listener", "Visitor")}
    if suffix == "js" and (node := shutil.which("node")) is not None:
        # TypeScript's own compiler is not at hand; JavaScript's form can be looked at without the runtime library.
        (tmp_path / "package.json").write_text('{"type": "module"}')
        for path in tmp_path.glob("*.js"):
            subprocess.run([node, "--check", path], check=True, capture_output=True, timeout=50)
