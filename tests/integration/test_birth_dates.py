"""What rules see of a birth date is what a calendar on the program's wall says, for the kernel as for plain Python."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from pointguard_server.domain.age_bands import packed, read_birth_date
from pointguard_server.domain.codes import Kind, Operation, Outcome, RequestFlag
from pointguard_server.engine.ask import Ask
from pointguard_server.engine.rows import RequestFields, currency_number
from pointguard_server.service.members import birth_date_claim
from tests.support.explaining import explaining
from tests.support.ledger import EARN as PLAIN
from tests.support.ledger import Ledger, open_ledger

STARTS = {"0-17": 0, "18-24": 18, "25-34": 25, "35-44": 35, "45-54": 45, "55-64": 55, "65-74": 65, "75+": 75}
EARN = (
    "\n".join(
        f'rule "{number}" when member.age_band == "{band}" earn bonus {100 * (number + 1)}'
        for number, band in enumerate(STARTS)
    )
    + """
rule "month" earn bonus member.birthday_month
rule "old" when member.age_band matches "?5-?4" earn bonus 1000
"""
)
ZONE = "America/Toronto"


def birth_ask(ledger: Ledger, account: int, born: str, key: str | None = None) -> Ask:
    """Change the birth date of an account's member; an empty one is not known."""
    fields = RequestFields(
        int(Operation.UPDATE_MEMBER), int(Kind.PROFILE_UPDATE), account, flags=int(RequestFlag.CHANGES_BIRTH_DATE)
    )
    ask = ledger.ask(key, fields, birth_date=packed(read_birth_date(born)) if born else 0)
    ask.claim = birth_date_claim(ledger.tenant, ask.key, born)
    return ask


def purchase(ledger: Ledger, account: int) -> Ask:
    fields = RequestFields(int(Operation.ACCRUE), int(Kind.PURCHASE), account, money=100)
    return ledger.ask(None, fields, currency=currency_number("CAD"))


def expected(born: str, moment: datetime) -> int:
    """The points of a purchase by walking through the member's birthdays, one by one."""
    if not born:
        return 0
    birth, today = date.fromisoformat(born), moment.astimezone(ZoneInfo(ZONE)).date()
    birthdays = 0
    for year in range(birth.year + 1, today.year + 1):
        try:
            birthday = birth.replace(year=year)
        except ValueError:  # 29 February in a common year
            birthday = date(year, 3, 1)
        birthdays += birthday <= today
    band = max(range(len(STARTS)), key=lambda number: (list(STARTS.values())[number] <= birthdays, number))
    return 100 * (band + 1) + birth.month + (1000 if 2 <= band <= 6 else 0)


def midnights() -> list[datetime]:
    """Moments on both sides of midnights in the zone: ends of months, leap days, changes of the clock."""
    days = (
        "2027-02-28", "2027-03-01", "2028-02-28", "2028-02-29", "2028-03-01", "2028-03-12", "2028-11-05", "2028-12-31",
        "2029-01-01", "2029-02-28", "2029-03-01", "2029-03-31", "2029-04-30", "2029-05-01",
    )  # fmt: skip
    found = []
    for day in days:
        midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
        found += [midnight - timedelta(microseconds=1), midnight, midnight + timedelta(hours=23)]
    return sorted(set(found))


