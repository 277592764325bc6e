"""Configurations by call and by file: what wins, what a restart finds, and what cannot be activated."""

import asyncio
import math
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_server.domain.codes import CodeKind, RuleSetActivationKind
from pointguard_server.domain.errors import (
    ActiveVersionDiffers,
    AlreadyActive,
    InvalidRequest,
    KeyReused,
    NotAnEarlierVersion,
    NotFound,
    ProgramChanged,
    RuleChangeRefused,
    StorageUnavailable,
)
from pointguard_server.rpc.conversions import Conversions
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service import serving_program
from pointguard_server.service.configuration_versions import ConfigurationActivation, ConfigurationRefused
from pointguard_server.service.configurations import ConfigurationChange
from pointguard_server.service.program_start import ActiveConfigurationUnusable
from pointguard_server.service.tenants import Vocabulary
from pointguard_server.service.vault import MemberVault
from pointguard_server.storage.configuration_versions import ConfigurationVersions
from pointguard_server.storage.keyring import KeyRing
from pointguard_server.storage.readers import Reader
from tests.support.databases import open_readers
from tests.support.ledger import TENANT, Ledger
from tests.support.street import CHANGE, CONFIGURATION, FIVE, Shop, Street, until

ACTIVATE, ROLLBACK, FILE = (
    RuleSetActivationKind.ACTIVATE,
    RuleSetActivationKind.ROLLBACK,
    RuleSetActivationKind.FILE,
)
RULE = """
[[fraud_rule]]
name = "own"
context = "EARNING"
when = 'order.total > 0.50 CAD'
posture = "BLOCK"
duration = "0s"
"""
FOREVER = math.inf
BLOCKED = CONFIGURATION + RULE


@pytest.fixture
def street(ledger: Ledger, tmp_path: Path) -> Street:
    return Street(ledger, tmp_path)


async def create(shop: Shop, source: str) -> int:
    return (await shop.configurations.create(source, CHANGE, shop.key())).version


async def activate(
    shop: Shop, version: int, expected: int, kind: RuleSetActivationKind = ACTIVATE
) -> ConfigurationActivation:
    return await shop.configurations.activate(ConfigurationChange(version, expected, kind, CHANGE), shop.key())


async def take_up(shop: Shop, folder: Path, name: str, text: str) -> None:
    """Change a file, and wait until what it says decides."""
    (folder / name).write_text(text)
    shop.live.start()
    shop.live.look_now()
    await until(lambda: shop.live.stale)
    await until(lambda: not shop.live.stale)
    await shop.live.stop()


async def history(shop: Shop) -> list[tuple[int, int, RuleSetActivationKind, str]]:
    """Return (version, version before, kind, author) of each activation, oldest first."""
    found = await shop.configurations.list_activations(0, 100)
    return [(each.version, each.previous_version, each.kind, each.change.author) for each in reversed(found)]


def earned(shop: Shop, account: int) -> int:
    """Return what a purchase earns; nothing if the rule declines it."""
    return shop.buy(account)[0]


async def test_the_newest_activation_decides_whether_a_call_or_the_file_made_it(street: Street) -> None:
    account = street.ledger.member()
    async with street.open() as shop:
        assert earned(shop, account) == 10
        blocked = await create(shop, BLOCKED)
        assert earned(shop, account) == 10, "a version decides nothing until it is activated"
        await activate(shop, blocked, 1)
        assert earned(shop, account) == 0
        await take_up(shop, street.folder, "earn.rules", FIVE)
        assert earned(shop, account) == 0, "another of the files has changed"
    async with street.open() as shop:
        assert shop.configurations.active_version == blocked, "an unchanged file undoes nothing"
        assert earned(shop, account) == 0
        await take_up(shop, street.folder, "program.toml", CONFIGURATION + "# changed\n")
        assert earned(shop, account) == 5
        await activate(shop, blocked, blocked + 1, ROLLBACK)
        assert earned(shop, account) == 0
    (street.folder / "program.toml").write_text(CONFIGURATION)
    async with street.open() as shop:
        assert earned(shop, account) == 5, "it was changed while nobody looked"
        assert await history(shop) == [
            (1, 0, FILE, "file"),
            (blocked, 1, ACTIVATE, "staff 12"),
            (blocked + 1, blocked, FILE, "file"),
            (blocked, blocked + 1, ROLLBACK, "staff 12"),
            (blocked + 2, blocked, FILE, "file"),
        ]
        assert (await shop.configurations.version(0)).source == CONFIGURATION
    legs = [leg["fraud_rules_version"] for leg in street.ledger.rows("legs") if leg["money"] == 100]
    assert legs == [1, 1, blocked, blocked, blocked, blocked + 1, blocked, blocked + 2]


