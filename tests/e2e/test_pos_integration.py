"""The tills of docs/pos-integration.md, in Python and in TypeScript: they run as they stand, and lose answers."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from pointguard_client import Identifier, Money, PointguardClient
from pointguard_client.conformance.relay import _frames
from tests.support.server import ROOT, ServerProcess
from tests.support.tools import tool

PAGE = (ROOT / "docs" / "pos-integration.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- example: ([a-z]+) -->\n```[a-z]+\n(.*?)```", PAGE, re.DOTALL))
SAYS = ["100 points take 100 cents off", "spent 100 points", "earned 90 points"]
ANSWERS = {"hold": 2, "capture": 3, "purchase": 4}
"""Which answer of a connection each is; the first is the quote's."""
PREFACE = 24


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, compiled, in a folder of its own with what it needs."""
    node, npm = tool("node", "nodejs"), tool("npm", "npm")
    folder = tmp_path_factory.mktemp("typescript")
    for path in (ROOT / "docs" / "examples" / "till").iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    (folder / "till.ts").write_text(EXAMPLES["typescript"])
    installed = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    if installed.returncode != 0 and not os.environ.get("CI"):
        pytest.skip(f"npm could not install what the example needs: {installed.stderr[-500:]}")
    assert installed.returncode == 0, installed.stderr
    compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
    compiled = subprocess.run([node, compiler, "-p", folder], capture_output=True, text=True, timeout=100, check=False)
    assert compiled.returncode == 0, compiled.stdout
    return folder / "till.js"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as a file."""
    path = tmp_path_factory.mktemp("python") / "till.py"
    path.write_text(EXAMPLES["python"])
    return path


@pytest.fixture(params=["python", "typescript"])
def till(request: pytest.FixtureRequest) -> list[str]:
    """The command that runs one of the tills."""
    path: Path = request.getfixturevalue(request.param)
    return [sys.executable if request.param == "python" else tool("node", "nodejs"), str(path)]


async def sell(till: list[str], folder: Path, address: str, server: ServerProcess, member: str) -> list[str]:
    """Run a till for a receipt of the member's name, and return the lines that it printed."""
    settings = {"POINTGUARD_ADDRESS": address, "POINTGUARD_API_KEY": server.api_key, "PROTOS": str(ROOT / "protos")}
    process = await asyncio.create_subprocess_exec(
        *till, member, member, cwd=folder, env=os.environ | settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, complaints = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, complaints.decode()
    return printed.decode().splitlines()


@asynccontextmanager
async def losing(answer: int, server: ServerProcess) -> AsyncIterator[str]:
    """A way to a server on which the first connection breaks before an answer, counted from 1, has come to its end."""
    broken: list[bool] = []
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target_reader, target_writer = await asyncio.open_connection("127.0.0.1", server.grpc_port)

        async def to_target() -> None:
            while data := await reader.read(65_536):
                target_writer.write(data)

        forth = asyncio.create_task(to_target())
        answers = 0
        try:
            async for frame in _frames(target_reader):
                answers += frame.ends
                if not broken and answers == answer:
                    broken.append(True)
                    return
                writer.write(frame.content)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            forth.cancel()
            target_writer.transport.abort()
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        assert broken, "no answer was lost"
    finally:
        listening.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def enroll(client: PointguardClient) -> tuple[str, int]:
    """Enroll a member with points, and return the loyalty id and how many there are."""
    member = f"till-{uuid4().hex[:12]}"
    await client.enroll_member([Identifier.loyalty_id(member)])
    return member, (await client.accrue(Identifier.loyalty_id(member), Money(250_00, "CAD"))).balance.posted


def test_every_example_of_the_page_is_run() -> None:
    assert EXAMPLES.keys() == {"python", "typescript"}
    assert PAGE.count("```python") + PAGE.count("```ts") == len(EXAMPLES)


@pytest.mark.long
async def test_a_till_sells_once_however_often_it_is_started(
    till: list[str], shared_server: ServerProcess, client: PointguardClient, tmp_path: Path
) -> None:
    member, before = await enroll(client)
    first = await sell(till, tmp_path, shared_server.address, shared_server, member)
    assert [line.split(",")[0] for line in first] == SAYS
    assert await sell(till, tmp_path, shared_server.address, shared_server, member) == first
    assert (await client.get_balance(Identifier.loyalty_id(member))).balance.posted == before - 100 + 90


@pytest.mark.long
async def test_a_till_that_loses_an_answer_sells_once(
    till: list[str], shared_server: ServerProcess, client: PointguardClient, tmp_path: Path
) -> None:
    for what, answer in ANSWERS.items():
        member, before = await enroll(client)
        (tmp_path / what).mkdir()
        async with losing(answer, shared_server) as address:
            printed = await sell(till, tmp_path / what, address, shared_server, member)
        assert [line.split(",")[0] for line in printed if "asking again" not in line] == SAYS
        balance = (await client.get_balance(Identifier.loyalty_id(member))).balance
        assert (balance.posted, balance.reserved) == (before - 100 + 90, 0)
