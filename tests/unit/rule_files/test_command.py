"""The command pointguard-rules without a server: what it says, where, and how it ends."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pointguard_rules.__main__ import main

RULES = """rule "bread"
    when any(lines, line.category == "BREAD")
    earn base 10

rule "big order"
    when order.total >= 100.00 CAD
    earn bonus 50
"""
CASES = """currency: CAD
cases:
  - name: a loaf
    lines: [{line.category: BREAD, line.amount: 3}]
    awards: {bread: 10}
  - name: bread for a party
    lines: [{line.category: BREAD, line.amount: 100.00}]
    awards: {bread: 10, big order: 50}
"""


class Folder:
    """A folder of rule sets on which commands run in this process."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def run(self, command: str, *options: str) -> tuple[int, str, str]:
        """Return the exit code and what was written to standard output and error, the folder's name left out."""
        try:
            code = main([command, str(self.path), *options])
        except SystemExit as ended:
            code = int(str(ended.code))
        printed = self._capsys.readouterr()
        return code, printed.out.replace(f"{self.path}/", ""), printed.err.replace(f"{self.path}/", "")


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Folder:
    made = Folder(tmp_path / "rules", capsys)
    made.write("shop.rules", RULES)
    made.write("shop.cases.yaml", CASES)
    return made


def test_a_folder_that_is_as_it_should_be_passes_all_checks(folder: Folder) -> None:
    assert folder.run("verify", "--every-rule") == (0, "shop.rules: 5 checks passed\n", "")


def test_a_rule_set_may_end_in_rule_and_lie_in_a_folder_below(folder: Folder) -> None:
    folder.write("north/kiosk.rule", RULES)
    folder.write("north/kiosk.cases.yaml", CASES)
    folder.write(".git/left.rules", "not looked at")
    code, printed, _ = folder.run("verify")
    assert (code, printed) == (0, "north/kiosk.rule: 4 checks passed\nshop.rules: 4 checks passed\n")


def test_a_case_that_differs_is_told_with_its_place_and_the_difference(folder: Folder) -> None:
    folder.write("shop.cases.yaml", CASES.replace("{bread: 10, big order: 50}", "{bread: 12, big order: 50}"))
    code, printed, told = folder.run("test")
    assert code == 1
    assert printed == "shop.rules: 1 of 2 checks failed\n"
    assert told.splitlines() == [
        "shop.cases.yaml:8:13: bread for a party: differs (- expected, + got)",
        "  awards:",
        "    - bread: 12",
        "    + bread: 10",
        "      big order: 50",
    ]


def test_arithmetic_that_fails_can_be_expected(folder: Folder) -> None:
    folder.write("shop.rules", 'rule "share"\n    earn base 1 / order.line_count\n')
    folder.write("shop.cases.yaml", "cases:\n  - name: nothing bought\n    fails: DIVISION_BY_ZERO\n")
    assert folder.run("test")[0] == 0
    folder.write("shop.cases.yaml", "cases:\n  - name: nothing bought\n    awards: {share: 1}\n")
    assert "+ fails: DIVISION_BY_ZERO" in folder.run("test")[2]


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        ("", "1:1: there are no cases"),
        ("cases: []", "1:8: `cases` must be a list of one case or more"),
        ("cases: [{name: a, awards: {}", "1:29: not YAML: expected ',' or '}', but got '<stream end>'"),
        ("cases:\n- {awards: {}}", "2:3: a case must have a `name`"),
        ("cases:\n- {name: a}", "2:3: a case must have `awards`, or else `fails`"),
        ("cases:\n- {name: a, award: {}}", "did you mean `awards`?"),
        ("cases:\n- {name: a, awards: {bread: much}}", "2:29: must be a whole number"),
        ("cases:\n- {name: a, awards: {bread: true}}", "2:29: must be a whole number"),
        ("cases:\n- {name: a, awards: {bread: 1, bread: 2}}", "2:32: `bread` is there twice"),
        ("cases:\n- {name: a, awards: {}, limits: {bread: CAP}}", "2:41: must be one of CAP_PER_TRANSACTION"),
        ("cases:\n- {name: a, awards: {}, moment: tomorrow}", "`moment` must be local time without a zone"),
        ("cases:\n- {name: a, awards: {}, moment: 2026-06-01 10:00:00Z}", "`moment` must be local time without a zone"),
        ("cases:\n- {name: a, awards: {}, lines: [1]}", "each of `lines` must be names with values"),
        ("cases:\n- {name: a, awards: {bred: 1}}", "a: there is no rule 'bred'; did you mean 'bread'?"),
        ("cases:\n- {name: a, awards: {}, facts: {order.totl: 1}}", "a: order.totl: there is no such field"),
        ("cases:\n- {name: a, awards: {}, facts: {store.id: 17}}", "a: store.id: 17 is no text"),
        ("cases: &a [*a]", "1:8: a case must have name"),
        (b"cases: \xff", "1:1: shop.cases.yaml must be UTF-8: invalid start byte at byte 7"),
    ],
    ids=str,
)
def test_a_case_that_cannot_be_used_is_told_with_its_place(folder: Folder, cases: str | bytes, told: str) -> None:
    folder.write("shop.cases.yaml", cases)
    code, _, printed = folder.run("test")
    assert code == 1
    assert told in printed
    assert printed.startswith("shop.cases.yaml:")


def test_every_mistake_of_a_rule_set_is_told_with_its_place(folder: Folder) -> None:
    folder.write("shop.rules", RULES.replace("order.total", "order.totl").replace("line.category", "line.categry"))
    code, _, told = folder.run("check")
    assert code == 1
    assert [line.split(": ")[0] for line in told.splitlines()] == ["shop.rules:2:21", "shop.rules:6:10"]


