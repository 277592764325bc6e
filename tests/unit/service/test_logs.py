"""The log is JSON and says nothing that a caller could have sent, whatever goes wrong; its events are documented."""

import ast
import asyncio
import io
import json
import logging
import re
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.service import logs

ROOT = Path(__file__).parents[3]
PERSONAL = "alice@example.com"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as it was."""
    handlers = logging.root.handlers[:]
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers


def configured() -> Any:
    """Return a logger that writes to the standard error that the test reads now."""
    logs.configure("info")
    return structlog.get_logger()


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = capsys.readouterr().err.splitlines()
    assert PERSONAL not in "\n".join(lines)
    return [json.loads(line) for line in lines]


def defect() -> Exception:
    """Return an exception that quotes what it met, with the place where it was raised."""
    try:
        int(PERSONAL)
    except ValueError as error:
        return error
    raise AssertionError


def test_an_exception_is_told_by_types_and_places_not_by_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    log = configured()
    outer = RuntimeError(f"cannot book for {PERSONAL}")
    outer.__cause__ = defect()
    log.error("fault", rpc="Accrue", exc_info=outer)
    (event,) = told(capsys)
    assert (event["event"], event["level"], event["rpc"]) == ("fault", "error", "Accrue")
    assert [each["error"] for each in event["exception"]] == ["RuntimeError", "ValueError"]
    assert re.fullmatch(r"service/test_logs\.py:\d+ defect", event["exception"][1]["at"][0])


def test_texts_that_never_quote_a_value_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    log = configured()
    no_room, full = OSError(28, "No space left on device"), sqlite3.OperationalError("disk is full")
    for error in (StorageUnavailable(), no_room, full):
        log.error("fault", exc_info=error)
    texts = [event["exception"][0]["error"] for event in told(capsys)]
    assert texts[0].startswith("StorageUnavailable: the ledger could not be written")
    assert texts[1:] == ["OSError: [Errno 28] No space left on device", "OperationalError: disk is full"]


def test_a_line_of_a_library_is_told_without_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    configured()
    logging.getLogger("some.library").warning("no route to %s", PERSONAL)
    logging.getLogger("some.library").error("failed\n%s", PERSONAL, exc_info=defect())
    logging.getLogger("some.library").info("hello %s", PERSONAL)
    warning, error = told(capsys)
    assert (warning["event"], warning["level"], warning["library"]) == ("library", "warning", "some.library")
    assert (warning["line"], error["line"], error["level"]) == ("no route to %s", "failed", "error")
    assert error["exception"][0]["error"] == "ValueError"


async def test_what_the_event_loop_could_tell_nobody_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail() -> None:
        raise ValueError(PERSONAL)

    configured()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.log_loop_error)
    task = loop.create_task(fail())
    await asyncio.wait((task,))
    del task
    await asyncio.sleep(0)
    (event,) = told(capsys)
    assert event["where"] == "Task exception was never retrieved"
    assert event["exception"][0]["error"] == "ValueError"


def test_lines_are_counted_by_level_and_those_below_it_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    log, before = configured(), logs.lines.copy()
    log.debug("call")
    log.info("ready")
    log.error("fault")
    assert [event["event"] for event in told(capsys)] == ["ready", "fault"]
    assert logs.lines - before == {"info": 1, "error": 1}


def written_events() -> set[tuple[str, str]]:
    """Return the name and level of each event that the server's sources write."""
    levels = {f"log.{level}": level for level in logs.LEVELS} | {"log.exception": "error"}
    events = set()
    for path in (ROOT / "server").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (level := levels.get(ast.unparse(node.func))):
                assert isinstance(node.args[0], ast.Constant), f"{path.name}: an event's name is fixed"
                events.add((str(node.args[0].value), level))
    return events


def test_operators_find_every_event_and_no_other() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page[page.index("## Log") : page.index("## Metrics")]
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", table, re.MULTILINE)
    listed = {(event, level) for event, levels in rows for level in levels.split(", ")}
    listed.remove(("event", "level"))
    assert listed == written_events() | {("library", "warning"), ("library", "error")}


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        full = True

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(28, "no space left on device")
            return super().write(text)

    stream = Full()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("info")
    logs.log.info("lost")
    stream.full = False
    logs.log.info("kept")
    assert '"event": "kept"' in stream.getvalue()
