"""Publishing advice: everything arrives, in order for each account, whatever the target does meanwhile."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pointguard_server.domain.codes import Operation
from pointguard_server.engine.ask import Ask
from pointguard_server.engine.engine import Engine
from pointguard_server.feeds import publisher as publishing
from pointguard_server.feeds.aws import AwsClient
from pointguard_server.feeds.dynamodb import DynamoDb
from pointguard_server.feeds.eventbridge import EventBridge
from pointguard_server.feeds.publisher import TRIES_MAX, Publisher
from pointguard_server.feeds.target import Target
from pointguard_server.offline import tend_dead_letters
from pointguard_server.service import advice_feed
from pointguard_server.service.advice_feed import AdviceFeed
from pointguard_server.service.ports import DeadLetter
from pointguard_server.settings import read_settings
from pointguard_server.storage.database import DATABASE_FILE
from pointguard_server.storage.notices import NoticeReader
from pointguard_server.storage.publications import Publications
from pointguard_server.storage.readers import open_readers
from tests.support.aws import BUS, REGION, TABLE, Aws, Proxy, aws, lose_the_answer, proxy_before, throttle
from tests.support.ledger import HOUR, SECOND, TENANT, Ledger, sandboxed

__all__ = ["aws"]
SOON_S = 10.0


@dataclass
class World:
    """A ledger that decides through an engine, its feed, and the targets behind a proxy."""

    ledger: Ledger
    engine: Engine
    reader: NoticeReader
    feed: AdviceFeed
    aws: Aws
    proxy: Proxy

    async def do(self, *asks: Ask) -> None:
        await self.engine.submit(list(asks), time.monotonic() + SOON_S)

    async def raise_advice(self, *accounts: int) -> None:
        """Raise advice against accounts, in an order, a transaction each."""
        for account in accounts:
            await self.do(self.ledger.raise_ask(account))

    @asynccontextmanager
    async def publisher(self, target: Target, client: AwsClient) -> AsyncIterator[Publisher]:
        """Publish while the context lasts."""
        await client.open()
        publisher = Publisher(target, self.feed, self.engine, Publications(), TENANT, self.ledger.clock)
        await publisher.open()
        publisher.start()
        try:
            yield publisher
        finally:
            await publisher.stop()

    def to_eventbridge(self) -> Any:
        client = AwsClient("events", REGION, self.proxy.endpoint, answer_s=0.3)
        return self.publisher(EventBridge(client, BUS, "test0", self.ledger.names.text), client)

    def to_dynamodb(self) -> Any:
        client = AwsClient("dynamodb", REGION, self.proxy.endpoint, answer_s=0.3)
        target = DynamoDb(client, TABLE, TENANT, "test0", self.reader, self.ledger.names.text, self.ledger.clock)
        return self.publisher(target, client)

    def told(self) -> list[tuple[str, int]]:
        """Return transaction and account of each step of the ledger's advice, in order."""
        legs = {leg["position"]: leg for leg in self.ledger.rows("legs")}
        told = (legs[row["leg_position"]] for row in self.ledger.rows("advice"))
        return [(leg["transaction_id"].hex(), leg["account_id"]) for leg in told]


