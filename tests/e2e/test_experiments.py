"""Experiments by RPC on a running server: divided as they say, marked on every transaction, over when they are over.

The tests share one server. Each leaves no experiment running and version 1 active.
"""

import asyncio
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from pointguard_client import (
    Accrual,
    Experiment,
    ExperimentArm,
    ExperimentEnd,
    ExperimentMetric,
    ExperimentState,
    FailedPrecondition,
    Identifier,
    InvalidArgument,
    KeyReused,
    Money,
    NotFound,
    PermissionDenied,
    PointguardClient,
    RuleChange,
    RuleChangeReason,
    RuleSetActivationKind,
    new_idempotency_key,
)
from pointguard_server.engine.split import Split
from pointguard_server.service.credentials import issue
from tests.e2e.test_operations import scrape
from tests.support.server import ServerProcess, issue_key, write_program

CHANGE = RuleChange("staff 12", RuleChangeReason.TRIAL, "spring")
DOLLAR = Money(1_00, "CAD")
POINTS = {1: 10, 2: 7, 3: 8}
"""What a dollar earns by each version."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of its own with three versions, of which the first is active."""
    folder = tmp_path_factory.mktemp("experiments")
    options = ("--tenant", "plain", *write_program(folder / "program"))
    key = issue_key(folder / "data", *options, "--role", "till", "--role", "manager")
    started = ServerProcess(folder / "data", options, api_key=key)
    try:
        yield started.start()
    finally:
        started.clean_up()


@asynccontextmanager
async def connect(server: ServerProcess, api_key: str = "") -> AsyncIterator[PointguardClient]:
    key = api_key or server.api_key
    async with PointguardClient.connect(server.address, api_key=key, timeout_seconds=20) as client:
        yield client


@asynccontextmanager
async def at_rest(server: ServerProcess) -> AsyncIterator[PointguardClient]:
    """A client that may do everything; it finds and leaves three versions, the first active, and no experiment."""
    async with connect(server) as client:
        if len((await client.rules.list_versions()).versions) == 1:
            for points in (POINTS[2], POINTS[3]):
                await client.rules.create_version(f'rule "fixed"\n    earn base {points}\n', CHANGE)
        yield client
    async with connect(server) as client:
        for experiment in (await client.experiments.list()).experiments:
            if experiment.state is ExperimentState.RUNNING:
                await client.experiments.end(experiment.experiment_id, CHANGE)
        if (active := (await client.rules.list_versions()).active_version) != 1:
            await client.rules.roll_back(1, CHANGE, expected_active_version=active)


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[PointguardClient]:
    async with at_rest(server) as connected:
        yield connected


ARMS = (ExperimentArm("as it is", 1, 50), ExperimentArm("seven", 2, 30), ExperimentArm("eight", 3, 20))


async def create(client: PointguardClient, arms: tuple[ExperimentArm, ...] = ARMS) -> Experiment:
    return await client.experiments.create("spring", arms, ExperimentMetric.SPEND, CHANGE)


async def start(client: PointguardClient) -> Experiment:
    made = await create(client)
    return await client.experiments.start(made.experiment_id, CHANGE)


async def enroll(client: PointguardClient, count: int) -> list[Identifier]:
    members = [Identifier.loyalty_id(new_idempotency_key()) for _ in range(count)]
    await asyncio.gather(*(client.enroll_member([member]) for member in members))
    return members


async def buy(client: PointguardClient, members: list[Identifier]) -> list[Accrual]:
    return list(await asyncio.gather(*(client.accrue(member, DOLLAR) for member in members)))


def secret_of(server: ServerProcess, experiment_id: int) -> bytes:
    with closing(sqlite3.connect(server.database)) as connection:
        (secret,) = connection.execute(
            "SELECT secret FROM experiments WHERE experiment_id = ?", (experiment_id,)
        ).fetchone()
    assert isinstance(secret, bytes)
    return secret