async def test_of_two_activations_at_once_one_wins_and_a_key_is_answered_once(street: Street) -> None:
    async with street.open() as shop:
        versions = [await create(shop, f"{CONFIGURATION}# {number}\n") for number in range(2)]
        answers = await asyncio.gather(*(activate(shop, each, 1) for each in versions), return_exceptions=True)
        (won,) = [each for each in answers if isinstance(each, ConfigurationActivation)]
        (lost,) = [each for each in answers if isinstance(each, ActiveVersionDiffers)]
        assert str(won.version) in str(lost)
        assert shop.configurations.active_version == won.version
        asked, key = ConfigurationChange(1, won.version, ROLLBACK, CHANGE), shop.key()
        first, again = await asyncio.gather(*(shop.configurations.activate(asked, key) for _ in range(2)))
        assert first == again
        assert len(await history(shop)) == 3
        with pytest.raises(KeyReused):
            await shop.configurations.create(BLOCKED, CHANGE, key)


async def test_what_cannot_be_activated_says_why(street: Street) -> None:
    async with street.open() as shop:
        later = await create(shop, BLOCKED)
        refusals: list[tuple[type[Exception], tuple[Any, ...]]] = [
            (NotFound, (99, 1)),
            (AlreadyActive, (1, 1)),
            (ActiveVersionDiffers, (later, 99)),
            (NotAnEarlierVersion, (later, 1, ROLLBACK)),
        ]
        for refusal, asked in refusals:
            with pytest.raises(refusal):
                await activate(shop, *asked)
        _, conditions = await street.compiler.checking.configuration(BLOCKED, "blocked")
        assert conditions is not None
        street.compiler.fails = {conditions.source}
        with pytest.raises(ConfigurationRefused, match=f"version {later} cannot serve .not compiled.; version 1"):
            await activate(shop, later, 1)
        assert await history(shop) == [(1, 0, FILE, "file")]
        assert shop.configurations.active_version == 1


async def test_what_only_the_file_may_change_is_refused_by_its_name(street: Street) -> None:
    identified = CONFIGURATION.replace("[program.redemption]", 'identifiers = ["CARD"]\n\n[program.redemption]', 1)
    assert identified != CONFIGURATION
    async with street.open() as shop:
        changed = identified.replace('"America/Toronto"', '"Europe/Paris"').replace('"earn.rules"', '"other.rules"')
        with pytest.raises(InvalidRequest) as refused:
            await create(shop, changed)
        named = [violation.description.split()[0] for violation in refused.value.violations]
        assert named == ["program.time_zone", "program.identifiers", "program.earn.rules"]
        assert [each.problem.path for each in await shop.configurations.check(changed)] == named
    (street.folder / "program.toml").write_text(identified)
    async with street.open() as shop:
        assert shop.configurations.active_version == 2
        with pytest.raises(ConfigurationRefused, match=r"program\.identifiers cannot change in a running server"):
            await activate(shop, 1, 2, ROLLBACK)


async def test_an_activation_whose_commit_has_an_unknown_outcome_is_taken_up_a_moment_later(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_program, "LOOK_EVERY_S", 0.005)
    account = street.ledger.member()
    async with street.open() as shop:
        blocked = await create(shop, BLOCKED)
        place = (TENANT, shop.serving.tenant.program_id)

        def write(connection: Any, moment: int) -> None:
            shop.jobs.lost = 1
            ConfigurationVersions().add_activation(connection, *place, blocked, ACTIVATE, CHANGE, moment)

        configuration = await shop.serving.made_ready(await shop.configurations.version(blocked))
        with pytest.raises(StorageUnavailable):
            await shop.serving.change(write, configuration=configuration)
        assert earned(shop, account) == 10, "taken up is what is known to be written"
        # Whatever else changes does not make it forgotten.
        await shop.serving.change(lambda _connection, _moment: None)
        assert shop.serving.problem == f"version {blocked} of the configuration is active and does not serve yet"
        shop.serving.start()
        await until(lambda: shop.configurations.active_version == blocked)
        assert earned(shop, account) == 0
        assert shop.serving.problem == ""
        await shop.serving.stop()


