"""What rules may ask of baskets, members and the account's past decides on a running server, and after a restart.

One server for all; each test gives its rules to a member of its own.
"""

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest

from pointguard_client import (
    AlreadyExists,
    Basket,
    BasketLine,
    Identifier,
    InvalidArgument,
    Origin,
    PointguardClient,
    Profile,
    RuleChange,
    RuleChangeReason,
    SimulatedOrder,
    new_idempotency_key,
)
from tests.support.server import ServerProcess, issue_key, write_program

CHANGE = RuleChange("staff 12", RuleChangeReason.NEW_OFFER, "spring")
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("features")
    options = ("--tenant", "plain", *write_program(folder / "program"))
    key = issue_key(folder / "data", *options, "--role", "till", "--role", "manager")
    started = ServerProcess(folder / "data", options, api_key=key)
    try:
        yield started.start()
    finally:
        started.clean_up()


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[PointguardClient]:
    async with PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=30) as connected:
        yield connected


async def decide_by(client: PointguardClient, source: str) -> int:
    """Have rules decide from now on; return their version."""
    active = (await client.rules.list_versions(page_size=1)).active_version
    version = (await client.rules.create_version(source, CHANGE)).version
    await client.rules.activate_version(version, CHANGE, expected_active_version=active)
    return version


async def new_member(client: PointguardClient) -> Identifier:
    member = Identifier.loyalty_id(f"feature{next(numbers)}")
    await client.enroll_member([member], idempotency_key=new_idempotency_key())
    return member


def basket(*lines: str) -> Basket:
    """A basket of lines of "sku category", a dollar each."""
    texts = [(*line.split(), "")[:2] for line in lines]
    return Basket("CAD", tuple(BasketLine(100, sku, category) for sku, category in texts))


async def buy(
    client: PointguardClient, member: Identifier, *lines: str, key: str = "", store_id: str = ""
) -> dict[str, int]:
    """Return what a purchase earns, by rule."""
    earned = await client.accrue(
        member, basket(*lines), idempotency_key=key or new_idempotency_key(), origin=Origin(store_id)
    )
    return {award.rule: award.points for award in earned.awards}


@pytest.mark.long
async def test_patterns_and_different_articles_decide_whoever_reads_the_basket(client: PointguardClient) -> None:
    await decide_by(
        client,
        """
        rule "fruit" earn base count(lines, line.sku matches "40*" or line.category matches "*fruit?")
        rule "kinds" earn bonus distinct(lines, line.sku) + 10 * distinct(lines, line.category)
        rule "store" when store.id matches "s?" and order.channel not matches "ON*" earn bonus 100
        """,
    )
    member = await new_member(client)
    lines = ("4011 fruits", "4011 fruits", "9 fruitsalad", "8")
    # The first is decoded slowly, since nothing of it is known; the others by the kernels.
    for _ in range(3):
        assert await buy(client, member, *lines, store_id="s1") == {"fruit": 2, "kinds": 23, "store": 100}
    # A text that is not ASCII is never read by the kernels, and means the same.
    assert await buy(client, member, *lines, "pâté fruité", store_id="s1") == {"fruit": 3, "kinds": 34, "store": 100}


@pytest.mark.long
async def test_groups_and_the_store_s_country_decide_from_the_next_purchase_on(client: PointguardClient) -> None:
    await decide_by(
        client,
        """
        rule "vip" when "VIP" in member.groups and "STAFF" not in member.groups earn bonus 5
        rule "home" when store.country == "CA" and member.tier == "GOLD" earn bonus 1
        """,
    )
    member = Identifier.loyalty_id("groups")
    await client.enroll_member([member], tier="GOLD", groups=("VIP", "EARLY"))
    assert await buy(client, member, "1", store_id="s1") == {"vip": 5, "home": 1}
    found = await client.find_member(member)
    assert (found.tier, found.groups) == ("GOLD", ("EARLY", "VIP"))
    key = new_idempotency_key()
    for _ in range(2):
        await client.update_member(member, groups=("VIP", "STAFF"), idempotency_key=key)
    assert await buy(client, member, "1", store_id="s1") == {"home": 1}
    await client.update_member(member, tier="", groups=())
    assert await buy(client, member, "1", store_id="s1") == {}
    found = await client.find_member(member)
    assert (found.tier, found.groups) == ("", ())
    order = SimulatedOrder(basket("1"), Origin("s1"), tier="GOLD", groups=("VIP",))
    assert (await client.rules.simulate(order)).points == 6
    with pytest.raises(InvalidArgument, match=r"groups\.groups\[1\]"):
        await client.update_member(member, groups=("VIP", "x" * 33))
    with pytest.raises(InvalidArgument, match="tier"):
        await client.update_member(member)


