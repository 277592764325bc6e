"""Taking a change up while the ledger cannot be written: nothing has changed, and another try follows."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.engine.engine import Engine
from pointguard_server.service.line_codes import line_codes
from pointguard_server.service.live_programs import LivePrograms
from pointguard_server.service.program_sources import ProgramFiles
from pointguard_server.service.program_start import ProgramStarter
from pointguard_server.service.rule_compiler import RuleCompiler
from pointguard_server.service.rule_plan import Planner
from pointguard_server.service.serving_program import ServingProgram
from pointguard_server.service.tenants import Tenant
from pointguard_server.storage.experiments import Experiments
from pointguard_server.storage.rule_versions import RuleVersions
from tests.support.ledger import CONFIG, EARN, TENANT, Ledger, compiled_rules_directory

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
        names=ledger.names, versions=versions, planner=planner, compiler=compiler,
    )  # fmt: skip
    start = await starter.start(sources, ledger.clock.now())
    serving = ServingProgram(
        tenant, start,
        engine=engine, decider=ledger.decider, names=ledger.names, planner=planner, compiler=compiler,
        clock=ledger.clock, serve=served.append,
    )  # fmt: skip
    live = LivePrograms(
        files, sources, serving, engine=engine, names=ledger.names, versions=versions, clock=ledger.clock
    )
    live.start()
    (tmp_path / "earn.rules").write_text(TWICE)
    live.look_now()
    await wait_until(lambda: live.problem != "")
    assert ledger.decider.programs is ledger.programs
    await wait_until(lambda: not live.stale)
    assert live.problem == ""
    assert live.refused == 0
    assert ledger.decider.programs.programs[0].settings["rule_set_version"] == 2
    assert len(served) == failing_job
    await live.stop()
    await engine.stop()
