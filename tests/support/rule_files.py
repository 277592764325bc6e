"""The examples of docs/rule-files.md, and how they are run: in order, in one folder, some with a server."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PAGE = (Path(__file__).parents[2] / "docs" / "rule-files.md").read_text()
NOTHING: Mapping[str, str] = {}


class Step(NamedTuple):
    """A script, the lines that it prints among others, and whether it needs a server."""

    script: str
    printed: tuple[str, ...]
    needs_server: bool


STEPS = tuple(
    Step(script, tuple(printed.splitlines()), bool(with_server))
    for with_server, script, printed in re.findall(
        r"<!-- example( with a server)? -->\n```sh\n(.*?)```\n\n```printed\n(.*?)```", PAGE, re.DOTALL
    )
)


def walk(step: Step, folder: Path, settings: Mapping[str, str] = NOTHING) -> list[str]:
    """Do a step in a folder, with a server's settings, and return the lines that it should have printed and has not."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTGUARD_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    ended = subprocess.run(
        ["bash", "-euc", step.script],
        cwd=folder,
        env={**kept, "PATH": path, "COLUMNS": "160", **settings},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    printed = ended.stdout + ended.stderr
    assert ended.returncode == 0, printed
    return [line for line in step.printed if line not in printed]
