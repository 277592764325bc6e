"""The process that checks sources, seen from outside: it may be killed, and no source holds the till up."""

import os
import signal
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.raw_calls import RPCS, Answer, RawCalls
from tests.e2e.test_operations import scrape
from tests.support.server import ServerProcess

VALIDATE = RPCS["ValidateRuleSet"]
SOUND = 'rule "a"\n    earn base order.total * 10\n'
SLOW = 'rule "a" earn base ' + " + ".join("1" for _ in range(8_000))
"""Refused for being too long a chain, but not before a second or so."""


def checking_processes(server: ServerProcess) -> list[int]:
    """The numbers of the server's child processes that check sources."""
    found = []
    for children in Path(f"/proc/{server.process_id}/task").glob("*/children"):
        for child in children.read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_bytes()
            if b"checking_process" in command:
                found.append(int(child))
    return found


def validate(raw: RawCalls, source: str) -> Answer:
    return raw.call("ValidateRuleSet", VALIDATE.request(source=source))


@pytest.fixture
def slow_check(raw: RawCalls) -> Iterator[Future[Answer]]:
    """A check that is under way."""
    assert validate(raw, SOUND).code == "OK"
    with ThreadPoolExecutor(1) as caller:
        yield caller.submit(validate, raw, SLOW)


def lost(server: ServerProcess) -> float:
    return scrape(server)["pointguard_rule_checks_stopped_total", (("why", "LOST"),)]


def test_a_check_whose_process_is_killed_is_unavailable_and_the_next_one_is_served(
    shared_server: ServerProcess, raw: RawCalls, slow_check: Future[Answer]
) -> None:
    before = lost(shared_server)
    (process_id,) = checking_processes(shared_server)
    wait_until_busy(process_id)
    os.kill(process_id, signal.SIGKILL)
    next_answer = validate(raw, f"{SOUND}# another, since the server remembers the last ones")
    answer = slow_check.result()
    assert (answer.code, answer.reason) == ("UNAVAILABLE", "RULES_NOT_CHECKED")
    assert "the process that checks rule sets ended" in answer.text
    assert (next_answer.code, list(next_answer.message.problems)) == ("OK", [])
    assert process_id not in checking_processes(shared_server)
    assert lost(shared_server) == before + 1


def wait_until_busy(process_id: int) -> None:
    """Return once a process has the processor."""
    give_up = time.monotonic() + 10
    while Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "R":
        assert time.monotonic() < give_up


def test_a_source_that_takes_long_to_check_does_not_hold_up_the_till(raw: RawCalls, slow_check: Future[Answer]) -> None:
    took_s: list[float] = []
    while not slow_check.done() and len(took_s) < 200:
        started = time.perf_counter()
        assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK"
        took_s.append(time.perf_counter() - started)
    assert len(took_s) > 5, "the check was over at once"
    assert statistics.median(took_s) < 0.1
