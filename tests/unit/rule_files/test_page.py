"""docs/rule-files.md: what needs no server prints what the page says, and its tables name what there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

from pointguard_rules.cases import CASE_KEYS

PAGE = (Path(__file__).parents[3] / "docs" / "rule-files.md").read_text()
STEPS: list[tuple[str, str]] = re.findall(r"<!-- example -->\n```sh\n(.*?)```\n\n```printed\n(.*?)```", PAGE, re.DOTALL)


def test_every_step_prints_what_the_page_says(tmp_path: Path) -> None:
    assert len(STEPS) == PAGE.count("<!-- example -->") >= 2
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for script, said in STEPS:
        ended = subprocess.run(
            ["bash", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        printed = (ended.stdout + ended.stderr).splitlines()
        assert [line for line in said.splitlines() if line not in printed] == []


def test_the_page_names_every_part_of_a_case() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) >= set(CASE_KEYS) - {"name"}
