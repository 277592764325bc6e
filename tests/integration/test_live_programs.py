"""Taking up a changed file that cannot serve, or not yet: what decided goes on, and nothing holds the server up."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointguard_server.domain.errors import ProgramChanged, StorageUnavailable
from pointguard_server.engine.engine import Engine
from pointguard_server.service.checking_worker import CheckingLimits, CheckingWorker
from pointguard_server.service.line_codes import line_codes
from pointguard_server.service.live_programs import LivePrograms
from pointguard_server.service.program_sources import ProgramFiles
from pointguard_server.service.program_start import ProgramStarter
from pointguard_server.service.rule_compiler import RuleCompiler
from pointguard_server.service.rule_plan import Planner
from pointguard_server.service.serving_program import ServingProgram
from pointguard_server.service.tenants import Tenant
from pointguard_server.storage.configuration_versions import ConfigurationVersions
from pointguard_server.storage.experiments import Experiments
from pointguard_server.storage.rule_versions import RuleVersions
from tests.support.ledger import CONFIG, EARN, TENANT, Ledger, compiled_rules_directory
from tests.support.street import FIVE, Street
from tests.unit.service.test_checking_worker import SLOW

CONFIGURATION = CONFIG.format(
    zone="America/Toronto",
    settings="",
    rate_points=100,
    rate_money=100,
    controls="",
    rules="",
    lots="",
    returns="",
    adjustments="",
)
TWICE = EARN.replace("10", "20")

CONDITION = """
[[fraud_rule]]
name = "own"
context = "REDEMPTION"
when = 'order.points > 5 and store.idd == "401"'
posture = "BLOCK"
duration = "1d"
"""
MISTAKES = {
    "a set whose file is not there": ("earn.rules", 'set s from "none.txt"\nrule "a" when store.id in s earn base 1\n'),
    "what is for fraud rules": ("earn.rules", 'rule "a" earn base order.points\n'),
    "a condition of a fraud rule": ("program.toml", CONFIGURATION + CONDITION),
}


async def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(6_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within a minute")


@pytest.mark.parametrize("failing_job", [1, 2], ids=["what is written", "the swap"])
async def test_a_ledger_that_fails_once_delays_a_change(
    new_ledger: Callable[..., Ledger], tmp_path: Path, failing_job: int
) -> None:
    ledger = new_ledger()
    (tmp_path / "program.toml").write_text(CONFIGURATION)
    (tmp_path / "earn.rules").write_text(EARN)
    files = ProgramFiles(tmp_path / "program.toml", None)
    sources = files.check(files.read())
    jobs = 0

    def run_job(job: Callable[[Any], Any]) -> Any:
        nonlocal jobs
        jobs += 1
        if jobs == failing_job:
            raise StorageUnavailable
        return ledger.store.write(job)

    program = ledger.programs.programs[0]
    tenant = Tenant(
        tenant_id=TENANT, program_id=program.program_id, currency="CAD", money_scale=10_000,
        reservation_ttl_max=0, line_codes=line_codes(sources.rule_set), digest_key=bytes(16),
    )  # fmt: skip
    served: list[Tenant] = []
    engine = Engine(ledger.decider, run_job)
    engine.start()
    versions = RuleVersions()
    planner = Planner(TENANT, program.program_id, ledger.names, versions, Experiments())
    compiler = RuleCompiler(compiled_rules_directory(), "CAD")
    starter = ProgramStarter(
        ledger.store.write, TENANT, program.program_id,
        names=ledger.names, versions=versions, configurations=ConfigurationVersions(), planner=planner,
        compiler=compiler,
    )  # fmt: skip
    start = await starter.start(sources, ledger.clock.now())
    serving = ServingProgram(
        tenant, start,
        engine=engine, decider=ledger.decider, names=ledger.names, configurations=ConfigurationVersions(),
        planner=planner, compiler=compiler, clock=ledger.clock, serve=served.append,
    )  # fmt: skip
    live = LivePrograms(
        files, sources, serving, engine=engine, names=ledger.names, versions=versions,
        configurations=ConfigurationVersions(), clock=ledger.clock,
    )  # fmt: skip
    live.start()
    (tmp_path / "earn.rules").write_text(TWICE)
    live.look_now()
    await wait_until(lambda: live.problem != "")
    assert ledger.decider.programs is ledger.programs
    await wait_until(lambda: not live.stale)
    assert live.problem == ""
    assert live.refused == 0
    assert ledger.decider.programs.programs[0].settings["rule_set_version"] == 2
    if failing_job == 2:
        assert served[1] is tenant, "until it decides, requests are read as before"
    assert len(served) == 2 * failing_job - 1
    await live.stop()
    await engine.stop()


@pytest.mark.parametrize(("file", "content"), MISTAKES.values(), ids=MISTAKES.keys())
async def test_a_mistake_in_a_changed_file_is_told_as_it_would_be_at_a_start(
    ledger: Ledger, tmp_path: Path, file: str, content: str
) -> None:
    street = Street(ledger, tmp_path)
    async with street.open() as shop:
        (tmp_path / file).write_text(content)
        files = ProgramFiles(tmp_path / "program.toml", None)
        with pytest.raises(ValueError, match=file) as at_start:
            files.check(files.read())
        shop.live.start()
        shop.live.look_now()
        await wait_until(lambda: shop.live.refused == 1)
        assert shop.live.problem == str(at_start.value)
        await street.compiler.stop()


async def test_a_changed_file_that_takes_too_long_to_check_is_refused_and_the_next_one_is_taken_up(
    ledger: Ledger, tmp_path: Path
) -> None:
    street = Street(ledger, tmp_path)
    street.compiler.checking = CheckingWorker("CAD", CheckingLimits(seconds=0.3))
    account = ledger.member()
    async with street.open() as shop:
        shop.live.start()
        street.write(SLOW)
        shop.live.look_now()
        await wait_until(lambda: shop.live.refused == 1)
        assert shop.live.problem == f"{tmp_path}/earn.rules: takes more than 0.3 seconds to check"
        assert street.compiler.checking.stopped == {"TIME": 1}
        assert shop.buy(account) == (10, 1)
        street.write(FIVE)
        shop.live.look_now()
        await wait_until(lambda: not shop.live.stale)
        assert shop.buy(account) == (5, 2)
        await street.compiler.stop()


@pytest.mark.parametrize("is_read_anew", [True, False])
async def test_a_batch_that_waits_for_another_servers_change_is_refused_where_a_change_of_how_it_is_read_overtakes_it(
    ledger: Ledger, tmp_path: Path, is_read_anew: bool
) -> None:
    account = ledger.member()
    async with Street(ledger, tmp_path).open() as shop:
        engine, begun, goes_on, held = shop.serving._engine, threading.Event(), threading.Event(), asyncio.Event()
        check = shop.decider._check_program
        # The first one makes the tenant what the configuration says.
        await shop.serving.change(lambda _connection, _moment: None)

        def find_change() -> None:
            shop.decider._check_program = check  # type: ignore[method-assign]
            begun.set()
            goes_on.wait(30)
            raise ProgramChanged

        shop.decider._check_program = find_change  # type: ignore[method-assign]
        engine.on_program_changed = held.set
        answer = engine.submit([ledger.accrue_ask(account, 1_00)], time.monotonic() + 30)
        await asyncio.to_thread(begun.wait)
        stores = ledger.names.stores if is_read_anew else None
        change = asyncio.create_task(shop.serving.change(lambda _connection, _moment: None, stores=stores))
        await wait_until(lambda: len(engine._pending) == 1)
        goes_on.set()
        await change
        assert held.is_set()
        engine.release()
        if is_read_anew:
            with pytest.raises(ProgramChanged):
                await answer
        else:
            assert [verdict.points for verdict in await answer] == [10]


@pytest.mark.long
async def test_a_changed_file_whose_check_is_killed_is_checked_again_by_itself(ledger: Ledger, tmp_path: Path) -> None:
    street = Street(ledger, tmp_path)
    checking = street.compiler.checking
    await checking.check(FIVE, "to have the process started")
    async with street.open() as shop:
        before = checking._taking
        shop.live.start()
        street.write(SLOW)
        shop.live.look_now()
        await wait_until(lambda: checking._taking is not before and checking.process_id is not None)
        assert checking.process_id is not None
        os.kill(checking.process_id, signal.SIGKILL)
        await wait_until(lambda: shop.live.problem.startswith("the program could not be taken up yet"))
        assert shop.live.refused == 0
        street.write(FIVE)
        await wait_until(lambda: not shop.live.stale)
        assert shop.live.problem == ""
        await street.compiler.stop()
