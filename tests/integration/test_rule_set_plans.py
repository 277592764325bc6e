"""Versions that decide from a moment on: across restarts, clocks that are set back, compilers and commits that fail.

Everything is real but the clock and what is made to fail.
"""

import asyncio
import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.domain.errors import (
    ActivationNotPlanned,
    NotFound,
    RulesNotCompiled,
    StorageUnavailable,
    TooManyPlanned,
)
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.texts import Texts
from pointguard_server.service import serving_program
from pointguard_server.service.program_start import ActiveVersionUnusable
from pointguard_server.service.programs import rule_constants
from pointguard_server.service.rule_compiler import ReadyRules
from pointguard_server.service.rule_sets import PLANNED_MAX
from pointguard_server.service.rule_versions import PIECE_BYTES, RequestKey
from pointguard_server.storage.rule_versions import RuleVersions
from tests.support.ledger import DAY, HOUR, MINUTE, SECOND, TENANT, Ledger
from tests.support.street import CHANGE, CONFIGURATION, FIVE, SEVEN, Compiler, Shop, Street, until


@pytest.fixture
def street(ledger: Ledger, tmp_path: Path) -> Street:
    return Street(ledger, tmp_path)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after what is planned, and try again, in milliseconds."""
    monkeypatch.setattr(serving_program, "LOOK_EVERY_S", 0.005)
    monkeypatch.setattr(serving_program, "LOOKS_TO_NEXT_COMPILATION", 2)
    monkeypatch.setattr(serving_program, "COMPILE_AGAIN_S", 0.01)


async def test_a_plan_outlives_restarts_and_the_first_batch_at_its_moment_is_decided_by_it(street: Street) -> None:
    clock, account = street.ledger.clock, street.ledger.member()
    due = clock.now() + HOUR
    async with street.open() as shop:
        assert shop.buy(account) == (10, 1)
        five = await shop.create(FIVE)
        activation = await shop.activate(five, 1, due)
        assert (activation.effective_at, shop.serving.planned) == (due, (activation,))
        assert shop.buy(account) == (10, 1)
    async with street.open() as shop:
        assert shop.serving.planned == (activation,)
        clock.moment = due - 1
        assert shop.buy(account) == (10, 1)
        clock.moment = due
        assert shop.buy(account) == (5, five)
        assert shop.serving.active_version == five
    async with street.open() as shop:
        assert shop.serving.planned == ()
        assert shop.buy(account) == (5, five)


async def test_a_clock_that_is_set_back_brings_no_version_back(street: Street) -> None:
    clock, account = street.ledger.clock, street.ledger.member()
    async with street.open() as shop:
        five = await shop.create(FIVE)
        await shop.activate(five, 1)
        assert shop.buy(account) == (5, five)
    clock.moment -= HOUR
    async with street.open() as shop:
        assert shop.buy(account) == (5, five)
        seven = await shop.create(SEVEN)
        activation = await shop.activate(seven, five)
        assert activation.effective_at > clock.now() + 59 * MINUTE, "after all that was decided before"
        assert shop.buy(account) == (7, seven)


@pytest.mark.usefixtures("eager")
async def test_a_planned_version_is_taken_up_at_its_time_where_nobody_buys(street: Street) -> None:
    clock = street.ledger.clock
    async with street.open(keep=True) as shop:
        five, seven = await shop.create(FIVE), await shop.create(SEVEN)
        await shop.activate(five, 1, clock.now() + SECOND)
        await shop.activate(seven, five, clock.now() + HOUR)
        clock.moment += SECOND
        await until(lambda: shop.serving.active_version == five)
        await until(lambda: len(shop.serving.planned) == 1)
        clock.moment += HOUR
        await until(lambda: shop.serving.active_version == seven)
        await until(lambda: shop.serving.planned == ())


@pytest.mark.usefixtures("eager")
async def test_an_activation_whose_commit_has_an_unknown_outcome_is_taken_up_a_moment_later(street: Street) -> None:
    account = street.ledger.member()
    async with street.open() as shop:
        five = await shop.create(FIVE)

        def write(connection: Any, moment: int) -> None:
            shop.jobs.lost = 1
            RuleVersions().add_activation(
                connection, TENANT, shop.serving.tenant.program_id, five, RuleSetActivationKind.ACTIVATE, CHANGE,
                effective_at=moment, now=moment,
            )  # fmt: skip

        ready = await shop.serving.compiler.ready(await shop.rule_sets.version(five))
        with pytest.raises(StorageUnavailable):
            await shop.serving.change(write, ready)
        assert "may be written" in shop.serving.problem
        assert shop.buy(account) == (10, 1), "taken up is what is known to be written"
        shop.serving.start()
        await until(lambda: shop.serving.active_version == five)
        await until(lambda: shop.serving.problem == "")
        assert shop.buy(account) == (5, five)
        await shop.serving.stop()


@pytest.mark.usefixtures("eager")
async def test_a_planned_version_that_is_not_understood_at_start_is_tried_again_and_keeps_nobody_from_serving(
    street: Street,
) -> None:
    clock, account = street.ledger.clock, street.ledger.member()
    async with street.open() as shop:
        five, seven = await shop.create(FIVE), await shop.create(SEVEN)
        await shop.activate(five, 1, clock.now() + HOUR)
    street.compiler.unknown = {FIVE}
    async with street.open() as shop:
        assert shop.serving.problem == f"version {five} of the earn rules is not ready"
        clock.moment += HOUR
        assert shop.buy(account) == (10, 1), "the version of before goes on"
        # Whatever else changes: it goes on as long as nothing else is activated.
        await shop.serving.change(lambda _connection, _moment: None)
        assert shop.buy(account) == (10, 1)
        street.compiler.unknown = set()
        shop.serving.start()
        await until(lambda: shop.serving.active_version == five)
        await until(lambda: shop.serving.problem == "")
        assert shop.buy(account) == (5, five)
        await shop.serving.stop()
    street.compiler = Compiler()
    street.compiler.fails = {SEVEN}
    async with street.open() as shop:
        told = f"version {seven} could not be compiled .*; version {five} goes on deciding"
        with pytest.raises(RulesNotCompiled, match=told):
            await shop.activate(seven, five)
        assert shop.serving.active_version == five
        with pytest.raises(RulesNotCompiled, match=told):
            await shop.activate(seven, five, clock.now() + HOUR)
        assert shop.serving.planned == ()


@pytest.mark.usefixtures("eager")
async def test_what_does_not_compile_at_start_is_interpreted_from_its_moment_on_until_it_does(street: Street) -> None:
    clock, account = street.ledger.clock, street.ledger.member()
    async with street.open() as shop:
        five, seven = await shop.create(FIVE), await shop.create(SEVEN)
        await shop.activate(five, 1)
        await shop.activate(seven, five, clock.now() + HOUR)
    street.compiler.fails = {FIVE, SEVEN}
    async with street.open(keep=True) as shop:
        await until(lambda: shop.serving.compiler.failures >= 4)
        assert names(shop) == [f"version {five}", f"version {seven}"]
        assert shop.serving.problem == ""
        assert shop.buy(account) == (5, five)
        clock.moment += HOUR
        assert shop.buy(account) == (7, seven)
        street.compiler.fails = {SEVEN}
        await shop.activate(five, seven)
        assert shop.buy(account) == (5, five)
        assert names(shop) == []
        # What decides goes on as it is, whatever becomes of its file.
        street.compiler.fails = {FIVE}
        await shop.activate(seven, five, clock.now() + HOUR)
        assert names(shop) == []


async def test_a_planned_version_whose_compilation_takes_too_long_is_interpreted_from_its_moment_on(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, account = street.ledger.clock, street.ledger.member()
    compile_now, go_on = street.compiler.compile, asyncio.Event()

    async def compile_later(rule_set: RuleSet) -> ReadyRules:
        await go_on.wait()
        return await compile_now(rule_set)

    async with street.open() as shop:
        five, seven = await shop.create(FIVE), await shop.create(SEVEN)
        monkeypatch.setattr(street.compiler, "compile", compile_later)
        street.compiler.fails = {FIVE}
        planned = await shop.activate(five, 1, clock.now() + SECOND)
        assert planned in shop.serving.planned
        assert names(shop) == [f"version {five}"]
        assert shop.buy(account) == (10, 1)
        clock.moment += SECOND
        assert shop.buy(account) == (5, five)
        street.compiler.fails = set()
        shop.serving.start()
        go_on.set()
        await until(lambda: names(shop) == [])
        assert shop.buy(account) == (5, five)
        await shop.activate(seven, five, clock.now() + HOUR)
        assert names(shop) == []
        await shop.serving.stop()


def names(shop: Shop) -> list[str]:
    """Return what is interpreted."""
    return [rules.rule_set.name for rules in shop.serving.interpreted]


async def test_an_active_version_that_is_not_understood_is_named_and_a_changed_file_takes_its_place(
    street: Street,
) -> None:
    account = street.ledger.member()
    async with street.open() as shop:
        five = await shop.create(FIVE)
        await shop.activate(five, 1)
    street.compiler.unknown = {FIVE}
    with pytest.raises(ActiveVersionUnusable, match=f"version {five} of the earn rules is active"):
        async with street.open():
            pass
    street.write(SEVEN)
    async with street.open() as shop:
        assert shop.buy(account) == (7, five + 1)


async def test_a_change_of_the_configuration_leaves_version_and_plan_in_force(street: Street) -> None:
    clock, account = street.ledger.clock, street.ledger.member()
    async with street.open() as shop:
        five, seven = await shop.create(FIVE), await shop.create(SEVEN)
        await shop.activate(five, 1)
        await shop.activate(seven, five, clock.now() + HOUR)
        (street.folder / "program.toml").write_text(CONFIGURATION + "# changed\n")
        shop.live.start()
        shop.live.look_now()
        await until(lambda: shop.serving.configuration.version == 2)
        settings = shop.decider.programs.programs[0].settings
        assert (settings["rule_set_version"], settings["fraud_rules_version"]) == (five, 2)
        assert shop.buy(account) == (5, five)
        clock.moment += HOUR
        assert shop.buy(account) == (7, seven)
        assert shop.decider.programs.programs[0].settings["fraud_rules_version"] == 2


async def test_a_planned_version_counts_what_happened_before_it_over_a_longer_window_than_any_before(
    street: Street,
) -> None:
    clock, account = street.ledger.clock, street.ledger.member()
    async with street.open() as shop:
        counts = await shop.create('rule "often"\n    earn base count(purchases, 300 days)\n')
        for _ in range(3):
            shop.buy(account)
            clock.moment += 90 * DAY
        await shop.activate(counts, 1, clock.now() + HOUR)
        assert shop.buy(account) == (10, 1)
        clock.moment += HOUR
        # Nothing is restarted: the first batch at its moment reads the account again, as far back as it now must.
        assert shop.buy(account) == (4, counts)
        assert shop.buy(account) == (5, counts)
        await shop.activate(1, counts)
        assert shop.buy(account) == (10, 1)
        await shop.activate(counts, 1)
        assert shop.buy(account) == (7, counts)


async def test_a_version_keeps_the_files_of_its_sets_and_goes_back_to_what_they_were(street: Street) -> None:
    account = street.ledger.member()
    street.write('set kinds from "kinds.txt"\nrule "a"\n    when order.kind in kinds\n    earn base 3\n')
    (street.folder / "kinds.txt").write_text("PURCHASE\n")
    async with street.open() as shop:
        assert shop.buy(account) == (3, 2)
        (street.folder / "kinds.txt").write_text("ACTIVITY\n")
        shop.live.start()
        shop.live.look_now()
        await until(lambda: shop.serving.active_version == 3)
        assert shop.buy(account) == (0, 3)
        await shop.activate(2, 3)
        assert shop.buy(account) == (3, 2)
        assert (await shop.rule_sets.version(3)).files == {"kinds.txt": Texts.of(("ACTIVITY",))}
    async with street.open() as shop:
        assert shop.buy(account) == (3, 2), "the file says what it said: the activation stands"


async def test_only_so_many_may_be_planned(street: Street) -> None:
    clock = street.ledger.clock
    async with street.open() as shop:
        five = await shop.create(FIVE)
        for number in range(PLANNED_MAX):
            versions = (five, 1) if number % 2 == 0 else (1, five)
            await shop.activate(*versions, clock.now() + HOUR + number)
        with pytest.raises(TooManyPlanned):
            await shop.activate(five, 1, clock.now() + 2 * HOUR)
        assert (await shop.activate(five, 1)).version == five


async def test_a_plan_that_was_called_off_never_decides_also_after_a_restart(street: Street) -> None:
    clock, account = street.ledger.clock, street.ledger.member()
    async with street.open() as shop:
        five, seven = await shop.create(FIVE), await shop.create(SEVEN)
        activation = await shop.activate(five, 1, clock.now() + HOUR)
        await shop.activate(seven, five, clock.now() + 2 * HOUR)
        cancelled = await shop.cancel(activation)
        assert cancelled.cancellation is not None
        assert cancelled.cancellation.change == CHANGE
        assert cancelled.activation == activation.activation
        assert [planned.version for planned in shop.serving.planned] == [seven]
        clock.moment += HOUR
        assert shop.buy(account) == (10, 1)
        (_, listed, _) = await shop.rule_sets.list_activations(0, 3)
        assert listed == cancelled
    async with street.open() as shop:
        assert shop.buy(account) == (10, 1)
        clock.moment += HOUR
        assert shop.buy(account) == (7, seven)


async def test_of_a_plans_moment_and_the_call_that_calls_it_off_the_first_counts(street: Street) -> None:
    clock, account = street.ledger.clock, street.ledger.member()
    due = clock.now() + HOUR
    async with street.open() as shop:
        five = await shop.create(FIVE)
        activation = await shop.activate(five, 1, due)
        clock.moment = due
        assert shop.buy(account) == (5, five)
        # The clock is set back, but a batch was decided by it.
        clock.moment = due - MINUTE
        with pytest.raises(ActivationNotPlanned, match="is in force: its moment has come"):
            await shop.cancel(activation)
        assert shop.buy(account) == (5, five)
        (listed, _) = await shop.rule_sets.list_activations(0, 3)
        assert listed.cancellation is None


async def test_two_who_call_a_plan_off_at_once_hear_who_was_first(street: Street) -> None:
    clock = street.ledger.clock
    async with street.open() as shop:
        activation = await shop.activate(await shop.create(FIVE), 1, clock.now() + HOUR)
        found = await asyncio.gather(*(shop.cancel(activation) for _ in range(2)), return_exceptions=True)
        assert sorted(type(each).__name__ for each in found) == ["ActivationNotPlanned", "RuleSetActivation"]
        with pytest.raises(NotFound):
            await shop.rule_sets.cancel(99, CHANGE, RequestKey(b"another key     ", bytes(16)))


async def test_the_same_request_hears_the_same_again_when_the_moment_has_come(street: Street) -> None:
    clock = street.ledger.clock
    key = RequestKey(b"called off      ", bytes(16))
    async with street.open() as shop:
        activation = await shop.activate(await shop.create(FIVE), 1, clock.now() + HOUR)
        first = await shop.rule_sets.cancel(activation.activation, CHANGE, key)
        clock.moment += 2 * HOUR
        assert await shop.rule_sets.cancel(activation.activation, CHANGE, key) == first


async def test_of_two_plans_for_one_moment_the_other_counts_when_the_later_is_called_off(street: Street) -> None:
    clock, account = street.ledger.clock, street.ledger.member()
    due = clock.now() + HOUR
    async with street.open() as shop:
        five, seven = await shop.create(FIVE), await shop.create(SEVEN)
        await shop.activate(five, 1, due)
        later = await shop.activate(seven, five, due)
        await shop.cancel(later)
        clock.moment = due
        assert shop.buy(account) == (5, five)


async def test_long_sets_by_call_decide_and_are_prepared_beside_the_loop_and_the_writer(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = street.ledger.member()
    rules = (
        'set near from "near.txt"\nset goods from "goods.txt"\n'
        'rule "near"\n    when order.kind == "PURCHASE" and not any(lines, line.sku in goods)\n    earn base 3\n'
        'rule "far"\n    when store.id in near\n    earn bonus 100\n'
    )
    texts = {
        "goods.txt": "".join(f"SKU-{number}\n" for number in range(10_000)),
        "near.txt": "".join(f"S-{number}\n" for number in range(1_200)),
    }
    made_by: list[str] = []

    def watched(*given: Any) -> Any:
        made_by.append(threading.current_thread().name)
        return rule_constants(*given)

    monkeypatch.setattr("pointguard_server.service.rule_preparation.rule_constants", watched)
    async with street.open() as shop:
        version = await shop.create(rules, texts)
        await shop.activate(version, 1)
        assert shop.buy(account) == (3, version)
        assert made_by
        assert all(name.startswith("asyncio_") for name in made_by)
        before = len(made_by)
        await shop.activate(1, version)
        await shop.activate(version, 1)
        assert shop.buy(account) == (3, version)
        assert len(made_by) <= before + 2, "each is prepared once for each time that it begins to decide"
        kept = await shop.rule_sets.version(version)
        assert {name: len(entries) for name, entries in kept.files.items()} == {"near.txt": 1_200, "goods.txt": 10_000}
    async with street.open() as shop:
        assert shop.buy(account) == (3, version)


async def test_a_long_file_is_written_a_piece_at_a_time_and_a_retry_goes_on_where_it_ended(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = 'set goods from "goods.txt"\nrule "good"\n    when any(lines, line.sku in goods)\n    earn base 3\n'
    texts = {"goods.txt": "".join(f"SKU-{number}\n" for number in range(20_000))}
    pieces = len(texts["goods.txt"]) // PIECE_BYTES + 1
    write, kept = street.ledger.store.write, [0]
    left = pieces - 1

    def watched(job: Callable[[Any], Any]) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise StorageUnavailable
        result = write(job)
        kept.append(street.ledger.connection.execute("SELECT count(*) FROM rule_set_files").fetchone()[0])
        return result

    async with street.open() as shop:
        monkeypatch.setattr(street.ledger.store, "write", watched)
        key = shop.key()
        with pytest.raises(StorageUnavailable):
            await shop.rule_sets.create(rules, CHANGE, key, texts)
        # As a server that ended before the version was there: nobody sees what was written.
        assert kept == list(range(pieces))
        assert [version.version for version in await shop.rule_sets.list_versions(0, 9)] == [1]
        left = 100
        version = await shop.rule_sets.create(rules, CHANGE, key, texts)
        assert kept[-2:] == [pieces, pieces], "the version finds all pieces there"
        assert max(after - before for before, after in itertools.pairwise(kept)) == 1
        assert (await shop.rule_sets.version(version.version)).files == version.files
        assert await shop.rule_sets.create(rules, CHANGE, key, texts) == version
