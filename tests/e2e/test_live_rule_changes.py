"""Rules that change under a running server: taken up without a restart if they can serve, told of if they cannot."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pointguard_client import (
    Basket,
    BasketLine,
    Decision,
    Identifier,
    InvalidArgument,
    Money,
    Origin,
    PointguardClient,
    new_idempotency_key,
)
from tests.e2e.audit import ledger_copy
from tests.e2e.test_operations import scrape
from tests.support.server import EARN_RULES, PROGRAM, STORES, ServerProcess

WAIT_S = 60.0
"""More than a changed rule set takes to be compiled beside other tests."""
TWICE = 'rule "base"\n    earn base order.total * 20\n'
BROKEN = 'rule "base"\n    when order.totl > 5\n    earn bonis 10\n'
FRAUD_RULE = """
[[fraud_rule]]
name = "burn"
context = "REDEMPTION"
counts = {{ parts = ["REDEEM"], attempts = "ALL" }}
measure = "COUNT"
window = {{ rolling = "{window}" }}
threshold = {threshold}
posture = "BLOCK"
duration = "0s"
"""


@pytest.fixture
def files(plain_server: ServerProcess, tmp_path: Path) -> Path:
    """The folder of the files that ``plain_server`` serves."""
    assert plain_server.running
    return tmp_path / "program"


def replace(path: Path, text: str) -> None:
    """Change a file as a careful writer does: whole, or not at all."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def events(server: ServerProcess, name: str) -> list[dict[str, object]]:
    return [event for event in server.events() if event["event"] == name]


def wait_for(condition: Callable[[], object], server: ServerProcess) -> None:
    give_up = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < give_up, server.log()
        time.sleep(0.05)


def wait_for_events(server: ServerProcess, name: str, count: int) -> None:
    """Wait until the log has that many events of the name, and make sure that it has no more."""
    wait_for(lambda: len(events(server, name)) >= count, server)
    assert len(events(server, name)) == count


def gauges(server: ServerProcess) -> tuple[float, float]:
    """Return how many changes were refused, and whether the files differ from what serves."""
    samples = scrape(server)
    return samples["pointguard_program_refused_total", ()], samples["pointguard_program_stale", ()]


def connect(server: ServerProcess) -> PointguardClient:
    return PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=20)


async def enroll(client: PointguardClient) -> Identifier:
    member = Identifier.loyalty_id(new_idempotency_key())
    await client.enroll_member([member])
    return member


def points_of_a_dollar(server: ServerProcess) -> int:
    async def earn() -> int:
        async with connect(server) as client:
            return (await client.accrue(await enroll(client), Money(1_00, "CAD"))).points

    return asyncio.run(earn())


def test_changed_earn_rules_are_taken_up_under_load_and_no_call_fails(plain_server: ServerProcess, files: Path) -> None:
    process_id = plain_server.process_id
    first = 'rule "a"\n    earn base count(lines, line.sku == "apple")\n'
    # The texts come in another order, so that what they are numbered by changes unless somebody takes care.
    second = (
        'rule "b"\n    earn base 10 * count(lines, line.sku == "pear")\n'
        'rule "a"\n    earn bonus 100 * count(lines, line.sku == "apple")\n'
    )
    basket = Basket("CAD", (BasketLine(1_00, sku="apple"), BasketLine(1_00, sku="pear"), BasketLine(1_00, sku="fig")))
    replace(files / "earn.rules", first)
    wait_for_events(plain_server, "program_taken_up", 1)
    earned: set[int] = set()

    async def till(client: PointguardClient, member: Identifier, ended: asyncio.Event) -> None:
        while not ended.is_set():
            earned.add((await client.accrue(member, basket)).points)

    async def load() -> None:
        ended = asyncio.Event()
        async with connect(plain_server) as client:
            members = [await enroll(client) for _ in range(4)]
            async with asyncio.TaskGroup() as tills:
                for member in members * 4:
                    tills.create_task(till(client, member, ended))
                await asyncio.sleep(0.3)
                replace(files / "earn.rules", second)
                await asyncio.to_thread(wait_for_events, plain_server, "program_taken_up", 2)
                await asyncio.sleep(0.3)
                ended.set()

    asyncio.run(load())
    # Nothing in between: no basket was read by one version and decided by the other.
    assert earned == {1, 110}
    assert (plain_server.process_id, plain_server.running) == (process_id, True)
    with ledger_copy(plain_server.database) as database:
        by_version = dict(
            database.execute("SELECT rule_set_version, sum(points) / count(*) FROM legs WHERE points > 0 GROUP BY 1")
        )
        texts = [row[0] for row in database.execute("SELECT source FROM rule_set_versions ORDER BY version")]
        query = "SELECT version, author FROM rule_set_activations ORDER BY activation"
        activated = [tuple(row) for row in database.execute(query)]
    assert by_version == {2: 1, 3: 110}
    assert texts == [EARN_RULES, first, second]
    assert activated == [(1, "file"), (2, "file"), (3, "file")]
    assert gauges(plain_server) == (0, 0)