def test_a_set_is_read_beside_the_rules_and_nowhere_else(folder: Folder) -> None:
    folder.write("shop.rules", 'set near from "near.txt"\n\nrule "near"\n    when store.id in near\n    earn base 1\n')
    folder.write("shop.cases.yaml", "cases:\n- {name: a, facts: {store.id: S1}, awards: {near: 1}}\n")
    assert "shop.rules:1:15: the file of the set cannot be read" in folder.run("check")[2]
    folder.write("near.txt", "S1\n")
    assert folder.run("verify", "--every-rule")[0] == 0
    folder.write("shop.rules", 'set near from "../near.txt"\n')
    assert "a set cannot be read from there" in folder.run("check")[2]


def test_a_layout_that_is_not_canonical_is_told_and_mended(folder: Folder) -> None:
    path = folder.write("shop.rules", RULES.replace("    earn base 10", "  earn   base 10"))
    path.chmod(0o640)
    code, _, told = folder.run("format", "--check")
    assert code == 1
    assert told.splitlines()[0].startswith("shop.rules:3:1: is not in its canonical layout")
    assert "-  earn   base 10" in told.splitlines()
    assert folder.run("format")[:2] == (0, "shop.rules: changed\n")
    assert path.read_text() == RULES
    assert path.stat().st_mode & 0o777 == 0o640
    assert folder.run("format")[:2] == (0, "shop.rules: 1 checks passed\n")
    assert folder.run("format", "--check")[0] == 0


def test_a_rule_that_no_case_shows_is_a_note_or_else_a_mistake(folder: Folder) -> None:
    folder.write("shop.cases.yaml", CASES[: CASES.index("  - name: bread for")])
    assert folder.run("test")[:2] == (0, "shop.rules: 1 checks passed (no case gives points by big order)\n")
    code, _, told = folder.run("test", "--every-rule")
    assert (code, told) == (1, "shop.cases.yaml:1:1: no case gives points by big order\n")
    (folder.path / "shop.cases.yaml").unlink()
    assert folder.run("test")[:2] == (0, "shop.rules: 0 checks passed (there is no shop.cases.yaml)\n")
    assert folder.run("test", "--every-rule")[0] == 1


def test_wrong_use_ends_with_two(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["verify", str(tmp_path / "empty")]) == 2
    assert main(["verify", str(tmp_path / "absent")]) == 2
    assert folder.run("nonsense")[0] == 2
    folder.write("lost.cases.yaml", CASES)
    assert folder.run("verify") == (
        2, "", "pointguard-rules: lost.cases.yaml:1:1: the cases have no rule set beside them: lost.rules\n"
    )  # fmt: skip
    (folder.path / "lost.cases.yaml").unlink()
    folder.write("shop.rule", RULES)
    assert "has the name of" in folder.run("verify")[2]


# The elements and attributes of the schema of Jenkins' xUnit plug-in that may be here, in order; True is required.
SCHEMA = {
    "testsuites": ({"name", "time", "tests", "failures", "errors", "disabled"}, set(), ["testsuite"]),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"},
        {"name"},
        ["properties", "testcase", "system-out", "system-err"],
    ),
    "testcase": (
        {"name", "classname", "time", "assertions", "status"},
        {"name"},
        ["skipped", "error", "failure", "system-out", "system-err"],
    ),
    "failure": ({"message", "type"}, set(), []),
    "system-out": (set(), set(), []),
}


def conforms(element: ET.Element) -> None:
    known, required, children = SCHEMA[element.tag]
    assert required <= set(element.attrib) <= known
    places = [children.index(child.tag) for child in element]
    assert places == sorted(places)
    for number in {"tests", "failures", "errors"} & set(element.attrib):
        assert int(element.attrib[number]) >= 0
    if "time" in element.attrib:
        assert float(element.attrib["time"]) >= 0
    for child in element:
        conforms(child)


def test_the_report_has_the_shape_that_jenkins_reads(folder: Folder, tmp_path: Path) -> None:
    wrong = CASES.replace("{bread: 10, big order: 50}", "{bread: 12}").replace("a loaf", r'"<a> & \x07 \ud800 loaf"')
    folder.write("shop.cases.yaml", wrong)
    folder.write("kiosk.rules", RULES)
    report = tmp_path / "report.xml"
    assert folder.run("verify", "--junit", str(report))[0] == 1
    root = ET.fromstring(report.read_text())  # noqa: S314 - written above
    conforms(root)
    assert root.attrib.items() >= {"tests": "6", "failures": "1", "errors": "0"}.items()
    kiosk, shop = root
    assert [case.attrib["name"] for case in shop][2:] == [
        "<a> & \N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER} loaf",
        "bread for a party",
    ]
    assert kiosk.findtext("system-out") == "there is no kiosk.cases.yaml"
    failure = shop[3][0]
    assert failure.attrib["message"].endswith("bread for a party: differs (- expected, + got)")
    assert "    + big order: 50" in str(failure.text).splitlines()


def test_a_report_that_cannot_be_written_ends_with_two(folder: Folder, tmp_path: Path) -> None:
    code, _, told = folder.run("test", "--junit", str(tmp_path / "absent" / "report.xml"))
    assert code == 2
    assert "No such file or directory" in told


def test_the_command_needs_no_compiler_and_no_server(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys\nfrom pointguard_rules.__main__ import main\n"
        f"code = main(['verify', {str(Path(__file__).parents[3] / 'docs' / 'examples' / 'rules')!r}])\n"
        "print('loaded', *{name.split('.')[0] for name in sys.modules})\nsys.exit(code)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 0, ended.stderr
    loaded = set(ended.stdout.splitlines()[-1].split())
    assert not loaded & {"numba", "llvmlite", "numpy", "sqlalchemy", "structlog"}
