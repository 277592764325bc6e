"""The process that checks rule sets: what it answers, and what becomes of sources that ask for too much of it."""

import asyncio
import os
import pickle
import signal
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pointguard_server.domain.errors import Overloaded
from pointguard_server.rules.formatter import format_source
from pointguard_server.rules.rule_set import RuleSetError, load_rule_set
from pointguard_server.rules.texts import Texts
from pointguard_server.rules.value_types import CapPeriod
from pointguard_server.service import checking_messages, checking_worker
from pointguard_server.service.checking_messages import Answer, UnexpectedAnswer, decode_answer, encode, length_of
from pointguard_server.service.checking_worker import CheckerLost, CheckingLimits, CheckingWorker, SourceTooCostly
from pointguard_server.service.fraud_conditions import check_conditions
from pointguard_server.service.program_config import ProgramConfigError, load_program_config
from tests.support.server import ROOT
from tests.unit.rules.test_source_limits import HOSTILE
from tests.unit.service.test_program_config import SMALLEST, WHOLE

SOURCE = 'rule "base"   earn base order.total * 10\n'
ORDINARY = "\n".join(
    f'rule "{number}" when order.total > {number} CAD and any(lines, line.sku == "S{number}") earn base order.total'
    for number in range(10)
)
LOTS = '[program.lots]\nexpiry = "FIXED"\nlast_day = "2030-12-31"\n'
LITTLE_MEMORY = CheckingLimits(seconds=60, memory_bytes=40 * 2**20)
SLOW = 'rule "a" earn base ' + " + ".join("1" for _ in range(8_000))
"""Refused, but by the checker proper: it takes a second or so."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker() -> AsyncIterator[CheckingWorker]:
    worker = CheckingWorker("CAD")
    yield worker
    await worker.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def limited(request: pytest.FixtureRequest) -> AsyncIterator[CheckingWorker]:
    worker = CheckingWorker("CAD", request.param)
    yield worker
    await worker.stop()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_rule_set_is_the_one_that_would_be_loaded_here(worker: CheckingWorker) -> None:
    assert await worker.check(SOURCE, "source") == load_rule_set(SOURCE, "source", currency="CAD")
    with_set = 'set ours from "ours.txt" rule "a" when store.id in ours earn base 1'
    files = {"ours.txt": Texts.of(("S1", "S2"))}
    expected = load_rule_set(with_set, "source", currency="CAD", read_set=lambda name: "\n".join(files[name]))
    assert await worker.check(with_set, "source", files) == expected
    assert await worker.formatted(SOURCE, "source") == format_source(SOURCE, "source")


async def test_a_configuration_is_the_one_that_would_be_loaded_here(worker: CheckingWorker) -> None:
    sandbox = (ROOT / "server" / "pointguard_server" / "sandbox" / "program.toml").read_text()
    templates = (ROOT / "docs" / "examples" / "fraud" / "templates.toml").read_text()
    for text in (sandbox, f"{WHOLE}{LOTS}", f"{SMALLEST}{templates}"):
        config, conditions = await worker.configuration(text, "program")
        assert config == load_program_config(text, "program")
        assert conditions == check_conditions(config, "program")
    for wrong in (WHOLE + "[more]\n", WHOLE + "more\n", "a." * 30_000):
        with pytest.raises(ProgramConfigError) as here:
            load_program_config(wrong, "program")
        with pytest.raises(ProgramConfigError) as there:
            await worker.configuration(wrong, "program")
        assert there.value.problems == here.value.problems


async def test_mistakes_are_told_as_they_would_be_here(worker: CheckingWorker) -> None:
    for source in (
        'rule "a" earn bonis order.totl',
        'rule "a" earn base order.total + 5',
        'rule "a" earn base 1 pending x',
    ):
        with pytest.raises(RuleSetError) as there:
            await worker.check(source, "source")
        with pytest.raises(RuleSetError) as here:
            load_rule_set(source, "source", currency="CAD")
        assert (there.value.problems, str(there.value)) == (here.value.problems, str(here.value))


async def test_files_are_the_programs_own_alone(worker: CheckingWorker) -> None:
    with pytest.raises(RuleSetError, match="not among the files that came with the rules"):
        await worker.check('set a from "passwd" rule "a" when store.id in a earn base 1', "source")


async def test_sources_that_come_together_are_answered_each_with_its_own(worker: CheckingWorker) -> None:
    sources = [f'rule "{number}" earn base {number}' for number in range(10)]
    checked = await asyncio.gather(*(worker.check(source, "source") for source in sources))
    assert [rule_set.source for rule_set in checked] == sources


async def test_an_ordinary_source_takes_milliseconds(worker: CheckingWorker) -> None:
    await worker.check(ORDINARY, "source")
    took_s = []
    for _ in range(7):
        started = time.perf_counter()
        await worker.check(ORDINARY, "source")
        took_s.append(time.perf_counter() - started)
    # 25 ms of an idle processor, of which the parser has nearly all; others have it too where tests run.
    assert min(took_s) < 1.0


async def test_hostile_sources_are_refused_at_once(worker: CheckingWorker) -> None:
    """The promise is 50 ms, of a processor that does nothing else: here each may take twenty times that."""
    took_s = []
    for name, source in HOSTILE.items():
        attempts = []
        for _ in range(3):
            started = time.perf_counter()
            with pytest.raises(RuleSetError):
                await worker.check(source, "source")
            attempts.append(time.perf_counter() - started)
        assert min(attempts) < 1.0, name
        took_s.append(min(attempts))
    assert statistics.median(took_s) < 0.05


@pytest.mark.parametrize("limited", [CheckingLimits(seconds=0.05)], indirect=True, ids=["fifty-milliseconds"])
async def test_a_source_that_takes_too_long_ends_the_process_and_the_next_one_is_served(
    limited: CheckingWorker,
) -> None:
    with pytest.raises(SourceTooCostly, match=r"takes more than 0\.05 seconds to check"):
        await limited.check(SLOW, "source")
    assert limited.process_id is None
    with pytest.raises(RuleSetError, match="at most 65536 bytes"):
        await limited.check("#" * 70_000, "source")
    assert limited.stopped == {"TIME": 1}


@pytest.mark.parametrize(
    "limited", [CheckingLimits(seconds=60, memory_bytes=40 * 2**20)], indirect=True, ids=["little-memory"]
)
async def test_a_source_that_takes_too_much_memory_ends_the_process_and_the_next_one_is_served(
    limited: CheckingWorker,
) -> None:
    with pytest.raises(SourceTooCostly, match="takes more than 40 MiB of memory to check"):
        await limited.check(SLOW, "source")
    with pytest.raises(RuleSetError, match="at most 65536 bytes"):
        await limited.check("#" * 70_000, "source")
    assert limited.stopped == {"MEMORY": 1}


async def test_a_process_that_is_killed_during_a_call_is_told_of_and_the_next_call_is_served(
    worker: CheckingWorker,
) -> None:
    await worker.check(SOURCE, "source")
    process_id = worker.process_id
    assert process_id is not None
    slow = asyncio.create_task(worker.check(SLOW, "source"))
    waiting = asyncio.create_task(worker.check(SOURCE, "source"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    os.kill(process_id, signal.SIGKILL)
    with pytest.raises(CheckerLost, match="ended with status -9"):
        await slow
    assert (await waiting).rules[0].name == "base"
    assert worker.process_id not in (None, process_id)


async def test_a_process_that_is_killed_between_two_calls_costs_no_call(worker: CheckingWorker) -> None:
    await worker.check(SOURCE, "source")
    process = worker._process
    assert process is not None
    process.kill()
    await process.wait()
    assert (await worker.check(SOURCE, "source")).rules[0].name == "base"


async def test_whoever_gives_up_does_not_disturb_the_next(worker: CheckingWorker) -> None:
    for _ in range(3):
        given_up = asyncio.create_task(worker.check(ORDINARY, "source"))
        await asyncio.sleep(0.002)
        given_up.cancel()
        assert (await worker.check(SOURCE, "source")).rules[0].name == "base"


@pytest.mark.parametrize("limited", [CheckingLimits(waiting=2)], indirect=True, ids=["two-may-wait"])
async def test_more_sources_than_may_wait_are_refused_at_once(limited: CheckingWorker) -> None:
    asked = [asyncio.create_task(limited.check(SOURCE, "source")) for _ in range(5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert len(refused) in (2, 3), "one may be under way and two wait"
    assert (await limited.check(SOURCE, "source")).rules[0].name == "base"


async def test_a_process_takes_so_many_sources_and_no_more(
    worker: CheckingWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.check(SOURCE, "source")
    before = worker.process_id
    monkeypatch.setattr(checking_worker, "_SOURCES_A_PROCESS", 1)
    await worker.check(SOURCE, "source")
    assert worker.process_id != before


async def test_a_worker_that_was_stopped_checks_nothing() -> None:
    worker = CheckingWorker("CAD")
    await worker.stop()
    with pytest.raises(CheckerLost, match="shutting down"):
        await worker.check(SOURCE, "source")


class _Evil:
    def __reduce__(self) -> Any:
        return os.system, ("echo never",)


class _Attribute:
    def __init__(self, of: object, name: str) -> None:
        self._of, self._name = of, name

    def __reduce__(self) -> Any:
        return getattr, (self._of, self._name)


async def test_a_member_of_an_enum_is_read_as_older_pythons_write_it_and_no_other_attribute() -> None:
    answer = decode_answer(pickle.dumps(Answer(_Attribute(CapPeriod, "DAY"))))  # type: ignore[arg-type]
    assert answer == Answer(CapPeriod.DAY)  # type: ignore[arg-type]
    for of, name in ((CapPeriod, "mro"), (Answer, "__init__"), ("text", "format")):
        with pytest.raises(UnexpectedAnswer):
            decode_answer(pickle.dumps(_Attribute(of, name)))


async def test_an_answer_holds_what_the_language_is_made_of_and_nothing_else() -> None:
    whole = Answer(load_rule_set(SOURCE, "source"))
    assert decode_answer(encode(whole)[checking_messages.LENGTH_BYTES :]) == whole
    for body in (pickle.dumps(_Evil()), pickle.dumps([1]), b"", b"\x80\x05nonsense", pickle.dumps(Path())):
        with pytest.raises(UnexpectedAnswer):
            decode_answer(body)
    with pytest.raises(UnexpectedAnswer, match="an answer of"):
        length_of(b"\xff" * checking_messages.LENGTH_BYTES)