async def test_what_another_server_activated_decides_before_its_conditions_are_compiled(street: Street) -> None:
    account = street.ledger.member()
    async with street.open() as shop:
        blocked = await create(shop, BLOCKED)
        _, conditions = await street.compiler.checking.configuration(BLOCKED, "blocked")
        assert conditions is not None
        street.compiler.fails = {conditions.source}
        place = (shop.ledger.connection, TENANT, shop.serving.tenant.program_id)
        ConfigurationVersions().add_activation(*place, blocked, ACTIVATE, CHANGE, shop.decider.moment())
        await shop.serving.follow()
        assert [rules.rule_set.source for rules in shop.serving.interpreted] == [conditions.source]
        assert earned(shop, account) == 0


async def test_an_active_version_that_is_not_understood_at_a_start_gives_way_to_a_changed_file(street: Street) -> None:
    account = street.ledger.member()
    async with street.open() as shop:
        place = (shop.ledger.connection, TENANT, shop.serving.tenant.program_id)
        versions = ConfigurationVersions()
        # As an older server may have left it.
        old = versions.add_version(*place, CONFIGURATION + "old = 1\n", CHANGE, 1)
        with pytest.raises(RuleChangeRefused, match="this server does not understand it"):
            await activate(shop, old.version, 1)
        versions.add_activation(*place, old.version, ACTIVATE, CHANGE, 2)
    with pytest.raises(ActiveConfigurationUnusable, match=f"version {old.version} of the configuration is active"):
        async with street.open():
            pass
    (street.folder / "program.toml").write_text(CONFIGURATION + "# changed\n")
    async with street.open() as shop:
        assert (shop.configurations.active_version, earned(shop, account)) == (3, 10)


async def test_every_mistake_is_told_with_its_setting_and_its_line(street: Street) -> None:
    text = (
        CONFIGURATION.replace("points = 100", "points = 0", 1) + RULE.replace("order.total", "order.totl") + "[more]\n"
    )
    async with street.open() as shop:
        found = await shop.configurations.check(text)
        told = {each.problem.path: text.splitlines()[each.line - 1].split(" ")[0] for each in found}
        assert told == {"program.redemption.points": "points", "more": "[more]"}
        (condition,) = await shop.configurations.check(BLOCKED.replace("order.total", "order.totl"))
        assert condition.problem.path == "fraud_rule[1].when"
        assert BLOCKED.splitlines()[condition.line - 1].startswith("when = ")
        (broken,) = await shop.configurations.check(CONFIGURATION + "broken\n")
        assert broken.line == CONFIGURATION.count("\n") + 1
        with pytest.raises(InvalidRequest, match="has 2: ValidateConfiguration tells them"):
            await create(shop, text)
        assert [each.version for each in await shop.configurations.list_versions(0, 10)] == [1]


CONVERSION = """
[[program.conversion]]
code = "MILES"
points = 100
gives = {gives}
unit = "miles"
"""


