"""Two servers of one database: each knows at once what the other one has decided and changed, whoever is killed."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pointguard.v1 import common_pb2
from pointguard_client import (
    Basket,
    BasketLine,
    Decision,
    ExperimentArm,
    ExperimentMetric,
    Identifier,
    Intervention,
    InterventionReason,
    Money,
    NotFound,
    Origin,
    PointguardClient,
    RuleChange,
    RuleChangeReason,
    StopSubject,
    new_idempotency_key,
)
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.e2e.test_live_rule_changes import wait_for, wait_for_events
from tests.e2e.workload import Workload
from tests.support.postgres import PostgresCluster, running_postgres
from tests.support.server import PROGRAM, STORES, ServerProcess, issue_key, write_program
from tests.torture.checker import Checker, read_ledger
from tests.torture.history import read_history
from tests.torture.stage import TERMS, program_options

CHANGE = RuleChange("staff 12", RuleChangeReason.TRIAL, "spring")
WAVE = Intervention("analyst 7", InterventionReason.SUSPECTED_FRAUD, "a wave of burns")
DOLLAR = Money(1_00, "CAD")
HERE = Origin(store_id="s1")
ROLES = ("--role", "till", "--role", "manager", "--role", "fraud", "--role", "agent")


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    """A PostgreSQL of this file's own."""
    with running_postgres() as running:
        yield running


def open_servers(stack: ExitStack, folder: Path, url: str, options: tuple[str, ...], count: int) -> list[ServerProcess]:
    """Return servers of one database, which are not started yet: each has a data directory with the same key ring."""
    options = (*options, "--database", url)
    key = issue_key(folder / "server0", *options, *ROLES)
    servers = []
    for number in range(count):
        directory = folder / f"server{number}"
        if number:
            directory.mkdir(mode=0o700)
            shutil.copy(folder / "server0" / "keyring.json", directory)
        servers.append(ServerProcess(directory, options, api_key=key))
        stack.callback(servers[-1].clean_up)
    return servers


@pytest.fixture(scope="module")
def servers(cluster: PostgresCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ServerProcess]]:
    """Two servers that run."""
    folder = tmp_path_factory.mktemp("many")
    options = ("--tenant", "plain", *write_program(folder / "program"))
    with ExitStack() as stack:
        opened = open_servers(stack, folder, cluster.empty_database(), options, 2)
        for server in opened:
            server.begin()
        for server in opened:
            server.await_ready()
        yield opened


def client_of(server: ServerProcess) -> PointguardClient:
    return PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=20)


@pytest.fixture
async def first(servers: list[ServerProcess]) -> AsyncIterator[PointguardClient]:
    async with client_of(servers[0]) as client:
        yield client


@pytest.fixture
async def second(servers: list[ServerProcess]) -> AsyncIterator[PointguardClient]:
    async with client_of(servers[1]) as client:
        yield client


async def enroll(client: PointguardClient, dollars: int = 100) -> Identifier:
    member = Identifier.loyalty_id(new_idempotency_key())
    await client.enroll_member([member])
    await client.accrue(member, Money(dollars * 100, "CAD"), origin=HERE)
    return member


def ask_once(server: ServerProcess, rpc: str, member: Identifier, **fields: Any) -> tuple[str, Any]:
    """Make one call, of which nothing is tried again; return its status and its answer."""
    with RawCalls(server) as raw:
        request = RPCS[rpc].request(member=common_pb2.MemberReference(loyalty_id=str(member.value)), **fields)
        found = raw.call(rpc, request)
        return found.code, found.message