async def test_members_are_divided_marked_and_counted_from_the_start_to_the_end(
    client: PointguardClient, server: ServerProcess
) -> None:
    members = await enroll(client, 40)
    before = await buy(client, members[:20])
    assert {(accrual.experiment_id, accrual.arm, accrual.points) for accrual in before} == {(0, 0, 10)}
    made = await create(client)
    number = made.experiment_id
    assert (made.state, made.started, made.version_before) == (ExperimentState.CREATED, None, 0)
    assert [(arm.arm, arm.label, arm.version, arm.weight) for arm in made.arms] == [
        (1, "as it is", 1, 50), (2, "seven", 2, 30), (3, "eight", 3, 20),
    ]  # fmt: skip
    assert (await client.experiments.get(number)).arms == ()
    running = await client.experiments.start(number, CHANGE)
    assert (running.state, running.version_before, running.ended) == (ExperimentState.RUNNING, 1, None)
    rounds = [await buy(client, members) for _ in range(2)]
    split = Split(number, secret_of(server, number), (50, 30, 20))
    for accruals in rounds:
        for accrual in accruals:
            arm = split.arm_of(accrual.account_id)
            assert (accrual.experiment_id, accrual.arm, accrual.points) == (number, arm, POINTS[arm])
    seen = await client.get_transaction(rounds[0][0].transaction_id)
    assert (seen.experiment_id, seen.arm, seen.rule_set_version) == (number, rounds[0][0].arm, rounds[0][0].arm)
    assert seen.accepted_at is not None
    assert running.started is not None
    assert running.started.at is not None
    assert seen.accepted_at >= running.started.at
    results = await client.experiments.get(number)
    counted = Counter(accrual.arm for accrual in rounds[0])
    for result in results.arms:
        count = counted[result.arm]
        assert (result.members, result.transactions) == (count, 2 * count)
        assert [metric.metric for metric in result.metrics] == [
            ExperimentMetric.SPEND, ExperimentMetric.POINTS, ExperimentMetric.TRANSACTIONS,
        ]  # fmt: skip
        spend, points, transactions = result.metrics
        assert (spend.total, points.total) == (count * 2_00, count * 2 * POINTS[result.arm])
        assert transactions.total == 2 * count
        assert (points.mean, points.low, points.high) == (2 * POINTS[result.arm],) * 3 or count < 2
    assert sum(result.member_share for result in results.arms) == pytest.approx(1)
    assert [result.weight_share for result in results.arms] == pytest.approx([0.5, 0.3, 0.2])
    assert not results.mismatch
    figures = scrape(server)
    assert figures["pointguard_experiment_running", ()] == number
    labels = (("arm", "2"), ("decision", "APPROVED"), ("experiment", str(number)))
    assert figures["pointguard_experiment_decisions_total", labels] == 2 * counted[2]
    over = await client.experiments.end(number, RuleChange("staff 13", RuleChangeReason.COST))
    assert (over.state, over.ended_by, over.promoted_arm) == (ExperimentState.OVER, ExperimentEnd.ENDED, 0)
    assert over.ended is not None
    assert over.ended.change.author == "staff 13"
    after = await buy(client, members)
    assert {(accrual.experiment_id, accrual.arm, accrual.points) for accrual in after} == {(0, 0, 10)}
    assert [arm.members for arm in (await client.experiments.get(number)).arms] == [arm.members for arm in results.arms]
    assert scrape(server)["pointguard_experiment_running", ()] == 0


@pytest.mark.long
async def test_nobody_changes_arm_by_a_restart_or_on_another_server(
    client: PointguardClient, server: ServerProcess, tmp_path: Path
) -> None:
    members = await enroll(client, 30)
    number = (await start(client)).experiment_id
    arms = [(accrual.account_id, accrual.arm) for accrual in await buy(client, members)]
    assert len({arm for _, arm in arms}) > 1
    server.stop()
    shutil.copytree(server.data_directory, tmp_path / "data")
    other = ServerProcess(tmp_path / "data", server.options, api_key=server.api_key)
    try:
        server.begin()
        other.begin()
        server.await_ready()
        other.await_ready()
        async with connect(server) as again, connect(other) as beside:
            for each in (again, beside):
                found = await buy(each, members)
                assert [(accrual.account_id, accrual.arm) for accrual in found] == arms
                assert {accrual.experiment_id for accrual in found} == {number}
                assert (await each.experiments.get(number)).experiment.state is ExperimentState.RUNNING
    finally:
        other.clean_up()