async def test_a_change_that_comes_to_nothing_leaves_no_trace_in_how_requests_are_read(street: Street) -> None:
    account = street.ledger.member()
    async with street.open() as shop:
        first = await create(shop, CONFIGURATION + CONVERSION.format(gives=25))
        await activate(shop, first, 1)
        other = await shop.serving.made_ready(
            await shop.configurations.version(await create(shop, CONFIGURATION + CONVERSION.format(gives=9_999)))
        )
        before, stores = shop.serving.tenant, shop.ledger.names.stores

        async def refused(error: Exception) -> list[asyncio.Future[Any]]:
            """Begin a change whose step raises, with a purchase before it, and one that comes meanwhile."""
            go_on = threading.Event()

            def step(_connection: Any, _moment: int) -> None:
                go_on.wait(10)
                raise error

            asked = [shop.engine.submit([shop.ledger.accrue_ask(account, 1_00)], FOREVER)]
            changing = asyncio.create_task(shop.serving.change(step, configuration=other, stores=dict(stores)))
            await until(lambda: shop.serving.tenant is not before)
            asked.append(shop.engine.submit([shop.ledger.accrue_ask(account, 1_00)], FOREVER))
            go_on.set()
            with pytest.raises(type(error)):
                await changing
            return asked

        for error in (ActiveVersionDiffers(7), StorageUnavailable(), RuntimeError("a defect")):
            earlier, meanwhile = await refused(error)
            assert shop.serving.tenant is before is shop.served[-1]
            assert (shop.ledger.names.stores is stores, before.conversions["MILES"].gives) == (True, 25)
            assert (await earlier)[0].points == 10
            with pytest.raises(ProgramChanged):
                await meanwhile
        verdicts = await shop.engine.submit([shop.ledger.accrue_ask(account, 1_00)], FOREVER)
        assert (verdicts[0].points, shop.engine.queued) == (10, 0)
        await activate(shop, 3, first)
        assert shop.serving.tenant.conversions["MILES"].gives == 9_999, "it may still be made"


async def test_a_change_goes_on_although_whoever_asked_for_it_has_gone(street: Street) -> None:
    async with street.open() as shop:
        version = await create(shop, CONFIGURATION + CONVERSION.format(gives=25))
        configuration = await shop.serving.made_ready(await shop.configurations.version(version))
        before, begun, go_on = shop.serving.tenant, threading.Event(), threading.Event()

        def step(connection: Any, moment: int) -> None:
            begun.set()
            go_on.wait(10)
            ConfigurationVersions().add_activation(
                connection, TENANT, before.program_id, version, ACTIVATE, CHANGE, moment
            )

        changing = asyncio.create_task(shop.serving.change(step, configuration=configuration))
        await asyncio.to_thread(begun.wait)
        changing.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await changing
        assert shop.serving.configuration.version == version
        assert shop.serving.tenant.conversions["MILES"].gives == shop.served[-1].conversions["MILES"].gives == 25
        assert shop.serving.problem == ""


async def test_a_conversion_is_made_by_what_converts_when_it_is_decided(street: Street, tmp_path: Path) -> None:
    ledger = street.ledger
    account = ledger.member(1_000)
    async with street.open() as shop:
        first, second, none = [
            await create(shop, CONFIGURATION + conversion)
            for conversion in (CONVERSION.format(gives=25), CONVERSION.format(gives=30), "")
        ]
        await activate(shop, first, 1)
        tenants = {TENANT: shop.serving.tenant}

        class Learning(Vocabulary):
            """Learns while another version of the configuration is activated."""

            change = (second, first)

            async def learn(self, tenant_id: int, texts: Iterable[tuple[CodeKind, str]]) -> None:
                await super().learn(tenant_id, texts)
                await activate(shop, *self.change)
                tenants[TENANT] = shop.serving.tenant

        readers = open_readers(ledger.path, ledger.postgres_url)
        vault = MemberVault(KeyRing.open_or_create(tmp_path / "keyring.json"))
        vocabulary = Learning(ledger.names, shop.engine)
        conversions = Conversions(Desk(shop.engine, ledger.names, vocabulary, Reader(readers, vault)))
        call = Call(tenants, TENANT, "till", FOREVER)
        member = common_pb2.MemberReference(account_id=account)

        async def units(cashier: str) -> int:
            response = await conversions.convert_points(
                call,
                transaction_pb2.ConvertPointsRequest(
                    idempotency_key=cashier, member=member, conversion="MILES", points=100,
                    origin=common_pb2.Origin(cashier_id=cashier),
                ),
            )  # fmt: skip
            assert isinstance(response, transaction_pb2.ConvertPointsResponse)
            return response.conversion.units

        assert await units("anna") == 30
        vocabulary.change = (none, second)
        with pytest.raises(InvalidRequest, match="conversion"):
            await units("bert")
        assert await units("anna") == 30, "a retry has the first answer"
        await readers.dispose()
