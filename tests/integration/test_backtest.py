"""A backtest over a real ledger: what it adds up is what a slow and obvious count over the records finds."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pointguard.v1 import transaction_pb2
from pointguard_server.backtest import kernel, record_kernel, records, window_kernel
from pointguard_server.backtest import ledger as ledger_source
from pointguard_server.backtest.records import RecordReader
from pointguard_server.backtest.run import Specification, run, warm_up
from pointguard_server.domain.codes import Channel, CodeKind, Decision, Kind, Operation, RequestFlag
from pointguard_server.domain.record import decode_record, encode_body, encode_record
from pointguard_server.engine.ask import Ask
from pointguard_server.engine.rows import RequestFields, currency_number
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.rules.sandbox_limits import DEFAULT_FUEL
from pointguard_server.service.line_codes import NO_NUMBERS, LineCodes
from pointguard_server.service.rule_simulation import Order, OrderLine, Simulation, simulate
from tests.support.ledger import DAY, MINUTE, TENANT, Ledger, open_ledger

ACCOUNTS, ORDERS = 12, 260
RULES = """
rule "everyday" earn base 2 * line.amount per line where line.category != "FUEL"
rule "tier" when member.tier == "GOLD" and order.channel != "ONLINE" earn bonus order.total / 3
rule "north" when member.province == store.province and store.id in ("S1", "S2") earn targeted 7
rule "account" when account.spend > 40.00 CAD and member.days_since_enrolment >= 1 earn bonus account.posted / 9
rule "café" when any(lines, line.category == "CAFÉ") and order.tender == "VISA" and not order.coupon_used earn bonus 11
rule "articles" when distinct(lines, line.sku) >= 2 and not any(lines, line.category matches "*U*") earn bonus 13
rule "failing" when order.total == 3.33 CAD earn bonus 1 / (order.line_count - order.line_count)
"""
OTHER_RULES = """
rule "everyday" earn base 1.5 * line.amount per line where line.category != "FUEL"
rule "café" when any(lines, line.category == "CAFÉ") earn bonus 11
"""
CALENDAR_RULES = """
rule "weekend" when time.weekday in (6, 7) and time.year == 2017 earn base 3 * order.total
rule "spring" when time.year == 2017 and time.month <= 4 earn bonus time.hour + 1
rule "newcomer" when member.days_since_enrolment == 0 earn bonus 5
"""
WINDOW_RULES = 'rule "seldom" when count(purchases, 7 days) < 2 earn base 10 cap 30 per month'
LONG_AGO = 1_490_616_000_000_000  # 2017-03-27T12:00:00Z
TIERS, STORES, CATEGORIES = ("GOLD", "BASIC", ""), ("S1", "S2", "S3", ""), ("FUEL", "CAFÉ", "PRODUCE", "")


@pytest.fixture(scope="module", name="ledger")
def filled_ledger() -> Iterator[Ledger]:
    """A ledger with purchases of every sort among other things; the last order of each account is declined."""
    with open_ledger(rules=SUSPECT) as ledger:
        fill(ledger)
        yield ledger


SUSPECT = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_PURCHASE_TRANSACTION_COUNT_MONTH"
window = { rolling = "30d" }
threshold = 20
posture = "BLOCK"
duration = "1d"
"""


def fill(ledger: Ledger) -> None:
    draw = Random(3)
    for store in STORES[:3]:
        province = "CA-ON" if store != "S3" else "CA-QC"
        ledger.names.add_store(ledger.connection, TENANT, store, "UNIT", "CA", province)
    ledger.names.version_stores(ledger.connection, TENANT, ledger.clock.moment)
    accounts = [enroll(ledger, draw) for _ in range(ACCOUNTS)]
    for number in range(ORDERS):
        ledger.clock.moment += draw.randint(0, 3 * 60 * MINUTE)
        account = draw.choice(accounts)
        ledger.one(accrue_ask(ledger, draw, account, number))
        if number % 9 == 0:
            ledger.authorise(account, 1, capture=number % 2 == 0)


def enroll(ledger: Ledger, draw: Random) -> int:
    ask = ledger.enroll_ask(f"member {draw.random()}")
    fields = RequestFields(
        int(Operation.ENROLL),
        int(Kind.PROFILE_UPDATE),
        province_id=ledger.code(CodeKind.PROVINCE, draw.choice(["CA-ON", "CA-QC"])),
        tier_id=ledger.code(CodeKind.TIER, draw.choice(TIERS)),
    )
    return ledger.one(replace(ask, fields=fields.pack())).account_id