def test_broken_rules_leave_the_old_serving_and_are_told_of_until_repaired(
    plain_server: ServerProcess, files: Path
) -> None:
    rules = files / "earn.rules"
    replace(rules, BROKEN)
    wait_for_events(plain_server, "program_refused", 1)
    (refused,) = events(plain_server, "program_refused")
    problems = refused["problems"]
    assert isinstance(problems, list)
    assert [problem.split(";")[0] for problem in problems] == [
        f"{rules}:2:10: unknown field `order.totl`",
        f"{rules}:3:10: unknown part `bonis`",
    ]
    assert points_of_a_dollar(plain_server) == 10
    assert gauges(plain_server) == (1, 1)
    os.utime(rules)
    time.sleep(2.5)
    wait_for_events(plain_server, "program_refused", 1)
    replace(rules, TWICE)
    wait_for_events(plain_server, "program_taken_up", 1)
    assert points_of_a_dollar(plain_server) == 20
    assert gauges(plain_server) == (1, 0)


@pytest.mark.long
def test_a_configuration_with_mistakes_or_another_currency_is_refused(plain_server: ServerProcess, files: Path) -> None:
    replace(files / "program.toml", PROGRAM.replace("points = 1", "points = 0") + "[nonsense]\n")
    wait_for_events(plain_server, "program_refused", 1)
    replace(files / "program.toml", PROGRAM.replace("CAD", "USD").replace("Toronto", "Vancouver"))
    wait_for_events(plain_server, "program_refused", 2)
    assert events(plain_server, "program_refused")[1]["problems"] == [
        "program.currency: cannot change in a running server, which serves 'CAD'",
        "program.time_zone: cannot change in a running server, which serves 'America/Toronto'",
    ]
    assert points_of_a_dollar(plain_server) == 10
    replace(files / "program.toml", PROGRAM)
    wait_for(lambda: gauges(plain_server) == (2, 0), plain_server)
    assert not events(plain_server, "program_taken_up")


def test_a_changed_fraud_rule_counts_what_happened_before_it(plain_server: ServerProcess, files: Path) -> None:
    async def redeem(client: PointguardClient, member: Identifier) -> Decision:
        return (await client.authorise_redemption(member, 1, capture=True)).decision

    async def run() -> None:
        async with connect(plain_server) as client:
            member = await enroll(client)
            await client.accrue(member, Money(100_00, "CAD"))
            for _ in range(5):
                assert await redeem(client, member) is Decision.APPROVED
            replace(files / "program.toml", PROGRAM + FRAUD_RULE.format(window="30d", threshold=6))
            await asyncio.to_thread(wait_for_events, plain_server, "program_taken_up", 1)
            assert await redeem(client, member) is Decision.APPROVED
            assert await redeem(client, member) is Decision.DECLINED
            replace(files / "program.toml", PROGRAM + FRAUD_RULE.format(window="30d", threshold=8))
            await asyncio.to_thread(wait_for_events, plain_server, "program_taken_up", 2)
            assert await redeem(client, member) is Decision.APPROVED
            assert await redeem(client, member) is Decision.DECLINED

    asyncio.run(run())
    with ledger_copy(plain_server.database) as database:
        versions = [row[0] for row in database.execute("SELECT DISTINCT fraud_rules_version FROM legs ORDER BY 1")]
    assert versions == [1, 2, 3]