async def test_a_server_knows_what_the_other_one_has_decided(
    servers: list[ServerProcess], first: PointguardClient, second: PointguardClient
) -> None:
    member = await enroll(first)
    assert (await second.get_balance(member)).balance.posted == 1_000
    earned = await second.accrue(member, DOLLAR, idempotency_key=(key := new_idempotency_key()))
    assert await first.accrue(member, DOLLAR, idempotency_key=key) == earned
    reserved = await first.authorise_redemption(member, 600)
    assert (await second.authorise_redemption(member, 600)).decision is Decision.DECLINED
    captured = await second.capture_redemption(reserved.transaction_id, points=500)
    assert captured.points == 500
    assert (await first.get_balance(member)).balance.posted == 510
    assert (await first.explain_decision(captured.transaction_id)).reproduced
    await first.set_redemption_lock(member, locked=True)
    code, answer = ask_once(servers[1], "AuthoriseRedemption", member, points=1)
    assert (code, answer.decision) == ("OK", common_pb2.DECISION_DECLINED)
    await second.set_redemption_lock(member, locked=False)
    assert (await first.authorise_redemption(member, 1)).decision is Decision.APPROVED


async def test_a_card_that_was_replaced_at_one_server_finds_nobody_at_the_other(
    servers: list[ServerProcess], first: PointguardClient, second: PointguardClient
) -> None:
    member, old, new = await enroll(first), Identifier.card("4000000000000001"), Identifier.card("4000000000000002")
    await first.link_identifier(member, old)
    for client in (first, second):
        assert (await client.accrue(old, DOLLAR)).points == 10
    await first.replace_card(old, new)
    with pytest.raises(NotFound):
        await second.accrue(old, DOLLAR)
    assert (await second.accrue(new, DOLLAR)).points == 10


async def test_a_key_that_is_sent_to_both_at_once_has_one_answer(
    first: PointguardClient, second: PointguardClient
) -> None:
    member = await enroll(first)
    keys = [new_idempotency_key() for _ in range(40)]
    answers = await asyncio.gather(
        *(client.accrue(member, DOLLAR, idempotency_key=key) for key in keys for client in (first, second, first))
    )
    assert len({answer.transaction_id for answer in answers}) == len(keys)
    assert (await second.get_balance(member)).balance.posted == 1_000 + 10 * len(keys)


async def test_points_that_both_are_asked_for_at_once_are_spent_once(
    first: PointguardClient, second: PointguardClient
) -> None:
    member = await enroll(first)
    answers = await asyncio.gather(
        *(client.authorise_redemption(member, 90) for _ in range(30) for client in (first, second))
    )
    assert sum(answer.decision is Decision.APPROVED for answer in answers) == 11
    assert (await second.get_balance(member)).balance.available == 10


# --------------------------------------------------------------------------------------------- what decides is changed


async def test_a_stop_at_one_server_declines_the_next_redemption_at_the_other_and_so_does_its_release(
    servers: list[ServerProcess], first: PointguardClient, second: PointguardClient
) -> None:
    member = await enroll(first)
    for _ in range(2):
        stop = await first.fraud.stop_redemptions(StopSubject.program(), WAVE)
        code, answer = ask_once(servers[1], "AuthoriseRedemption", member, points=1)
        assert (code, answer.reasons[0].code) == ("OK", common_pb2.REASON_CODE_REDEMPTIONS_STOPPED)
        await second.fraud.release_redemptions(stop.stop_id, WAVE)
        code, answer = ask_once(servers[0], "AuthoriseRedemption", member, points=1)
        assert (code, answer.decision) == ("OK", common_pb2.DECISION_APPROVED)
    assert not (await first.fraud.list_redemption_stops()).stops


async def test_earn_rules_that_are_activated_at_one_server_decide_the_next_purchase_at_the_other(
    servers: list[ServerProcess], first: PointguardClient, second: PointguardClient
) -> None:
    member = await enroll(first)
    made = await first.rules.create_version('rule "base"\n    earn base 7\n', CHANGE)
    for _ in range(2):
        await first.rules.activate_version(made.version, CHANGE, expected_active_version=1)
        code, answer = ask_once(servers[1], "Accrue", member)
        assert (code, answer.points) == ("OK", 7)
        assert (await second.get_transaction(answer.transaction_id)).rule_set_version == made.version
        await second.rules.roll_back(1, CHANGE, expected_active_version=made.version)
        code, answer = ask_once(servers[0], "Accrue", member)
        assert (code, answer.points) == ("OK", 10)