def accrue_ask(ledger: Ledger, draw: Random, account: int, number: int) -> Ask:
    basket = transaction_pb2.Basket(currency_code="CAD")
    for _ in range(draw.randint(0, 4)):
        basket.lines.add(
            sku=draw.choice(["A", "B", "Ä", "C", ""]),
            category=draw.choice(CATEGORIES),
            quantity=draw.randint(0, 3),
            amount_minor_units=draw.choice([333, draw.randint(0, 5_000)]),
        )
    total = sum(line.amount_minor_units for line in basket.lines) if basket.lines else draw.choice([333, 1_050])
    fields = RequestFields(
        int(Operation.ACCRUE),
        int(Kind.PURCHASE),
        account,
        money=total,
        flags=int(RequestFlag.COUPON_USED) if draw.random() < 0.4 else 0,
        store_id=ledger.code(CodeKind.STORE, draw.choice(STORES)),
        tender_id=ledger.code(CodeKind.TENDER, draw.choice(["VISA", "CASH", ""])),
        channel=draw.choice([0, int(Channel.ONLINE)]),
        occurred_at=draw.choice([0, LONG_AGO + number * 7 * 60 * MINUTE]),
    )
    return ledger.ask(
        None,
        fields,
        currency=currency_number("CAD"),
        lines=bytes(48),
        line_count=1,
        body=encode_body("receipt", basket.SerializeToString(deterministic=True) if basket.lines else b""),
    )


def specification(ledger: Ledger, *sources: str, **changes: Any) -> Specification:
    return replace(
        Specification(
            database=str(ledger.path),
            tenant_id=TENANT,
            program_id=ledger.programs.programs[0].program_id,
            begin=0,
            end=ledger.clock.moment + 1,
            currency="CAD",
            money_scale=10_000,
            time_zone="America/Toronto",
            cache_directory=str(ledger.cache),
            isolation="none",
            fuel=DEFAULT_FUEL,
            sources=tuple((source, {}) for source in sources),
            examples_max=5,
        ),
        **changes,
    )


def result_of(wanted: Specification) -> dict[str, Any]:
    *progress, last = run(wanted)
    legs = [event["progress"]["legs"] for event in progress]
    assert legs == sorted(legs)
    assert legs[-1] == progress[-1]["progress"]["legs_in_all"]
    found: dict[str, Any] = last["result"]
    return found


class Counted:
    """The slow and obvious count: every record decoded, every order simulated by the interpreter."""

    def __init__(self, ledger: Ledger, begin: int = 0, end: int = 2**62) -> None:
        self._ledger = ledger
        names = dict(ledger.connection.execute("SELECT code_id, text FROM codes").fetchall()) | {0: ""}
        self.orders: list[tuple[dict[str, Any], Order]] = []
        self.declined = 0
        query = "SELECT record FROM legs WHERE operation = ? AND accepted_at >= ? AND accepted_at < ? ORDER BY position"
        for (data,) in ledger.connection.execute(query, (int(Operation.ACCRUE), begin, end)).fetchall():
            record = decode_record(data)
            leg: dict[str, Any] = dict(record.leg)
            if leg["decision"] != Decision.APPROVED:
                self.declined += 1
                continue
            self.orders.append((leg, self._order(leg, record, names)))

    def _order(self, leg: dict[str, Any], record: Any, names: dict[int, str]) -> Order:
        basket = transaction_pb2.Basket.FromString(record.basket)
        lines = tuple(
            OrderLine(line.sku, line.category, line.brand, line.quantity, line.amount_minor_units)
            for line in basket.lines
        ) or (OrderLine("", "", "", 1, leg["money"]),)
        place = self._ledger.connection.execute(
            "SELECT province_id FROM stores WHERE store_id = ?", (leg["store_id"],)
        ).fetchone()
        first = self._ledger.connection.execute(
            "SELECT accepted_at FROM legs WHERE account_id = ? AND seq = 1", (leg["account_id"],)
        ).fetchone()
        return Order(
            total=leg["money"],
            lines=lines,
            kind=Kind(leg["kind"]).name,
            accepted_at=leg["accepted_at"],
            channel=Channel(leg["channel"]).name if leg["channel"] else "",
            tender=names[record.request["tender_id"]],
            coupon_used=bool(record.request["flags"] & RequestFlag.COUPON_USED),
            store=names[leg["store_id"]],
            store_province=names[place[0]] if place else "",
            tier=names[leg["tier_id"]],
            province=names[leg["province_id"]],
            days_since_enrolment=(leg["accepted_at"] - first[0]) // DAY,
            posted=leg["posted"] - sum(entry["signed_points"] for entry in record.entries),
            reserved=leg["reserved"],
            pending=leg["pending"],
            spend=leg["spend_total"] - leg["money"],
        )

    def by_occurred_at(self) -> "Counted":
        """Return the same with every order at the terminal's moment, if it said any."""
        self.orders = [(leg, self._at(order, leg["occurred_at"])) for leg, order in self.orders]
        return self

    def _at(self, order: Order, moment: int) -> Order:
        """Return an order at another moment, when its account, which is younger, began."""
        return replace(order, accepted_at=moment, days_since_enrolment=0) if moment else order

    def simulated(self, source: str) -> list[Simulation]:
        rule_set = load_rule_set(source, "counted", currency="CAD")
        return [simulate(rule_set, order, 10_000, self._ledger.programs.programs[0].zone) for _, order in self.orders]


