"""The examples of docs/client.md run as they stand, each in a process of its own."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.support.server import ROOT, ServerProcess

PAGE = (ROOT / "docs" / "client.md").read_text()
EXAMPLES = {
    name: (language, text)
    for name, language, text in re.findall(r"<!-- example: ([a-z]+) -->\n```([a-z]+)\n(.*?)```", PAGE, re.DOTALL)
}
PRINTED = {
    "asynchronous": "spent 10 points",
    "synchronous": "may spend",
    "batch": "refused: ProcessBatch: NOT_FOUND",
    "columns": "APPROVED",
    "stream": "points by 5000 requests",
    "rules": "would earn 25 by two points a dollar",
    "errors": "not found, logged as",
    "retries": "AccountBalance(account_id=",
    "hedging": "\n",
    "connection": "UNSPECIFIED",
    "load": "requests a second",
}


async def run(language: str, text: str, directory: Path, **settings: str) -> str:
    """Run an example in a directory, and return what it printed."""
    shell = text.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    command = [sys.executable, "-c", text] if language == "python" else ["bash", "-ec", shell]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POINTGUARD_")}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env=environment | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return printed.decode()


def settings_of(server: ServerProcess) -> dict[str, str]:
    """Return what makes the clients find a server."""
    return {"POINTGUARD_ADDRESS": server.address, "POINTGUARD_DATA_DIR": str(server.data_directory)}


def test_every_example_of_the_page_is_run() -> None:
    assert EXAMPLES.keys() == PRINTED.keys()
    assert PAGE.count("```python") + PAGE.count("```sh") == len(EXAMPLES)


@pytest.mark.parametrize("name", sorted(PRINTED.keys() - {"load"}))
async def test_an_example_does_what_it_says(shared_server: ServerProcess, tmp_path: Path, name: str) -> None:
    assert PRINTED[name] in await run(*EXAMPLES[name], tmp_path, **settings_of(shared_server))


@pytest.mark.long
async def test_the_example_of_a_load_shows_two_runs(own_server: ServerProcess, tmp_path: Path) -> None:
    assert PRINTED["load"] in await run(*EXAMPLES["load"], tmp_path, **settings_of(own_server))
