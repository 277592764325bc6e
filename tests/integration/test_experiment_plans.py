"""When an experiment runs: as long as the activation of its start is in force, whatever starts, stops or fails.

Everything is real but the clock and what is made to fail.
"""

from pathlib import Path
from typing import Any

import pytest

from pointguard_server.domain.codes import ExperimentEnd, ExperimentMetric, ExperimentState
from pointguard_server.domain.errors import ExperimentRunning, RulesNotCompiled, StorageUnavailable
from pointguard_server.service import serving_program
from pointguard_server.service.experiment import Arm, Design, Experiment
from pointguard_server.storage.experiments import Experiments as ExperimentStore
from tests.support.ledger import HOUR, Ledger
from tests.support.street import CHANGE, CONFIGURATION, FIVE, SEVEN, Shop, Street, until


@pytest.fixture
def street(ledger: Ledger, tmp_path: Path) -> Street:
    return Street(ledger, tmp_path)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after what is planned, and try again, in milliseconds."""
    monkeypatch.setattr(serving_program, "LOOK_EVERY_S", 0.005)
    monkeypatch.setattr(serving_program, "LOOKS_TO_NEXT_COMPILATION", 2)
    monkeypatch.setattr(serving_program, "COMPILE_AGAIN_S", 0.01)


async def start(shop: Shop) -> Experiment:
    """Start an experiment between version 1 (ten points a dollar) and five points."""
    five = await shop.create(FIVE)
    design = Design("trial", ExperimentMetric.POINTS, (Arm(1, "ten", 1, 1), Arm(2, "five", five, 1)))
    made = await shop.experiments.create(design, CHANGE, shop.key())
    return await shop.experiments.start(made.experiment_id, CHANGE, shop.key())


def members(street: Street) -> list[int]:
    return [street.ledger.member() for _ in range(12)]


def buy(shop: Shop, accounts: list[int]) -> list[tuple[int, int]]:
    """Return the points of a purchase of each, and the version that gave them."""
    return [shop.buy(account) for account in accounts]


def expected(experiment: Experiment, accounts: list[int]) -> list[tuple[int, int]]:
    arms = experiment.design.arms
    return [((10, 5)[arm - 1], arms[arm - 1].version) for arm in map(experiment.split.arm_of, accounts)]


async def end_of(shop: Shop, experiment: Experiment) -> ExperimentEnd | None:
    found = await shop.experiments.experiment(experiment.experiment_id)
    return None if found.end is None else found.end.by


async def test_a_restart_and_a_clock_that_is_set_back_change_nothing(street: Street) -> None:
    accounts = members(street)
    async with street.open() as shop:
        experiment = await start(shop)
        assert buy(shop, accounts) == expected(experiment, accounts)
    street.ledger.clock.moment -= HOUR
    async with street.open() as shop:
        assert buy(shop, accounts) == expected(experiment, accounts)
        over = await shop.experiments.end(experiment.experiment_id, CHANGE, shop.key())
        assert over.state is ExperimentState.OVER
        assert await end_of(shop, experiment) is ExperimentEnd.ENDED
        assert set(buy(shop, accounts)) == {(10, 1)}
    async with street.open() as shop:
        assert set(buy(shop, accounts)) == {(10, 1)}


async def test_a_version_that_was_planned_before_ends_it_at_its_moment(street: Street) -> None:
    accounts, clock = members(street), street.ledger.clock
    due = clock.now() + HOUR
    async with street.open() as shop:
        seven = await shop.create(SEVEN)
        await shop.activate(seven, 1, due)
        experiment = await start(shop)
        clock.moment = due - 1_000
        assert buy(shop, accounts) == expected(experiment, accounts)
        assert await end_of(shop, experiment) is None
        clock.moment = due
        assert set(buy(shop, accounts)) == {(7, seven)}
        assert await end_of(shop, experiment) is ExperimentEnd.ACTIVATED
    async with street.open() as shop:
        assert set(buy(shop, accounts)) == {(7, seven)}
        again = await start(shop)
        assert again.version_before == seven
        assert buy(shop, accounts) == expected(again, accounts)


async def test_nothing_may_be_planned_while_it_runs(street: Street) -> None:
    async with street.open() as shop:
        experiment = await start(shop)
        with pytest.raises(ExperimentRunning, match=f"experiment {experiment.experiment_id} runs"):
            await shop.activate(2, 1, street.ledger.clock.now() + HOUR)


@pytest.mark.parametrize("is_running", [True, False])
async def test_a_changed_file_ends_it_at_once_or_at_the_next_start(street: Street, is_running: bool) -> None:
    accounts = members(street)
    async with street.open() as shop:
        experiment = await start(shop)
        street.write(SEVEN)
        if is_running:
            shop.live.start()
            shop.live.look_now()
            await until(lambda: shop.serving.active_version == 3)
            assert set(buy(shop, accounts)) == {(7, 3)}
    async with street.open() as shop:
        assert set(buy(shop, accounts)) == {(7, 3)}
        assert await end_of(shop, experiment) is ExperimentEnd.FILE_CHANGED


async def test_a_changed_configuration_leaves_everybody_where_they_are(street: Street) -> None:
    accounts = members(street)
    async with street.open() as shop:
        experiment = await start(shop)
        before = buy(shop, accounts)
        (street.folder / "program.toml").write_text(CONFIGURATION.replace("money_minor = 100", "money_minor = 50"))
        shop.live.start()
        shop.live.look_now()
        await until(lambda: shop.serving.configuration.version == 2)
        assert buy(shop, accounts) == before
        assert await end_of(shop, experiment) is None


@pytest.mark.usefixtures("eager")
async def test_while_an_arm_is_not_ready_nobody_is_in_one(street: Street) -> None:
    accounts = members(street)
    async with street.open() as shop:
        experiment = await start(shop)
        five = experiment.design.arms[1].version
    street.compiler.unknown = {FIVE}
    async with street.open(keep=True) as shop:
        assert set(buy(shop, accounts)) == {(10, 1)}
        assert {leg["experiment_id"] for leg in street.ledger.rows("legs")[-len(accounts) :]} == {0}
        assert shop.serving.problem == f"version {five} of the earn rules is not ready"
        shop.serving.compiler.unknown = set()  # type: ignore[attr-defined]
        await until(lambda: not shop.serving.problem)
        assert buy(shop, accounts) == expected(experiment, accounts)


@pytest.mark.usefixtures("eager")
async def test_an_arm_that_is_not_compiled_after_a_restart_decides_interpreted_until_it_is(street: Street) -> None:
    accounts = members(street)
    async with street.open() as shop:
        experiment = await start(shop)
    street.compiler.fails = {FIVE}
    async with street.open(keep=True) as shop:
        assert len(shop.serving.interpreted) == 1
        assert buy(shop, accounts) == expected(experiment, accounts)
        shop.serving.compiler.fails = set()  # type: ignore[attr-defined]
        await until(lambda: not shop.serving.interpreted)
        assert buy(shop, accounts) == expected(experiment, accounts)


async def test_an_arm_that_does_not_compile_keeps_it_from_starting(street: Street) -> None:
    async with street.open() as shop:
        street.compiler.fails = {FIVE}
        with pytest.raises(RulesNotCompiled):
            await start(shop)
        assert (await shop.experiments.experiment(1)).state is ExperimentState.CREATED
        street.compiler.fails = set()
        await shop.experiments.start(1, CHANGE, shop.key())


@pytest.mark.usefixtures("eager")
async def test_a_start_whose_commit_has_an_unknown_outcome_is_taken_up_a_moment_later(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts, add_event = members(street), ExperimentStore.add_event
    async with street.open(keep=True) as shop:

        def lose(*arguments: Any, **rest: Any) -> None:
            shop.jobs.lost = 1
            add_event(*arguments, **rest)

        five = await shop.create(FIVE)
        design = Design("trial", ExperimentMetric.POINTS, (Arm(1, "ten", 1, 1), Arm(2, "five", five, 1)))
        made = await shop.experiments.create(design, CHANGE, shop.key())
        key = shop.key()
        monkeypatch.setattr(ExperimentStore, "add_event", lose)
        with pytest.raises(StorageUnavailable):
            await shop.experiments.start(made.experiment_id, CHANGE, key)
        await until(lambda: not shop.serving.problem)
        started = await shop.experiments.start(made.experiment_id, CHANGE, key)
        assert started.state is ExperimentState.RUNNING
        assert buy(shop, accounts) == expected(started, accounts)