def by_rule(simulations: list[Simulation]) -> list[dict[str, Any]]:
    points: Counter[str] = Counter()
    orders: Counter[str] = Counter()
    for simulation in simulations:
        for outcome in simulation.outcomes:
            points[outcome.rule] += outcome.points
            orders[outcome.rule] += outcome.points > 0
    return [{"rule": rule, "points": points[rule], "orders": orders[rule]} for rule in points]


def is_ascii(record: bytes) -> bool:
    """Whether all texts of an accrual's lines are ASCII."""
    lines = transaction_pb2.Basket.FromString(decode_record(record).basket).lines
    return all((line.sku + line.category).isascii() for line in lines)


def test_a_version_against_what_was_issued(ledger: Ledger) -> None:
    counted = Counted(ledger)
    simulated = counted.simulated(RULES)
    found = result_of(specification(ledger, RULES))
    assert found["orders"] == len(counted.orders)
    assert found["declined"] == counted.declined > 0
    assert found["money"] == sum(leg["money"] for leg, _ in counted.orders)
    assert found["issued"] == sum(leg["points"] for leg, _ in counted.orders)
    assert found["side"]["rules"] == by_rule(simulated)
    assert all(row["points"] for row in found["side"]["rules"] if row["rule"] != "failing")
    assert found["side"]["failed"] == sum(each.failed for each in simulated) > 0
    differences = [each.points - leg["points"] for each, (leg, _) in zip(simulated, counted.orders, strict=True)]
    assert found["flips"]["orders"] == sum(difference != 0 for difference in differences)
    assert found["flips"]["gained"] == sum(difference for difference in differences if difference > 0)
    assert found["flips"]["lost"] == -sum(difference for difference in differences if difference < 0)
    assert found["other"] is None


def test_two_versions_beside_each_other_by_tier_and_store_with_the_largest_differences(ledger: Ledger) -> None:
    counted = Counted(ledger)
    mine, theirs = counted.simulated(RULES), counted.simulated(OTHER_RULES)
    found = result_of(specification(ledger, RULES, OTHER_RULES))
    assert found["side"]["rules"] == by_rule(mine)
    assert found["other"]["rules"] == by_rule(theirs)
    for what in ("tier", "store"):
        groups: dict[str, Counter[str]] = {}
        for (leg, order), one, other in zip(counted.orders, mine, theirs, strict=True):
            sums = groups.setdefault(getattr(order, what), Counter())
            sums.update(
                orders=1,
                money=order.total,
                issued=leg["points"],
                points=one.points,
                other_points=other.points,
                flips=one.points != other.points,
            )
        assert found[f"{what}s"] == [{"code": code} | dict(groups[code]) for code in sorted(groups)]
    sizes = [
        (-abs(one.points - other.points), n)
        for n, (one, other) in enumerate(zip(mine, theirs, strict=True))
        if one.points != other.points
    ]
    examples = found["flips"]["examples"]
    expected = [counted.orders[n][0]["transaction_id"].hex() for _, n in sorted(sizes)[:5]]
    assert [example["transaction_id"] for example in examples] == expected
    for example, (_, n) in zip(examples, sorted(sizes), strict=False):
        assert (example["points"], example["other_points"]) == (mine[n].points, theirs[n].points)
        assert sum(row["points"] - row["other_points"] for row in example["rules"]) == mine[n].points - theirs[n].points


def test_a_range_takes_its_begin_and_leaves_its_end_out(ledger: Ledger) -> None:
    moments = [leg["accepted_at"] for leg, _ in Counted(ledger).orders]
    begin, end = moments[40], moments[200]
    counted = Counted(ledger, begin, end)
    found = result_of(specification(ledger, RULES, begin=begin, end=end))
    assert found["orders"] == len(counted.orders) < 200
    assert found["side"]["rules"] == by_rule(counted.simulated(RULES))
    for empty in ((0, moments[0] - 40 * DAY), (ledger.clock.moment + 1, ledger.clock.moment + DAY), (begin, begin)):
        assert result_of(specification(ledger, RULES, begin=empty[0], end=empty[1]))["orders"] == 0