def arrived(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return transaction and account of events, each the first time that it came."""
    details = [event["detail"] for event in events]
    return list(dict.fromkeys((each["event_id"].replace("-", ""), each["account_id"]) for each in details))


async def until(reached: Callable[[], Any]) -> None:
    async with asyncio.timeout(SOON_S):
        while not reached():  # noqa: ASYNC110  (what it looks at tells nobody)
            await asyncio.sleep(0.01)


@pytest.fixture
async def world(aws: Aws, new_ledger: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(publishing, "FIRST_PAUSE_S", 0.005)
    monkeypatch.setattr(publishing, "PAUSE_S_MAX", 0.05)
    monkeypatch.setattr(advice_feed, "LOOK_EVERY_S", 0.01)
    await asyncio.to_thread(aws.begin)
    ledger = new_ledger(journaled=True, back_end=sandboxed)
    pool = open_readers(ledger.path)
    reader = NoticeReader(pool)

    async def catch_up() -> None:
        await asyncio.to_thread(ledger.catch_up)

    reader.catch_up = catch_up
    engine = Engine(ledger.decider, ledger.store.write)
    engine.start()

    async def ledger_end() -> int:
        return ledger.decider.heads.position

    feed = AdviceFeed(reader, TENANT, ledger_end)
    with proxy_before(aws) as proxy:
        yield World(ledger, engine, reader, feed, aws, proxy)
    await feed.close()
    await engine.stop()
    await pool.dispose()


async def be_away(world: World, publisher: Publisher, accounts: list[int]) -> None:
    """Have the target away for a day, while advice is raised against each account every hour."""
    world.proxy.down = True
    for _ in range(24):
        await world.raise_advice(*accounts)
        world.ledger.clock.moment += HOUR
    world.ledger.clock.moment += SECOND
    await until(lambda: publisher.failures > 3)
    await until(lambda: publisher.lag_positions >= 24 * len(accounts))
    assert publisher.lag_s > 86_399
    assert publisher.published == 0


async def test_a_days_outage_is_caught_up_in_order_through_throttling_and_lost_answers(world: World) -> None:
    accounts = [world.ledger.member() for _ in range(4)]
    async with world.to_eventbridge() as publisher:
        await be_away(world, publisher, accounts)
        assert world.aws.take_events() == []
        world.proxy.faults.extend([throttle, lose_the_answer, throttle, lose_the_answer])
        world.proxy.down = False
        await until(lambda: publisher.lag_positions == 0)
        assert (publisher.lag_s, publisher.dead_letters) == (0, 0)
        events = await asyncio.to_thread(world.aws.take_events)
    assert len(events) > 96, "what was taken without an answer comes twice"
    # Of each account in order, whatever came between; what comes again has the id that it had.
    came, told = arrived(events), world.told()
    assert [[each for each in came if each[1] == account] for account in accounts] == [
        [each for each in told if each[1] == account] for account in accounts
    ]
    first = events[0]
    assert (first["source"], first["detail-type"]) == ("pointguard", "Advice Notice")
    assert first["detail"]["schema"] == "pointguard.advice.v1"
    assert first["detail"]["intervention"] == {"reason": "FALSE_POSITIVE"}, "nothing that people wrote"
    (step,) = first["detail"]["steps"]
    assert (step["event"], step["advice"]["posture"]) == ("RAISED", "BLOCK")


async def test_after_a_days_outage_the_table_has_what_stands_now_each_account_written_in_order(world: World) -> None:
    accounts = [world.ledger.member() for _ in range(3)]
    async with world.to_dynamodb() as publisher:
        await be_away(world, publisher, accounts)
        assert world.aws.items() == {}
        await world.do(world.ledger.status_ask(accounts[0], suspended=True))
        world.proxy.faults.extend([throttle, lose_the_answer])
        world.proxy.down = False
        await until(lambda: publisher.lag_positions == 0)
        assert (publisher.lag_s, publisher.dead_letters) == (0, 0)
    items = world.aws.items()
    for account in accounts:
        item = items[f"test0/{account}"]
        assert int(item["seq"]["N"]) == world.ledger.legs(account)[-1]["seq"]
        # Each stood for a day, so the first has ended.
        assert len(item["advice"]["L"]) == 23
        assert item["suspended"]["BOOL"] == (account == accounts[0])
    written = [json.loads(body)["Item"] for _, _, body in world.proxy.requests]
    for key in items:
        seqs = [int(item["seq"]["N"]) for item in written if item["account"]["S"] == key]
        assert seqs == sorted(seqs)


async def test_a_stopped_publisher_goes_on_from_its_cursor_and_begins_where_it_was_first_asked_to(
    world: World,
) -> None:
    account = world.ledger.member()
    await world.raise_advice(account)
    async with world.to_eventbridge() as publisher:
        await world.raise_advice(account)
        await until(lambda: publisher.published == 1)
        await until(lambda: publisher.lag_positions == 0)
    await world.raise_advice(account, account)
    async with world.to_eventbridge() as publisher:
        await until(lambda: publisher.published == 2)
    events = await asyncio.to_thread(world.aws.take_events)
    assert arrived(events) == world.told()[1:], "what is older than the setting is no news"
    assert len(events) == 3


async def test_an_entry_that_is_refused_is_kept_aside_while_the_others_pass_and_published_when_told(
    world: World,
) -> None:
    bad, good = world.ledger.member(), world.ledger.member()
    world.proxy.refuses = lambda detail: "MalformedDetail" if detail["account_id"] == bad else ""
    publications = Publications()
    async with world.to_eventbridge() as publisher:
        await world.raise_advice(bad, good, good)
        await until(lambda: (publisher.dead_letters, publisher.published) == (1, 2))
        assert publisher.failures == TRIES_MAX
    (letter,) = world.ledger.store.write(lambda connection: publications.dead_letters(connection, TENANT))
    assert (letter.target, letter.problem, letter.requeued) == ("eventbridge", "MalformedDetail", False)
    assert world.ledger.store.write(lambda connection: publications.requeue(connection, TENANT)) == 1
    world.proxy.refuses = lambda _detail: ""
    async with world.to_eventbridge() as publisher:
        assert publisher.dead_letters == 1
        await until(lambda: publisher.dead_letters == 0)
    assert world.ledger.store.write(lambda connection: publications.dead_letters(connection, TENANT)) == []
    events = await asyncio.to_thread(world.aws.take_events)
    assert sorted(arrived(events)) == sorted(world.told())


async def test_entries_that_are_refused_for_now_are_never_given_up_and_hold_back_their_account(world: World) -> None:
    account, other = world.ledger.member(), world.ledger.member()
    seen: list[int] = []

    def busy(detail: dict[str, Any]) -> str:
        seen.append(detail["account_id"])
        return "ThrottlingException" if detail["account_id"] == account and seen.count(account) <= 8 else ""

    world.proxy.refuses = busy
    async with world.to_eventbridge() as publisher:
        await world.raise_advice(account, account, other)
        await until(lambda: publisher.published == 3)
    assert publisher.dead_letters == 0
    came = arrived(await asyncio.to_thread(world.aws.take_events))
    assert [each for each in came if each[1] == account] == [each for each in world.told() if each[1] == account]


async def test_the_table_has_what_stands_against_each_account_and_no_older_state_takes_its_place(
    world: World,
) -> None:
    account, other = world.ledger.member(), world.ledger.member()
    await world.raise_advice(account, other)
    key = f"test0/{account}"
    async with world.to_dynamodb() as publisher:
        world.proxy.faults.extend([throttle, lose_the_answer])
        await until(lambda: publisher.published >= 2)
        await until(lambda: publisher.lag_positions == 0)
        first = world.aws.items()
        assert set(first) == {key, f"test0/{other}"}, "it begins at the beginning"
        assert [each["M"]["posture"]["S"] for each in first[key]["advice"]["L"]] == ["BLOCK"]
        assert first[key]["suspended"] == {"BOOL": False}
        (advice,) = world.ledger.rows("advice")[:1]
        await world.do(world.ledger.settle_ask(Operation.REMOVE_ADVICE, account, advice["advice_id"]))
        await world.do(world.ledger.status_ask(account, suspended=True))
        await until(lambda: world.aws.items()[key]["suspended"]["BOOL"])
    after = world.aws.items()
    assert (after[key]["advice"]["L"], after[f"test0/{other}"]) == ([], first[f"test0/{other}"])
    # A request of before that comes in late, as from a server that was cut off for a while.
    late = [
        (headers, body) for _, headers, body in world.proxy.requests if json.loads(body)["Item"]["account"]["S"] == key
    ]
    status, answer = world.proxy.ask(*late[0])
    assert (status, "ConditionalCheckFailed" in answer.decode()) == (400, True)
    assert world.aws.items() == after


def test_an_operator_lists_dead_letters_and_has_them_published_again(tmp_path: Path) -> None:
    options = ("--sandbox", "--data-dir", str(tmp_path), "--dead-letters")
    listing, requeuing = (read_settings((*options, what), {})[0] for what in ("list", "requeue"))
    assert list(tend_dead_letters(listing)) == [], "a directory without a ledger has none"
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE, isolation_level=None)) as connection:
        connection.execute("INSERT INTO tenants VALUES (3, 'sandbox', 'Sandbox', 1)")
        Publications().bury(connection, 3, DeadLetter("dynamodb", 8, "ValidationException", 7, requeued=False))
        Publications().bury(connection, 4, DeadLetter("dynamodb", 9, "ValidationException", 7, requeued=False))
    letter = {"target": "dynamodb", "position": 8, "problem": "ValidationException", "failed_at": 7}
    for settings, requeued in ((listing, False), (requeuing, True), (listing, True)):
        assert list(map(json.loads, tend_dead_letters(settings))) == [letter | {"requeued": requeued}]
