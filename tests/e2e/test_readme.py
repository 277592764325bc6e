"""The README's examples do what they show: each block behind an `example` mark is run against a real server."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import ServerProcess

ROOT = Path(__file__).parents[2]
EXAMPLES = dict(
    re.findall(r"<!-- example: ([a-z ]+) -->\n```[a-z]+\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
)


def run(server: ServerProcess, command: list[str]) -> str:
    environment = os.environ | {
        "POINTGUARD_ADDRESS": server.address,
        "POINTGUARD_DATA_DIR": str(server.data_directory),
    }
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def localized(script: str, server: ServerProcess) -> str:
    """Return a shell example for this test's server and environment."""
    return (
        script.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
        .replace("127.0.0.1:50051", server.address)
        .replace(".pointguard/", f"{server.data_directory}/")
    )


@pytest.mark.parametrize(
    ("example", "shown"),
    [("buf", '"decision": "DECISION_APPROVED"'), ("command line", "account")],
)
def test_a_shell_example_of_the_readme_works(shared_server: ServerProcess, example: str, shown: str) -> None:
    printed = run(shared_server, ["bash", "-c", localized(EXAMPLES[example], shared_server)])
    assert shown in printed


def test_the_python_example_of_the_readme_works(shared_server: ServerProcess) -> None:
    assert "Decision" in run(shared_server, [sys.executable, "-c", EXAMPLES["python"]])