async def test_rules_that_speak_of_texts_nobody_knew_read_baskets_anew_at_the_other_server(
    first: PointguardClient, second: PointguardClient
) -> None:
    member, basket = await enroll(first), Basket("CAD", (BasketLine(sku="plum", amount_minor_units=1_00),))
    assert (await second.accrue(member, basket)).points == 10
    source = 'rule "plums"\n    when any(lines, line.sku == "plum")\n    earn base 5\n'
    made = await first.rules.create_version(source, CHANGE)
    await first.rules.activate_version(made.version, CHANGE, expected_active_version=1)
    # Baskets that were read before are refused, and the client sends them again.
    found = await asyncio.gather(*(second.accrue(member, basket) for _ in range(20)))
    assert {accrual.points for accrual in found} == {5}
    await second.rules.roll_back(1, CHANGE, expected_active_version=made.version)
    assert (await first.accrue(member, basket)).points == 10


async def test_a_configuration_and_an_experiment_of_one_server_decide_at_the_other(
    servers: list[ServerProcess], first: PointguardClient, second: PointguardClient
) -> None:
    member = await enroll(first)
    rule = """
[[fraud_rule]]
name = "burn"
context = "REDEMPTION"
scope = "STORE"
counts = { parts = ["REDEEM"], attempts = "APPROVED" }
measure = "COUNT"
window = { rolling = "1h" }
threshold = 3
posture = "BLOCK"
duration = "0s"
"""
    made = await first.configuration.create_version(PROGRAM + rule, CHANGE)
    await first.configuration.activate_version(made.version, CHANGE, expected_active_version=1)
    store = common_pb2.Origin(store_id="s2")
    seen = [ask_once(servers[turn % 2], "AuthoriseRedemption", member, points=1, origin=store) for turn in range(1, 6)]
    assert [(code, answer.decision) for code, answer in seen] == [("OK", 1)] * 3 + [("OK", 2)] * 2
    await second.configuration.roll_back(1, CHANGE, expected_active_version=made.version)
    assert (await first.authorise_redemption(member, 1, origin=Origin(store_id="s2"))).decision is Decision.APPROVED

    arm = await second.rules.create_version('rule "base"\n    earn base 3\n', CHANGE)
    arms = (ExperimentArm("as it is", 1, 50), ExperimentArm("three", arm.version, 50))
    experiment = await second.experiments.create("spring", arms, ExperimentMetric.SPEND, CHANGE)
    await second.experiments.start(experiment.experiment_id, CHANGE)
    members = [await enroll(first) for _ in range(8)]
    points = [[(await client.accrue(each, DOLLAR)).points for client in (first, second)] for each in members]
    assert {10, 3} == {each for pair in points for each in pair}
    assert all(ours == theirs for ours, theirs in points)
    await first.experiments.end(experiment.experiment_id, CHANGE)
    assert {(await second.accrue(each, DOLLAR)).points for each in members} == {10}


