"""Earn rules in a sandbox: the servers of both back ends answer alike, and without fuel nothing is earned."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from pointguard_client import (
    Accrual,
    Basket,
    BasketLine,
    Decision,
    Identifier,
    Money,
    PointguardClient,
    ReasonCode,
    new_idempotency_key,
)
from pointguard_client.requests import Accrue
from tests.e2e.test_live_rule_changes import connect, enroll, replace, wait_for
from tests.e2e.test_operations import scrape
from tests.support.server import PROGRAM, ServerProcess, write_program

RULES = """
set fresh = ("apple", "pear", "plum", "fig", "date", "lime", "kiwi", "leek", "kale", "beet")
let net = sum(lines where line.sku != "card", line.amount)
let share = line.amount / line.quantity
rule "base"
    earn base net * 1.25 round half_even
    cap 400 per transaction
rule "per unit"
    when net / count(lines) > 3
    earn bonus sum(lines, floor(share / 0.07 CAD))
rule "fresh"
    best of "week"
    when count(lines, line.sku in fresh) >= 2
    earn bonus 30
rule "many"
    best of "week"
    when count(purchases, 7 days) >= 3
    earn bonus 10 * count(purchases, 7 days)
rule "clearance"
    exclusive
    priority 5
    when any(lines, line.sku == "clearance")
    earn base 1
rule "double"
    when order.total in (4, 8, 12.50, 100)
    multiply base by 2
"""
SKUS = ("apple", "pear", "plum", "card", "clearance", "rice", "")
COMPILED = 'rules = "earn.rules"'
ISOLATED = f'{COMPILED}\nisolation = "WASM"'
STARVED = f"{ISOLATED}\nfuel = 60"


@pytest.fixture(scope="module")
def servers(
    plain_data: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ServerProcess]]:
    """A server of each back end for the same program, and one whose sandbox has next to no fuel."""
    directory, api_key = plain_data
    started: dict[str, ServerProcess] = {}
    try:
        for name, earn in {"compiled": COMPILED, "isolated": ISOLATED, "starved": STARVED}.items():
            folder = tmp_path_factory.mktemp(name)
            shutil.copytree(directory, folder / "data")
            options = write_program(folder / "program", PROGRAM.replace(COMPILED, earn))
            (folder / "program" / "earn.rules").write_text(RULES)
            server = started[name] = ServerProcess(folder / "data", ("--tenant", "plain", *options), api_key=api_key)
            server.begin()
        for server in started.values():
            server.await_ready()
        yield started
    finally:
        for server in started.values():
            server.clean_up()


def random_basket(source: Random) -> Basket:
    lines = [
        BasketLine(source.choice((1_00, 4_00, 12_34, 99_999)), sku=source.choice(SKUS), quantity=source.randint(0, 3))
        for _ in range(source.randint(1, 6))
    ]
    return Basket("CAD", tuple(lines))


async def earned(client: PointguardClient) -> list[object]:
    """What the same purchases earn on a server, in the order in which they are made."""
    source = Random(4)
    members = [Identifier.loyalty_id(f"member-{number}") for number in range(5)]
    for member in members:
        await client.enroll_member([member])
    answers: list[object] = []
    for _ in range(4):
        batch = [
            Accrue(source.choice(members), random_basket(source), idempotency_key=new_idempotency_key())
            for _ in range(60)
        ]
        answers += map(outcome, await client.process_batch(batch))
    return answers


def outcome(answer: object) -> object:
    assert isinstance(answer, Accrual)
    return answer.decision, answer.reasons, answer.points, answer.awards, answer.balance


async def of(server: ServerProcess) -> list[object]:
    async with connect(server) as client:
        return await earned(client)


@pytest.mark.long
def test_a_sandboxed_program_answers_as_a_compiled_one_does(servers: dict[str, ServerProcess]) -> None:
    compiled, isolated = (asyncio.run(of(servers[name])) for name in ("compiled", "isolated"))
    assert isolated == compiled
    decisions = [answer[0] for answer in compiled]  # type: ignore[index]
    assert decisions.count(Decision.APPROVED) > 50
    assert decisions.count(Decision.DECLINED) > 10, "no arithmetic failed, so failures were not compared"
    assert stopped(servers["isolated"]) == (0, 0)


def stopped(server: ServerProcess) -> tuple[float, float]:
    samples = scrape(server)
    name = "pointguard_earn_rules_stopped_total"
    return samples[name, (("why", "OUT_OF_FUEL"),)], samples[name, (("why", "TRAPPED"),)]


@pytest.mark.long
async def test_a_sandbox_that_runs_out_of_fuel_earns_nothing_and_the_next_call_is_served(
    servers: dict[str, ServerProcess],
) -> None:
    before = stopped(servers["starved"])
    async with connect(servers["starved"]) as client:
        member = await enroll(client)
        for count in (1, 2):
            answer = await client.accrue(member, Money(4_00, "CAD"))
            assert answer.decision is Decision.DECLINED
            assert [reason.code for reason in answer.reasons] == [ReasonCode.RULES_STOPPED]
            assert (answer.points, answer.balance.posted) == (0, 0)
            assert stopped(servers["starved"]) == (before[0] + count, before[1])


@pytest.mark.long
def test_isolation_cannot_change_in_a_running_server(servers: dict[str, ServerProcess]) -> None:
    server = servers["isolated"]
    (_, program, *_) = server.options[server.options.index("--program") :]
    replace(Path(program), PROGRAM)

    def refused() -> bool:
        return any("program.earn.isolation: cannot change" in str(event) for event in server.events())

    wait_for(refused, server)