def test_bands_and_months_turn_at_midnight_in_the_program_s_zone() -> None:
    years = (1900, 1952, 1953, 1954, 1964, 1980, 1992, 2003, 2004, 2010, 2011, 2028)
    days = ("01-01", "02-28", "02-29", "03-01", "03-12", "04-30", "11-05", "12-31")
    births = [""]
    for year, day in product(years, days):
        try:
            births.append(date.fromisoformat(f"{year}-{day}").isoformat())
        except ValueError:
            assert day == "02-29"
    with open_ledger(earn=EARN, zone=ZONE) as ledger:
        ledger.clock.set("2026-06-01T00:00:00+00:00")
        accounts = [ledger.member() for _ in births]
        ledger.decide(*(birth_ask(ledger, *each) for each in zip(accounts, births, strict=True)))
        seen, points = set(), [0]
        for moment in midnights():
            ledger.clock.set(moment.isoformat())
            points = [verdict.points for verdict in ledger.decide(*(purchase(ledger, each) for each in accounts))]
            assert points == [expected(born, moment) for born in births], moment
            seen |= {each // 100 % 10 for each in points}
        assert seen == set(range(len(STARTS) + 1))
        ledger.restart_decider()
        assert [verdict.points for verdict in ledger.decide(*(purchase(ledger, each) for each in accounts))] == points


def test_someone_born_on_the_leap_day_is_a_year_older_on_the_first_of_march() -> None:
    with open_ledger(earn=EARN, zone=ZONE) as ledger:
        account = ledger.member()
        ledger.one(birth_ask(ledger, account, "2012-02-29"))
        for moment, points in (
            ("2030-02-28T23:59:59.999999-05:00", 102), ("2030-03-01T00:00:00-05:00", 202),
            ("2037-02-28T23:59:59-05:00", 202), ("2037-03-01T00:00:00-05:00", 1302),
        ):  # fmt: skip
            ledger.clock.set(moment)
            assert ledger.one(purchase(ledger, account)).points == points


@pytest.mark.parametrize("journaled", [False, True])
def test_a_change_counts_from_its_own_leg_on_and_is_explained_so(journaled: bool) -> None:
    births = ["", "1950-01-31", "2010-12-31", "", "1980-02-29"]
    with open_ledger(earn=EARN, zone=ZONE, journaled=journaled) as ledger:
        account, other = ledger.member(), ledger.member()
        asks = [ask for born in births for ask in (birth_ask(ledger, account, born), purchase(ledger, account))]
        moment = datetime.fromtimestamp(ledger.clock.moment / 1e6, UTC)
        wanted = [expected(born, moment) for born in births]
        assert [verdict.points for verdict in ledger.decide(*asks)][1::2] == wanted
        assert ledger.one(purchase(ledger, other)).points == 0
        for _ in range(2):
            assert ledger.one(purchase(ledger, account)).points == wanted[-1]
            ledger.restart_decider()
        ledger.catch_up()
        with explaining(ledger) as explainer:
            legs = explainer.all_legs()
            assert all(leg.reproduced for leg in legs), [leg.differences for leg in legs]
            bought = [leg.case.order.birth_date for leg in legs if leg.case is not None and leg.case.order is not None]
            assert bought == [*births, "", births[-1], births[-1]]


def test_a_repeated_key_changes_nothing_and_an_unknown_account_keeps_nothing() -> None:
    with open_ledger(earn=EARN, zone=ZONE) as ledger:
        account = ledger.member()
        first = birth_ask(ledger, account, "1950-01-31", key="once")
        again = ledger.decide(first, birth_ask(ledger, account, "1950-01-31", key="once"))
        assert again[0].transaction_id == again[1].transaction_id
        ledger.one(birth_ask(ledger, account, "2010-12-31"))
        assert ledger.one(birth_ask(ledger, account, "1950-01-31", key="once")).replayed
        assert ledger.one(purchase(ledger, account)).points == 112
        assert ledger.one(birth_ask(ledger, 10**9, "1950-01-31")).outcome == Outcome.ACCOUNT_UNKNOWN
        assert len(ledger.rows("birth_dates")) == 2


def test_nothing_outside_the_vault_tells_a_birth_date() -> None:
    with open_ledger(earn=EARN, zone=ZONE) as ledger:
        account = ledger.member()
        ledger.one(birth_ask(ledger, account, "1950-01-31"))
        ledger.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        needle = packed(date(1950, 1, 31)).to_bytes(8, "little")
        written = ledger.path.read_bytes()
        assert b"1950-01-31" not in written
        assert needle[:4] not in written
        assert needle[3::-1] not in written


def test_rules_that_begin_to_ask_read_birth_dates_of_accounts_in_memory() -> None:
    with open_ledger(earn=PLAIN, zone=ZONE) as ledger:
        account = ledger.member()
        ledger.one(birth_ask(ledger, account, "2010-12-31"))
        ledger.restart_decider()
        assert ledger.one(purchase(ledger, account)).points == 10
        ledger.change(earn=EARN)
        assert ledger.one(purchase(ledger, account)).points == 112


def test_an_erased_member_has_no_birth_date_and_the_explanation_names_what_is_gone() -> None:
    with open_ledger(earn=EARN, zone=ZONE) as ledger:
        account = ledger.member()
        ledger.one(birth_ask(ledger, account, "2010-12-31"))
        assert ledger.one(purchase(ledger, account)).points == 112
        ledger.connection.execute("UPDATE members SET wrapped_key = NULL")
        ledger.restart_decider()
        assert ledger.one(purchase(ledger, account)).points == 0
        assert ledger.one(birth_ask(ledger, account, "1990-01-01")).outcome == Outcome.ACCOUNT_UNKNOWN
        with explaining(ledger) as explainer:
            *_, before, after = explainer.all_legs()
        assert not before.reproduced
        assert before.erased_inputs == ("member.age_band", "member.birthday_month")
        assert after.reproduced
        assert after.erased_inputs == before.erased_inputs


def test_conditions_of_fraud_rules_see_the_age_band_too() -> None:
    rule = """
    [[fraud_rule]]
    name = "minors"
    context = "REDEMPTION"
    when = 'member.age_band == "0-17" and member.birthday_month == 12'
    posture = "BLOCK"
    duration = "0s"
    """
    with open_ledger(earn=PLAIN, zone=ZONE, rules=rule) as ledger:
        account = ledger.member()
        for _ in range(5):
            ledger.one(purchase(ledger, account))
        ledger.one(birth_ask(ledger, account, "2010-12-31"))
        ledger.restart_decider()
        assert ledger.reason_names(ledger.authorise(account, 1)) == ["minors"]
        ledger.one(birth_ask(ledger, account, "1980-12-31"))
        assert ledger.authorise(account, 1).points == 1
        with explaining(ledger) as explainer:
            legs = explainer.all_legs()
        assert all(leg.reproduced for leg in legs), [leg.differences for leg in legs]