@pytest.mark.long
def test_sighup_takes_a_change_up_at_once(plain_server: ServerProcess, files: Path) -> None:
    for number in range(3):
        replace(files / "earn.rules", TWICE + f"# {number}\n")
        asked = time.monotonic()
        plain_server.send_signal(signal.SIGHUP)
        wait_for_events(plain_server, "program_taken_up", number + 1)
        assert time.monotonic() - asked < (WAIT_S if number == 0 else 1.0)
    assert points_of_a_dollar(plain_server) == 20


def test_sighup_does_not_end_a_server_that_is_not_ready_yet(plain_server: ServerProcess) -> None:
    assert plain_server.stop() == 0
    plain_server.begin()
    wait_for(lambda: events(plain_server, "starting"), plain_server)
    while not events(plain_server, "ready"):
        assert plain_server.running, plain_server.log()
        plain_server.send_signal(signal.SIGHUP)
        time.sleep(0.05)
    plain_server.await_ready()
    assert points_of_a_dollar(plain_server) == 10
    assert plain_server.complaints() == []


@pytest.mark.long
def test_a_file_that_vanishes_leaves_the_old_serving_until_it_is_back(plain_server: ServerProcess, files: Path) -> None:
    rules = files / "earn.rules"
    rules.unlink()
    wait_for_events(plain_server, "program_refused", 1)
    assert str(rules) in str(events(plain_server, "program_refused")[0]["problems"])
    assert points_of_a_dollar(plain_server) == 10
    rules.write_text(EARN_RULES)
    wait_for(lambda: gauges(plain_server) == (1, 0), plain_server)
    assert not events(plain_server, "program_taken_up")


@pytest.mark.long
def test_a_file_written_in_two_steps_is_taken_up_once_it_is_whole(plain_server: ServerProcess, files: Path) -> None:
    with (files / "earn.rules").open("w") as file:
        file.write(TWICE[:20])
        file.flush()
        plain_server.send_signal(signal.SIGHUP)
        wait_for_events(plain_server, "program_refused", 1)
        file.write(TWICE[20:])
    wait_for_events(plain_server, "program_taken_up", 1)
    assert points_of_a_dollar(plain_server) == 20
    assert gauges(plain_server) == (1, 0)


@pytest.mark.long
def test_another_file_of_earn_rules_may_be_named(plain_server: ServerProcess, files: Path) -> None:
    replace(files / "program.toml", PROGRAM.replace("earn.rules", "summer.rules"))
    wait_for_events(plain_server, "program_refused", 1)
    replace(files / "summer.rules", TWICE)
    wait_for_events(plain_server, "program_taken_up", 1)
    assert points_of_a_dollar(plain_server) == 20


@pytest.mark.long
def test_stores_that_are_added_or_move_are_known_at_once(plain_server: ServerProcess, files: Path) -> None:
    replace(files / "earn.rules", 'rule "quebec"\n    when store.province == "CA-QC"\n    earn base 7\n')
    wait_for_events(plain_server, "program_taken_up", 1)

    async def run() -> None:
        async with connect(plain_server) as client:
            member = await enroll(client)

            async def points(store_id: str) -> int:
                return (await client.accrue(member, Money(1_00, "CAD"), origin=Origin(store_id=store_id))).points

            assert [await points("s1"), await points("s1"), await points("s2")] == [0, 0, 7]
            with pytest.raises(InvalidArgument):
                await points("s3")
            replace(files / "stores.csv", STORES.replace("s1,MAIN,CA,CA-ON", "s1,MAIN,CA,CA-QC") + "s3,MAIN,CA,CA-QC\n")
            await asyncio.to_thread(wait_for_events, plain_server, "program_taken_up", 2)
            assert [await points("s1"), await points("s2"), await points("s3")] == [7, 7, 7]

    asyncio.run(run())
    replace(files / "stores.csv", STORES + "s4,MA")
    wait_for_events(plain_server, "program_refused", 1)
    assert events(plain_server, "program_refused")[0]["problems"] == [f"{files / 'stores.csv'}:4: country: is missing"]