@pytest.mark.long
async def test_caps_hold_through_kill_9_and_across_versions(server: ServerProcess, client: PointguardClient) -> None:
    rules = 'rule "capped" earn base 30 cap 50 per day cap 100 per lifetime\nrule "other" earn bonus 1\n'
    await decide_by(client, rules)
    member, another = await new_member(client), await new_member(client)
    assert await buy(client, member, "1") == {"capped": 30, "other": 1}
    assert await buy(client, another, "1") == {"capped": 30, "other": 1}
    server.kill()
    server.start()
    async with PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=30) as again:
        key = new_idempotency_key()
        for _ in range(2):  # the second is the first again, and takes nothing of the cap
            assert await buy(again, member, "1", key=key) == {"capped": 20, "other": 1}
        assert await buy(again, member, "1") == {"other": 1}
        # Another version's rule of the same name is the same rule; one that had no cap before has given what it gave.
        await decide_by(again, 'rule "other" earn bonus 5 cap 8 per day\nrule "capped" earn base 30 cap 60 per day')
        assert await buy(again, member, "1") == {"capped": 10, "other": 5}
        assert await buy(again, another, "1") == {"capped": 30, "other": 5}


@pytest.mark.long
async def test_different_stores_are_counted_through_a_restart(server: ServerProcess, client: PointguardClient) -> None:
    await decide_by(client, 'rule "roaming" earn base 1 + 10 * distinct(stores of purchases, 7 days)')
    member = await new_member(client)
    earned = [await buy(client, member, "1", store_id=store) for store in ("s1", "s1", "s2")]
    server.stop()
    server.start()
    async with PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=30) as again:
        earned.append(await buy(again, member, "1"))
    assert earned == [{"roaming": points} for points in (1, 11, 11, 21)]


@pytest.mark.long
async def test_a_birth_date_decides_from_its_change_on_and_through_kill_9(
    server: ServerProcess, client: PointguardClient
) -> None:
    source = """
    rule "age" when member.age_band == "35-44" earn bonus 1
    rule "young" when member.age_band matches "*17" earn bonus 10
    rule "month" earn bonus 100 * member.birthday_month
    """
    await decide_by(client, source)
    member, year = Identifier.loyalty_id("born"), datetime.now(UTC).year
    await client.enroll_member([member], profile=Profile("Ada", birth_date=f"{year - 40}-01-01"))
    assert await buy(client, member, "1") == {"age": 1, "month": 100}
    child, key = f"{year - 10}-12-31", new_idempotency_key()
    for _ in range(2):
        await client.update_member(member, birth_date=child, idempotency_key=key)
    bought = await client.accrue(member, basket("1"), idempotency_key=new_idempotency_key())
    assert {award.rule: award.points for award in bought.awards} == {"young": 10, "month": 1200}
    profile = (await client.find_member(member)).profile
    assert (profile.given_name, profile.birth_date) == ("Ada", child)
    with pytest.raises(AlreadyExists):
        await client.update_member(member, birth_date="1980-02-29", idempotency_key=key)
    for wrong in ("1980-02-30", "1899-12-31", f"{year + 1}-01-03", "80-02-29"):
        with pytest.raises(InvalidArgument, match="birth_date"):
            await client.update_member(member, birth_date=wrong)
    assert (await client.rules.simulate(SimulatedOrder(basket("1"), birth_date=f"{year - 40}-01-01"))).points == 101
    with pytest.raises(InvalidArgument, match=r"order\.birth_date"):
        await client.rules.simulate(SimulatedOrder(basket("1"), birth_date="1980"))
    server.kill()
    server.start()
    async with PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=30) as again:
        assert await buy(again, member, "1") == {"young": 10, "month": 1200}
        await again.update_member(member, birth_date="")
        assert await buy(again, member, "1") == {}
        assert (await again.find_member(member)).profile.birth_date == ""
        explained = await again.explain_decision(bought.transaction_id)
        assert explained.reproduced
        assert (await again.rules.simulate(bought.transaction_id)).points == 1210
