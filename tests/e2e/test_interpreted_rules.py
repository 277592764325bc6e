"""A server without machine code of its rules: it answers at once, by the interpreter, until the compiler is through.

The cache of compiled rules is empty at each start, and the compiling process is stopped: no compiler is as slow.
"""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointguard_client import Basket, BasketLine, Money, PointguardClient
from pointguard_server.settings import read_settings
from tests.e2e.test_fraud_conditions import RULES as CONDITIONS
from tests.e2e.test_fraud_conditions import redeem
from tests.e2e.test_isolation import RULES, of
from tests.e2e.test_live_rule_changes import connect, enroll, events, wait_for
from tests.e2e.test_operations import scrape
from tests.e2e.test_rule_sets import activate, active, create
from tests.support.processes import InBackground
from tests.support.server import PROGRAM, SANDBOX, ServerProcess, issue_key, server_environment, write_program

pytestmark = pytest.mark.long

MODULE = "pointguard_server.rules.compiling"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data directory, for copies, and its key for everything."""
    folder = tmp_path_factory.mktemp("interpreted")
    options = ("--tenant", "plain", *write_program(folder / "program"))
    return folder / "data", issue_key(folder / "data", *options, "--role", "till", "--role", "manager")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with kernels and without rules."""
    usual, _ = read_settings(SANDBOX, server_environment())
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "kernels").symlink_to(usual.cache_directory / "kernels")
    return tmp_path / "cache"


def serving(folder: Path, data: tuple[Path, str], cache: Path, program: str, rules: str) -> ServerProcess:
    """Return a server that is not started yet."""
    shutil.copytree(data[0], folder / "data")
    options = write_program(folder / "program", program)
    (folder / "program" / "earn.rules").write_text(rules)
    return ServerProcess(folder / "data", ("--tenant", "plain", "--cache-dir", str(cache), *options), api_key=data[1])


def hold_compiler(server: ServerProcess) -> InBackground:
    """Stop the compiling process as soon as there is one."""
    found: list[InBackground] = []

    def is_there() -> bool:
        compiler = InBackground.of(server.process_id, MODULE)
        found.extend([] if compiler is None else [compiler])
        return compiler is not None

    wait_for(is_there, server)
    found[0].hold()
    return found[0]


def interpreted(server: ServerProcess) -> float:
    return scrape(server)["pointguard_rule_sets_interpreted", ()]


def test_a_server_answers_before_its_rules_are_compiled_and_the_same_afterwards(
    data: tuple[Path, str], cache: Path, tmp_path: Path
) -> None:
    program = PROGRAM + CONDITIONS.format(most=2)
    basket = Basket("CAD", (BasketLine(4_00, sku="apple", quantity=3), BasketLine(99_99, sku="pear")))

    async def conditions(server: ServerProcess) -> list[list[str]]:
        async with connect(server) as client:
            member = await enroll(client)
            await client.accrue(member, Money(10_00, "CAD"))
            return [await redeem(client, member) for _ in range(3)]

    async def explained(server: ServerProcess) -> int:
        async with connect(server) as client:
            made = await client.accrue(await enroll(client), basket)
            assert (await client.explain_decision(made.transaction_id)).reproduced
            return made.points

    meanwhile = serving(tmp_path / "meanwhile", data, cache, program, RULES)
    later = serving(tmp_path / "later", data, cache, program, RULES)
    try:
        meanwhile.start()
        compiler = hold_compiler(meanwhile)
        assert interpreted(meanwhile) == 2, "the earn rules and the conditions"
        assert "interpreted until they are compiled: " in meanwhile.get("/readyz")[1]
        answers, redeemed = asyncio.run(of(meanwhile)), asyncio.run(conditions(meanwhile))
        assert redeemed == [[], [], ["gift-cards"]]
        points = asyncio.run(explained(meanwhile))
        assert points > 0
        assert interpreted(meanwhile) == 2, "the compiler is still stopped"

        compiler.let_go()
        wait_for(lambda: interpreted(meanwhile) == 0, meanwhile)
        assert asyncio.run(explained(meanwhile)) == points
        assert asyncio.run(conditions(meanwhile)) == redeemed
        for name in ("rules_interpreted", "rules_compiled"):
            assert len(events(meanwhile, name)) == 2
        assert "interpreted" not in meanwhile.get("/readyz")[1]

        later.start()
        assert events(later, "rules_interpreted") == []
        assert asyncio.run(of(later)) == answers
    finally:
        meanwhile.clean_up()
        later.clean_up()


async def test_a_planned_version_decides_from_its_moment_on_though_the_compiler_is_not_through(
    data: tuple[Path, str], cache: Path, tmp_path: Path
) -> None:
    server = serving(tmp_path / "planned", data, cache, PROGRAM, 'rule "ten" earn base order.total * 10\n')
    try:
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(wait_for, lambda: interpreted(server) == 0, server)
        async with connect(server) as client:
            await planned(client, server)
        assert [event["rules"] for event in events(server, "rules_compiled")][1:] == ["version 2"]
    finally:
        await asyncio.to_thread(server.clean_up)


async def planned(client: PointguardClient, server: ServerProcess) -> None:
    serves = await active(client)
    version, member = await create(client, 'rule "twenty" earn base order.total * 20\n'), await enroll(client)
    due = datetime.now(UTC) + timedelta(seconds=6)
    activating = asyncio.create_task(activate(client, version, serves, effective_at=due))
    compiler = await asyncio.to_thread(hold_compiler, server)
    activation = await activating
    assert activation.effective_at is not None
    assert abs(activation.effective_at - due) < timedelta(milliseconds=1)
    accruals = []
    while datetime.now(UTC) < due + timedelta(seconds=0.2):
        accruals += await asyncio.gather(*(client.accrue(member, Money(1_00, "CAD")) for _ in range(4)))
    for accrual in accruals:
        transaction = await client.get_transaction(accrual.transaction_id)
        assert transaction.accepted_at is not None
        is_after = transaction.accepted_at >= activation.effective_at
        assert (transaction.rule_set_version, transaction.points) == ((version, 20) if is_after else (serves, 10))
    assert {accrual.points for accrual in accruals} == {10, 20}
    assert interpreted(server) == 1
    compiler.let_go()
    await asyncio.to_thread(wait_for, lambda: interpreted(server) == 0, server)
    assert (await client.accrue(member, Money(1_00, "CAD"))).points == 20