@pytest.mark.long
async def test_of_two_promotions_at_once_one_wins(client: PointguardClient) -> None:
    number = (await start(client)).experiment_id
    answers = await asyncio.gather(
        *(client.experiments.promote(number, arm, CHANGE) for arm in (2, 3)), return_exceptions=True
    )
    (won,) = [answer for answer in answers if isinstance(answer, Experiment)]
    (lost,) = [answer for answer in answers if isinstance(answer, FailedPrecondition)]
    assert lost.reason == "EXPERIMENT_NOT_RUNNING"
    assert (won.state, won.ended_by) == (ExperimentState.OVER, ExperimentEnd.PROMOTED)
    assert (await client.rules.list_versions()).active_version == won.promoted_arm
    (newest,) = (await client.rules.list_activations(page_size=1)).activations
    assert (newest.kind, newest.version) == (RuleSetActivationKind.PROMOTE, won.promoted_arm)
    assert newest.previous_version == 1
    (accrual,) = await buy(client, await enroll(client, 1))
    assert (accrual.experiment_id, accrual.points) == (0, POINTS[won.promoted_arm])


async def test_the_arm_that_is_as_it_is_can_be_promoted_too(client: PointguardClient) -> None:
    number = (await start(client)).experiment_id
    promoted = await client.experiments.promote(number, 1, CHANGE)
    assert (promoted.ended_by, promoted.promoted_arm) == (ExperimentEnd.PROMOTED, 1)
    assert (await client.rules.list_versions()).active_version == 1


async def test_what_is_decided_while_it_ends_says_which_rules_decided(client: PointguardClient) -> None:
    members = await enroll(client, 12)
    number = (await start(client)).experiment_id
    accruals: list[Accrual] = []
    ended = asyncio.Event()

    async def traffic(member: Identifier) -> None:
        rounds_after = 2
        while rounds_after:
            rounds_after -= ended.is_set()
            accruals.append(await client.accrue(member, DOLLAR))

    buying = [asyncio.create_task(traffic(member)) for member in members]
    await asyncio.sleep(0.05)
    over = await client.experiments.end(number, CHANGE)
    ended.set()
    await asyncio.gather(*buying)
    assert over.ended is not None
    assert over.ended.at is not None
    for accrual in accruals:
        transaction = await client.get_transaction(accrual.transaction_id)
        assert transaction.accepted_at is not None
        assert (transaction.experiment_id == number) == (transaction.accepted_at < over.ended.at)
        assert accrual.arm == transaction.arm
        assert transaction.rule_set_version == (transaction.arm or 1)
        assert accrual.points == POINTS[transaction.rule_set_version]
    assert {accrual.experiment_id for accrual in accruals} == {0, number}


async def test_an_activation_is_refused_while_it_runs_and_going_back_ends_it(client: PointguardClient) -> None:
    await client.rules.activate_version(2, CHANGE, expected_active_version=1)
    number = (await start(client)).experiment_id
    with pytest.raises(FailedPrecondition, match=f"experiment {number} runs") as refused:
        await client.rules.activate_version(3, CHANGE, expected_active_version=2)
    assert refused.value.reason == "EXPERIMENT_RUNNING"
    await client.rules.roll_back(1, RuleChange("staff 14", RuleChangeReason.INCIDENT), expected_active_version=2)
    over = (await client.experiments.get(number)).experiment
    assert (over.state, over.ended_by, over.version_before) == (ExperimentState.OVER, ExperimentEnd.ROLLED_BACK, 2)
    assert over.ended is not None
    assert over.ended.change.author == "staff 14"
    (accrual,) = await buy(client, await enroll(client, 1))
    assert (accrual.experiment_id, accrual.points) == (0, 10)


async def test_one_runs_at_a_time_and_each_once(client: PointguardClient) -> None:
    first, second = await create(client), await create(client)
    with pytest.raises(FailedPrecondition) as refused:
        await client.experiments.end(first.experiment_id, CHANGE)
    assert refused.value.reason == "EXPERIMENT_NOT_RUNNING"
    answers = await asyncio.gather(
        *(client.experiments.start(each.experiment_id, CHANGE) for each in (first, second)), return_exceptions=True
    )
    (running,) = [answer for answer in answers if isinstance(answer, Experiment)]
    (late,) = [answer for answer in answers if isinstance(answer, FailedPrecondition)]
    assert late.reason == "EXPERIMENT_RUNNING"
    await client.experiments.end(running.experiment_id, CHANGE)
    with pytest.raises(FailedPrecondition) as refused:
        await client.experiments.start(running.experiment_id, CHANGE)
    assert refused.value.reason == "EXPERIMENT_STARTED"