def test_orders_are_seen_at_the_moments_that_terminals_said_where_that_is_asked_for(ledger: Ledger) -> None:
    moments = [leg["accepted_at"] for leg, _ in Counted(ledger).orders]
    begin, end = moments[20], moments[220]
    simulated = Counted(ledger, begin, end).by_occurred_at().simulated(CALENDAR_RULES)
    wanted = specification(ledger, CALENDAR_RULES, begin=begin, end=end)
    found = result_of(replace(wanted, by_occurred_at=True))
    assert found["orders"] == len(simulated)
    assert found["side"]["rules"] == by_rule(simulated)
    assert all(row["orders"] for row in found["side"]["rules"])
    as_accepted = result_of(wanted)
    assert as_accepted["side"]["rules"] != found["side"]["rules"]
    assert [as_accepted[name] for name in ("orders", "money", "issued")] == [
        found[name] for name in ("orders", "money", "issued")
    ]
    # An example is found in the ledger by when it was accepted, whatever the rules see.
    assert {example["accepted_at"] for example in found["flips"]["examples"]} <= set(moments)


def test_the_sums_do_not_depend_on_how_the_ledger_is_cut_into_stretches(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = result_of(specification(ledger, RULES, OTHER_RULES))
    monkeypatch.setattr(ledger_source, "_POSITIONS_A_QUERY", 7)
    monkeypatch.setattr(ledger_source, "BYTES_A_STRETCH", 900)
    monkeypatch.setattr(ledger_source, "_ENROLLMENTS_KEPT", 2)
    assert result_of(specification(ledger, RULES, OTHER_RULES)) == whole


def test_records_that_the_kernel_leaves_are_decoded_to_the_same_orders(ledger: Ledger) -> None:
    found = [
        row[0]
        for row in ledger.connection.execute(
            "SELECT record FROM legs WHERE operation = ? ORDER BY position", (int(Operation.ACCRUE),)
        )
    ]
    reader = RecordReader("CAD", 10_000, LineCodes(NO_NUMBERS.including([(1, b"FUEL\nPRODUCE\n")])))
    # What is not ASCII is unusual.
    ascii_only = [record for record in found if is_ascii(record)]
    assert 0 < len(ascii_only) < len(found)
    for some in (ascii_only, found, [record for record in found if not is_ascii(record)], found[-1:], []):
        orders, history = reader.read(some)
        decoded, decoded_history = reader._decoded(some)
        lines = int(orders.first_line[-1])
        for name in orders._fields[:-1]:
            assert (getattr(orders, name) == getattr(decoded, name)).all(), name
        assert (orders.lines[:lines] == decoded.lines).all()
        for name in history._fields:
            assert (getattr(history, name) == getattr(decoded_history, name)).all(), name


def test_records_of_every_version_are_read_and_those_that_are_cut_short_are_left(ledger: Ledger) -> None:
    query = "SELECT record FROM legs WHERE operation = ? LIMIT 20"
    now = [row[0] for row in ledger.connection.execute(query, (int(Operation.ACCRUE),))]
    reader = RecordReader("CAD", 10_000, LineCodes())
    orders, _ = reader.read(now)
    for version in (1, 2, 3):
        earlier, _ = reader.read([encode_record(decode_record(record), version) for record in now])
        assert (orders.total == earlier.total).all()
        assert (orders.first_line == earlier.first_line).all()
    (record,) = [record for record in now if is_ascii(record)][:1]
    for size in range(len(record)):
        with pytest.raises((ValueError, IndexError, KeyError)):
            reader.read([record[:size]])
    assert set(records._VERSIONS) == {1, 2, 3, 4}
    assert len(RequestFields._fields) == record_kernel.REQUEST_SIZE


def test_nothing_of_the_ledger_can_be_changed_by_a_backtests_connection(ledger: Ledger) -> None:
    source = ledger_source.LedgerSource(Path(ledger.path), TENANT, 1, 0, 2**62)
    try:
        with pytest.raises(Exception, match="readonly"):
            source._connection.execute("INSERT INTO codes (tenant_id, kind, text) VALUES (1, 1, 'x')")
    finally:
        source.close()


def test_rules_in_a_sandbox_give_the_same(ledger: Ledger) -> None:
    native = result_of(specification(ledger, RULES))
    assert result_of(specification(ledger, RULES, isolation="wasm")) == native


def test_warming_up_compiles_all_that_a_backtest_calls(ledger: Ledger) -> None:
    warm_up()
    result_of(specification(ledger, RULES))
    result_of(specification(ledger, WINDOW_RULES))
    assert [len(each.signatures) for each in (kernel.evaluate, record_kernel.read_records, window_kernel.walk)] == [
        1,
        1,
        1,
    ]
