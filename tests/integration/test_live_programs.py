"""Taking a change up while the ledger cannot be written: nothing has changed, and another try follows."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.engine.engine import Engine
from pointguard_server.service.live_programs import LivePrograms
from pointguard_server.service.program_sources import ProgramFiles
from pointguard_server.service.programs import line_codes
from pointguard_server.service.tenants import Tenant
from tests.support.ledger import CONFIG, EARN, TENANT, Ledger, compiled_rules_directory

CONFIGURATION = CONFIG.format(
    zone="America/Toronto", settings="", rate_points=100, rate_money=100, controls="", rules=""
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
    live = LivePrograms(
        files, sources, tenant, compiled_rules_directory(),
        engine=engine, decider=ledger.decider, names=ledger.names, clock=ledger.clock, serve=served.append,
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
    assert len(served) == failing_job
    await live.stop()
    await engine.stop()