async def test_stores_that_a_file_brings_to_one_server_are_known_to_the_other(
    servers: list[ServerProcess], first: PointguardClient, second: PointguardClient
) -> None:
    member = await enroll(first)
    file = servers[0].options[servers[0].options.index("--stores") + 1]
    await asyncio.to_thread(Path(file).write_text, STORES + "s3,MAIN,CA,CA-BC\n")
    servers[0].send_signal(signal.SIGHUP)
    await asyncio.to_thread(wait_for_events, servers[0], "program_taken_up", 1)
    # A store that nobody knew is looked for each second; what is changed of one that is known, at once.
    wait_for(
        lambda: ask_once(servers[1], "Accrue", member, origin=common_pb2.Origin(store_id="s3"))[0] == "OK", servers[1]
    )
    rows = STORES.replace("s1,MAIN,CA,CA-ON", "s1,OTHER,CA,CA-ON") + "s3,MAIN,CA,CA-BC\n"
    await asyncio.to_thread(Path(file).write_text, rows)
    servers[0].send_signal(signal.SIGHUP)
    await asyncio.to_thread(wait_for_events, servers[0], "program_taken_up", 2)
    bought = await second.accrue(member, DOLLAR, origin=HERE)
    assert (await first.explain_decision(bought.transaction_id)).reproduced


async def test_a_stream_of_advice_begun_at_one_server_goes_on_at_the_other(
    servers: list[ServerProcess], first: PointguardClient, second: PointguardClient
) -> None:
    member = await enroll(second)
    await first.set_redemption_lock(member, locked=True)
    position = [update.position async for update in first.fraud.watch(0, follow=False)][-1]
    await first.set_redemption_lock(member, locked=False)
    (notice,) = [update async for update in second.fraud.watch(position, follow=False)]
    assert not notice.redemption_locked


@pytest.mark.long
def test_one_server_sweeps_for_both_and_the_other_one_when_it_is_gone(servers: list[ServerProcess]) -> None:
    def on_duty() -> list[bool]:
        told = [[event["event"] for event in server.events()] for server in servers]
        return [events.count("duty_taken") > events.count("duty_lost") for events in told]

    assert sorted(on_duty()) == [False, True]
    leaves, stays = sorted(servers, key=lambda server: on_duty()[servers.index(server)], reverse=True)
    assert leaves.stop() == 0
    wait_for_events(stays, "duty_taken", 1)
    leaves.start()
    for server in servers:
        assert [event for event in server.events() if event["level"] not in ("info", "debug")] == []


# ------------------------------------------------------------------------------------------------------------ killed


async def run_and_kill(cluster: PostgresCluster, folder: Path, kills: int, seconds: float) -> int:
    """Load two servers with the same members, kill one after the other, and audit; return how many legs there are."""
    url = cluster.empty_database()
    with ExitStack() as stack:
        servers = open_servers(stack, folder, url, program_options(folder), 2)
        workload = Workload(23, folder / "history")
        for server in servers:
            server.begin()
        for server in servers:
            await asyncio.to_thread(server.await_ready)
        await workload.enroll(servers[0])
        for turn in range(kills):
            victim, other = servers[turn % 2], servers[1 - turn % 2]
            dies, lives = (asyncio.create_task(workload.run(server, 4, 1)) for server in (victim, other))
            await asyncio.sleep(seconds)
            assert not dies.done(), "the load must go on"
            assert not lives.done(), "the load must go on"
            await asyncio.to_thread(victim.kill)
            await asyncio.wait_for(dies, 30)
            await asyncio.sleep(seconds)
            assert not lives.done(), f"the other server must go on:\n{other.log()}"
            workload.stopped = True
            await asyncio.wait_for(lives, 30)
            workload.stopped = False
            # What the one was asked and nobody heard the end of, the other one knows.
            assert await workload.find_out(other), "the kill must catch calls on their way"
            await asyncio.to_thread(victim.start)
        await workload.replay_everything(servers[0])
        await workload.replay_everything(servers[1])
        for server in servers:
            assert server.stop() == 0
    rows = read_ledger(cluster.copy(url, folder / "copy.sqlite3"))
    assert Checker(read_history(folder / "history"), rows, TERMS).check() == []
    return len(rows.legs)


@pytest.mark.long
async def test_two_servers_that_are_hammered_and_killed_in_turn_lose_and_double_nothing(
    cluster: PostgresCluster, tmp_path: Path
) -> None:
    assert await run_and_kill(cluster, tmp_path, 4, 0.4) > 500