async def test_a_key_gives_the_first_answer_for_ever_and_none_to_another_request(client: PointguardClient) -> None:
    keys = [new_idempotency_key() for _ in range(4)]
    arms = ARMS[:2]

    async def steps() -> list[Experiment]:
        made = await client.experiments.create("twice", arms, ExperimentMetric.POINTS, CHANGE, idempotency_key=keys[0])
        number = made.experiment_id
        started = await client.experiments.start(number, CHANGE, idempotency_key=keys[1])
        over = await client.experiments.promote(number, 2, CHANGE, idempotency_key=keys[2])
        return [made, started, over]

    first = await steps()
    assert await steps() == first
    assert [experiment.state for experiment in first] == [
        ExperimentState.CREATED, ExperimentState.RUNNING, ExperimentState.OVER,
    ]  # fmt: skip
    number = first[0].experiment_id
    with pytest.raises(KeyReused):
        await client.experiments.promote(number, 1, CHANGE, idempotency_key=keys[2])
    with pytest.raises(KeyReused):
        await client.experiments.end(number, CHANGE, idempotency_key=keys[1])
    with pytest.raises(KeyReused):
        await client.experiments.create("else", arms, ExperimentMetric.POINTS, CHANGE, idempotency_key=keys[0])


async def test_what_is_wrong_with_a_definition_is_named(client: PointguardClient) -> None:
    async def faults(*arms: ExperimentArm, name: str = "wrong") -> set[str]:
        with pytest.raises(InvalidArgument) as refused:
            await client.experiments.create(name, arms, ExperimentMetric.POINTS, CHANGE)
        return {violation.field for violation in refused.value.field_violations}

    one = ExperimentArm("one", 1, 1)
    assert await faults(one) == {"arms"}
    assert await faults(one, ExperimentArm("one", 1, 1)) == {"arms[1].label", "arms[1].version"}
    assert await faults(one, ExperimentArm("two", 999_999, 1)) == {"arms[1].version"}
    assert await faults(one, ExperimentArm("", 0, 0), name="") == {
        "name", "arms[1].label", "arms[1].version", "arms[1].weight",
    }  # fmt: skip
    assert await faults(one, ExperimentArm("two", 2, 10_001)) == {"arms[1].weight"}
    assert await faults(one, ExperimentArm("two", 2, 1, arm=1)) == {"arms[1].arm"}
    assert await faults(*(ExperimentArm(f"arm {number}", number, 1) for number in range(1, 10))) == {"arms"}
    with pytest.raises(InvalidArgument):
        await client.experiments.create("wrong", ARMS, ExperimentMetric.UNSPECIFIED, CHANGE)
    for call in (client.experiments.start(10**9, CHANGE), client.experiments.end(10**9, CHANGE)):
        with pytest.raises(NotFound):
            await call
    made = await create(client)
    with pytest.raises(InvalidArgument):
        await client.experiments.promote(made.experiment_id, 4, CHANGE)
    with pytest.raises(NotFound):
        await client.experiments.get(10**9)


async def test_pages_of_experiments_go_from_the_newest_to_the_first(client: PointguardClient) -> None:
    for _ in range(3):
        await create(client)
    found, token = [], ""
    while True:
        page = await client.experiments.list(page_size=2, page_token=token)
        found += [experiment.experiment_id for experiment in page.experiments]
        if not (token := page.next_page_token):
            break
    assert found == list(range(found[0], 0, -1))
    assert found[0] >= 3


async def test_a_tills_key_may_not(client: PointguardClient, server: ServerProcess) -> None:
    issued = issue()
    with closing(sqlite3.connect(server.database, isolation_level=None, timeout=10)) as connection:
        connection.execute(
            "INSERT INTO api_keys (key_id, tenant_id, role, hash, created_at) VALUES (?, 1, 'till', ?, 1)",
            (issued.key_id, issued.hash),
        )
    async with connect(server, issued.raw_key) as till:
        with pytest.raises(PermissionDenied):
            await till.experiments.list()
        await till.accrue((await enroll(client, 1))[0], DOLLAR)
