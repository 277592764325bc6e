"""A program's configuration: what it says, and how its mistakes are reported."""

from datetime import date, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.domain.codes import Context, Kind, Measure, Part, Posture, Scope, WindowKind
from pointguard_server.domain.expiry import NEVER, Expiry, ExpiryModel
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.rules.isolation import Isolation
from pointguard_server.rules.sandbox_limits import DEFAULT_FUEL
from pointguard_server.service.built_in_rules import BUILT_IN_RULES, Counts
from pointguard_server.service.checked_table import Problem, format_duration
from pointguard_server.service.program_config import (
    _CURRENCIES_BY_DIGITS,
    CURRENCY_DIGITS,
    FRAUD_RULES_MAX,
    NO_RETURNS_TABLE,
    SPEND_ACCESS,
    AdjustmentsConfig,
    ControlConfig,
    FraudRuleConfig,
    LotsConfig,
    ProgramConfig,
    ProgramConfigError,
    ReturnsConfig,
    RuleMode,
    UnreceiptedConfig,
    Window,
    load_program_config,
)

SMALLEST: Final = """
[program]
code = "grocer"
name = "Grocer Rewards"
time_zone = "America/Toronto"
currency = "CAD"
[program.redemption]
points = 1000
money_minor = 1000
[program.earn]
rules = "earn.rules"
"""

BUILT_IN: Final = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_BURN_WEEK"
threshold = 10
window = { rolling = "7d" }
posture = "BLOCK"
duration = "15d"
"""

OWN: Final = """
[[fraud_rule]]
name = "POINTS_SPENT_IN_A_MONTH"
context = "REDEMPTION"
counts = { kinds = ["PURCHASE", "ADHOC_REDEEM"], parts = ["REDEEM"], attempts = "APPROVED" }
measure = "POINTS"
threshold = 50000
window = { calendar = "MONTH" }
posture = "WARN"
duration = "0s"
enabled = false
extends = true
include_blocked = true
net_of_reversals = true
"""

WHOLE: Final = SMALLEST + BUILT_IN + OWN


def load(text: str) -> ProgramConfig:
    return load_program_config(text, "program.toml")


def problems_of(text: str) -> list[str]:
    with pytest.raises(ProgramConfigError) as caught:
        load(text)
    return [str(problem) for problem in caught.value.problems]


def with_change(old: str, new: str) -> str:
    assert WHOLE.count(old) == 1, f"{old!r} must occur once, or the test changes something else"
    return WHOLE.replace(old, new)


def test_what_is_left_out_has_its_default() -> None:
    config = load(SMALLEST)
    assert config.currency_digits == 2
    assert config.points_floor == 0
    assert config.reservation_ttl_default == timedelta(minutes=15)
    assert config.reservation_ttl_max == timedelta(days=7)
    assert config.redemption.daily_cap is None
    assert config.redemption.out_of_province is None
    assert config.fraud_rules == ()


def test_everything_that_is_written_is_read() -> None:
    text = SMALLEST.replace(
        '"CAD"',
        '"BHD"\ncurrency_digits = 3\npoints_floor = -500\nreservation_ttl_default = "90s"\nreservation_ttl_max = "24h"',
    ).replace(
        "money_minor = 1000",
        "money_minor = 7\n"
        'daily_cap = {money_minor = 20_000, posture = "BLOCK"}\n'
        'out_of_province = {posture = "WARN", duration = "1d"}',
    )
    config = load(text)
    assert (config.code, config.name, config.time_zone) == ("grocer", "Grocer Rewards", "America/Toronto")
    assert (config.currency, config.currency_digits, config.points_floor) == ("BHD", 3, -500)
    assert (config.reservation_ttl_default, config.reservation_ttl_max) == (timedelta(seconds=90), timedelta(days=1))
    assert (config.redemption.points, config.redemption.money_minor) == (1000, 7)
    assert config.redemption.daily_cap == ControlConfig(20_000, Posture.BLOCK, timedelta(0))
    assert config.redemption.out_of_province == ControlConfig(0, Posture.WARN, timedelta(days=1))
    assert config.earn_rules == "earn.rules"
    assert (config.isolation, config.fuel) == (Isolation.NONE, DEFAULT_FUEL)


def test_a_rule_counts_the_accounts_own_unless_it_has_a_scope() -> None:
    scoped = load(with_change('"15d"', '"15d"\nscope = "BUSINESS_UNIT"')).fraud_rules
    assert [rule.scope for rule in scoped] == [Scope.BUSINESS_UNIT, Scope.ACCOUNT]


def with_spend_access(table: str) -> str:
    return SMALLEST.replace("money_minor = 1000", f"money_minor = 7\nspend_access = {{{table}}}")


def test_spend_based_access_is_a_condition_of_every_redemption_but_those_of_the_types_that_bypass_it() -> None:
    text = 'money_minor = 250_05, bypassing_types = ["DONATION", "A \\"B\\" \\\\ é"], posture = "BLOCK"'
    (rule,) = load(with_spend_access(text)).fraud_rules
    assert (rule.name, rule.context, rule.posture) == (SPEND_ACCESS, Context.REDEMPTION, Posture.BLOCK)
    assert (rule.duration, rule.mode, rule.counts) == (timedelta(0), RuleMode.ENFORCED, None)
    listed = r'("DONATION", "A \"B\" \\ é")'
    assert rule.when == f"account.spend < 250.05 CAD and order.redemption_type not in {listed}"
    yen = with_spend_access('money_minor = 5, posture = "WARN", mode = "SHADOW"').replace('"CAD"', '"JPY"')
    assert load(yen).fraud_rules[0].when == "account.spend < 5 JPY"


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('posture = "BLOCK"', "money_minor: is missing"),
        ('money_minor = 0, posture = "BLOCK"', "money_minor: must be from 1 to 1,000,000,000,000, but it is 0"),
        (
            'money_minor = 1, posture = "BLOCK", bypassing_types = "X"',
            'bypassing_types: must be a list of texts in quotes, such as ["A", "B"], but it is "X"',
        ),
        (
            'money_minor = 1, posture = "BLOCK", bypassing_types = ["X", "X"]',
            "bypassing_types: must not list a text twice",
        ),
        (
            'money_minor = 1, posture = "BLOCK", bypassing_types = [""]',
            'bypassing_types: must list printable texts of 1 to 32 bytes, but it lists ""',
        ),
    ],
)
def test_a_mistake_in_spend_based_access_is_told(table: str, problem: str) -> None:
    assert problems_of(with_spend_access(table)) == [f"program.redemption.spend_access.{problem}"]


def test_no_rule_may_have_the_name_of_a_control() -> None:
    text = WHOLE.replace('name = "ADVICE_CHECK_ACCOUNT_BURN_WEEK"', f'name = "{SPEND_ACCESS}"\nmeasure = "COUNT"')
    assert any("which is the control program.redemption.spend_access" in problem for problem in problems_of(text))


def test_a_built_in_rule_says_only_its_threshold_window_and_action() -> None:
    assert load(WHOLE).fraud_rules[0] == FraudRuleConfig(
        name="ADVICE_CHECK_ACCOUNT_BURN_WEEK",
        context=Context.REDEMPTION,
        counts=Counts(None, (Part.REDEEM, Part.HOUSEHOLD_REDEEM), approved_only=False),
        measure=Measure.COUNT,
        window=Window(WindowKind.ROLLING, timedelta(days=7)),
        threshold=10,
        posture=Posture.BLOCK,
        duration=timedelta(days=15),
        enabled=True,
        extends=False,
        include_blocked=False,
        net_of_reversals=False,
    )


def test_a_rule_of_ones_own_says_everything() -> None:
    assert load(WHOLE).fraud_rules[1] == FraudRuleConfig(
        name="POINTS_SPENT_IN_A_MONTH",
        context=Context.REDEMPTION,
        counts=Counts((Kind.PURCHASE, Kind.ADHOC_REDEEM), (Part.REDEEM,), approved_only=True),
        measure=Measure.POINTS,
        window=Window(WindowKind.MONTH),
        threshold=50_000,
        posture=Posture.WARN,
        duration=timedelta(0),
        enabled=False,
        extends=True,
        include_blocked=True,
        net_of_reversals=True,
    )


def test_a_built_in_rule_may_count_something_else() -> None:
    text = SMALLEST + BUILT_IN + 'counts = { attempts = "APPROVED" }\nmeasure = "MONEY"\ncontext = "EARNING"\n'
    (rule,) = load(text).fraud_rules
    assert rule.counts == Counts(None, None, approved_only=True)
    assert (rule.measure, rule.context) == (Measure.MONEY, Context.EARNING)


def test_a_program_says_which_identifiers_find_its_members_or_all_do() -> None:
    assert load(SMALLEST).identifiers == tuple(IdentifierKind)
    text = SMALLEST.replace('"CAD"\n', '"CAD"\nidentifiers = ["ACCOUNT_ID", "LOYALTY_ID"]\n')
    assert load(text).identifiers == (IdentifierKind.ACCOUNT_ID, IdentifierKind.LOYALTY_ID)
    with pytest.raises(ProgramConfigError, match=r'program\.identifiers: must be one of "ACCOUNT_ID"'):
        load(text.replace("LOYALTY_ID", "LOYALTY"))


def test_each_kind_of_built_in_rule_is_there_for_a_day_a_week_and_a_month() -> None:
    kinds = (
        "BURN",
        "PURCHASE_TRANSACTION_COUNT",
        "DISCRETIONARY_EARN",
        "EARN_FROM_PPE",
        "EARN_FROM_POINTS_TRANSFER",
        "EMAIL_UPDATE",
    )
    families = [f"ADVICE_CHECK_ACCOUNT_{kind}" for kind in kinds]
    assert set(BUILT_IN_RULES) == {f"{family}_{unit}" for family in families for unit in ("DAY", "WEEK", "MONTH")}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('code = "grocer"', "", "program.code: is missing"),
        ('code = "grocer"', "code = 7", "program.code: must be a text in quotes, but it is 7"),
        ('code = "grocer"', 'code = ""', "program.code: must be a text of 1 to 32 bytes, but it has 0"),
        ('"Grocer Rewards"', f'"{"é" * 65}"', "program.name: must be a text of 1 to 128 bytes, but it has 130"),
        ("America/Toronto", "America/Torronto", 'it is "America/Torronto" (did you mean "America/Toronto"?)'),
        ("America/Toronto", "America", "program.time_zone: must be an IANA time zone"),
        ("America/Toronto", "../../etc/passwd", "program.time_zone: must be an IANA time zone"),
        ("CAD", "cad", 'program.currency: must be an ISO 4217 code in capitals such as "CAD", but it is "cad"'),
        ('"CAD"', '"CAD"\ncurrency_digits = 3', "program.currency_digits: must be 2, as ISO 4217 says for CAD"),
        ('"CAD"', '"CAD"\npoints_floor = 1', "program.points_floor: must be from -1,000,000,000,000 to 0"),
        (
            '"CAD"',
            '"CAD"\nreservation_ttl_max = "8d"',
            'reservation_ttl_max: must be from 1s to 7d, but it is "8d"',
        ),
        (
            '"CAD"',
            '"CAD"\nreservation_ttl_max = "1h"\nreservation_ttl_default = "2h"',
            "program.reservation_ttl_default: must be at most reservation_ttl_max, 1h, but it is 2h",
        ),
        ("points = 1000", "points = true", "program.redemption.points: must be a whole number without quotes"),
        ("points = 1000", "points = 1000.0", "program.redemption.points: must be a whole number without quotes"),
        (
            "money_minor = 1000",
            "money_minor = 0",
            "redemption.money_minor: must be from 1 to 1,000,000, but it is 0",
        ),
        (
            "money_minor = 1000",
            'money_minor = 1000\ndaily_cap = {money_minor = 0, posture = "BLOCK"}',
            "redemption.daily_cap.money_minor: must be from 1 to",
        ),
        (
            "money_minor = 1000",
            'money_minor = 1000\nout_of_province = {posture = "block"}',
            '"LOCK", "SUSPEND", but it is "block" (did you mean "BLOCK"?)',
        ),
        ('"earn.rules"', '"../earn.rules"', "program.earn.rules: must be a file in the folder of this configuration"),
        ('"earn.rules"', '"/etc/earn.rules"', "program.earn.rules: must be a file in the folder of this configuration"),
        ('[program.earn]\nrules = "earn.rules"', "", "program.earn: is missing"),
        ('"earn.rules"', '"earn.rules"\nisolation = "wasm"', 'program.earn.isolation: must be one of "NONE", "WASM"'),
        ('"earn.rules"', '"earn.rules"\nisolation = "WASM"\nfuel = 0', "program.earn.fuel: must be from 1 to"),
        ('"earn.rules"', '"earn.rules"\nfuel = 5', "program.earn.fuel: is for earn rules in a sandbox"),
        ("threshold = 10\n", "", "fraud_rule[1].threshold: is missing"),
        ("threshold = 10\n", "threshold = -1\n", "fraud_rule[1].threshold: must be from 0 to"),
        ('"7d"', '"401d"', 'fraud_rule[1].window.rolling: must be from 1s to 400d, but it is "401d"'),
        ('"7d"', '"7 days"', "fraud_rule[1].window.rolling: must be a duration such as"),
        ('rolling = "7d"', 'rollin = "7d"', 'fraud_rule[1].window.rollin: is not known here (did you mean "rolling"?)'),
        ('rolling = "7d"', "", 'fraud_rule[1].window: must be either {rolling = "7d"} or {calendar = "DAY"}'),
        ('rolling = "7d"', 'rolling = "7d", calendar = "DAY"', "fraud_rule[1].window: must be either"),
        ('"MONTH"', '"YEAR"', 'fraud_rule[2].window.calendar: must be one of "DAY", "WEEK", "MONTH"'),
        ('"15d"', '"-1d"', "fraud_rule[1].duration: must be a duration"),
        ("_BURN_WEEK", "_BURN_WEAK", '(did you mean "ADVICE_CHECK_ACCOUNT_BURN_WEEK"?)'),
        ("POINTS_SPENT_IN_A_MONTH", "POINTS SPENT", "fraud_rule[2].name: must be letters, digits"),
        ("POINTS_SPENT_IN_A_MONTH", "ADVICE_CHECK_ACCOUNT_BURN_WEEK", "fraud_rule[2].name: must differ"),
        ('measure = "POINTS"\n', "", "fraud_rule[2].measure: is missing"),
        ('"PURCHASE"', '"PURCHSE"', 'fraud_rule[2].counts.kinds: must be one of "PURCHASE"'),
        ('"PURCHASE"', '"ADHOC_REDEEM"', "fraud_rule[2].counts.kinds: must not list a name twice"),
        ('["REDEEM"]', "[]", "fraud_rule[2].counts.parts: must be a list of at least one name"),
        ('["REDEEM"]', '"REDEEM"', "fraud_rule[2].counts.parts: must be a list of at least one name"),
        (', attempts = "APPROVED"', "", "fraud_rule[2].counts.attempts: is missing"),
        ('"15d"', '"15d"\nstep_up = "PIN"', 'fraud_rule[1].step_up: is for posture = "STEP_UP" alone'),
        ('"15d"', '"15d"\nfour_eyes = true', "fraud_rule[1].four_eyes: is for cases"),
        ('posture = "BLOCK"', 'posture = "STEP_UP"', "fraud_rule[1].step_up: is missing"),
        (
            'posture = "BLOCK"',
            'posture = "STEP_UP"\nstep_up = "PASSWORD"',
            'fraud_rule[1].step_up: must be one of "PIN", "ID_DOCUMENT", "ONE_TIME_CODE", "SUPERVISOR"',
        ),
        (
            'posture = "BLOCK"',
            'posture = "LOCK"\ncontext = "EARNING"',
            'fraud_rule[1].context: must be "REDEMPTION" with posture = "LOCK"',
        ),
        ('"15d"', '"15d"\nscope = "CASHIERS"', '(did you mean "CASHIER"?)'),
        (
            '[[fraud_rule]]\nname = "POINTS',
            """[[fraud_rule]]
            name = "alone"
            context = "REDEMPTION"
            when = "order.points > 5"
            scope = "STORE"
            posture = "LOG"
            duration = "0s"
            [[fraud_rule]]
            name = "POINTS""",
            "fraud_rule[2].measure: is missing",
        ),
        ('posture = "WARN"', 'posture = "REVIEW"', "fraud_rule[2].extends: is not for cases"),
        ("enabled = false", "enabled = 0", "fraud_rule[2].enabled: must be true or false without quotes"),
        ("enabled = false", "enabld = false", 'fraud_rule[2].enabld: is not known here (did you mean "enabled"?)'),
    ],
)
def test_a_mistake_is_reported_with_the_path_of_its_key(old: str, new: str, problem: str) -> None:
    found = problems_of(with_change(old, new))
    assert any(problem in text for text in found), found


def test_every_mistake_is_reported_at_once() -> None:
    text = with_change('"7d"', '"401d"').replace('"CAD"', '"CAN"').replace("enabled = false", "enabled = 1")
    assert [problem.partition(":")[0] for problem in problems_of(text)] == [
        "program.currency",
        "fraud_rule[1].window.rolling",
        "fraud_rule[2].enabled",
    ]


def test_the_error_names_the_file_and_lists_one_mistake_a_line() -> None:
    with pytest.raises(ProgramConfigError) as caught:
        load_program_config(SMALLEST.replace('"CAD"', "12").replace('"grocer"', "13"), "grocer.toml")
    assert str(caught.value).splitlines() == [
        "grocer.toml has 2 mistakes:",
        "  program.currency: must be a text in quotes, but it is 12",
        "  program.code: must be a text in quotes, but it is 13",
    ]


def test_a_missing_table_is_one_mistake_and_not_one_for_each_of_its_keys() -> None:
    assert problems_of("") == ["program: is missing"]


@pytest.mark.parametrize(
    "text",
    [
        "[program",
        "x = " + "[" * 100_000,
        "x = " + "9" * 10_000,
        SMALLEST.replace("points = 1000", "points = 0x" + "f" * 10_000),
        SMALLEST.replace('"grocer"', '"' + "x" * 1_000_000 + '"'),
        SMALLEST + BUILT_IN * (FRAUD_RULES_MAX + 1),
        SMALLEST + "fraud_rule = 7\n",
        "fraud_rule = [1, 2]\n" + SMALLEST,
        "program = 7\n",
    ],
    ids=[
        "unclosed",
        "deep",
        "long number",
        "long hexadecimal",
        "long text",
        "many",
        "inside",
        "not tables",
        "no table",
    ],
)
def test_hostile_text_is_refused_in_few_words(text: str) -> None:
    with pytest.raises(ProgramConfigError) as caught:
        load(text)
    assert len(str(caught.value)) < 2_000


ODD_VALUES: Final = st.one_of(
    st.sampled_from(["true", "false", "[]", "{}", '""', "nan", "-inf", "1979-05-27T07:32:00Z", "[[1]]", '{ a = "b" }']),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: f"{value:.3f}"),
    st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), max_size=40).map(
        lambda text: f'"{text}"'
    ),
)
KEYS_OF_LINES: Final = [number for number, line in enumerate(WHOLE.splitlines()) if " = " in line]


@given(number=st.sampled_from(KEYS_OF_LINES), value=ODD_VALUES)
def test_whatever_stands_behind_a_key_is_either_read_or_reported_under_that_key(number: int, value: str) -> None:
    lines = WHOLE.splitlines()
    key = lines[number].partition(" = ")[0]
    lines[number] = f"{key} = {value}"
    problems: tuple[Problem, ...] = ()
    try:
        load("\n".join(lines))
    except ProgramConfigError as error:
        problems = error.problems
    assert [problem for problem in problems if key not in problem.path.split(".")] == []


@given(st.integers(0, 10**8))
def test_a_duration_is_written_the_way_that_it_is_read(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    text = SMALLEST + BUILT_IN.replace('"15d"', f'"{format_duration(duration)}"')
    if seconds <= 3_650 * 86_400:
        assert load(text).fraud_rules[0].duration == duration
    else:
        assert len(problems_of(text)) == 1


def test_every_currency_has_three_capitals_and_occurs_once() -> None:
    written = " ".join(_CURRENCIES_BY_DIGITS.values()).split()
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in written)
    assert sorted(written) == sorted(CURRENCY_DIGITS)
    assert (CURRENCY_DIGITS["JPY"], CURRENCY_DIGITS["CAD"], CURRENCY_DIGITS["KWD"]) == (0, 2, 3)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", LotsConfig(timedelta(0), NEVER)),
        ('pending = "14d"', LotsConfig(timedelta(days=14), NEVER)),
        (
            'expiry = "ROLLING"\nexpires_after = "365d"',
            LotsConfig(timedelta(0), Expiry(ExpiryModel.ROLLING, 365 * 86_400_000_000)),
        ),
        (
            'expiry = "FIXED"\nlast_day = "2027-12-31"',
            LotsConfig(timedelta(0), Expiry(ExpiryModel.FIXED, last_day=date(2027, 12, 31))),
        ),
        (
            'expiry = "ANNUAL"\nlast_day = "02-29"',
            LotsConfig(timedelta(0), Expiry(ExpiryModel.ANNUAL, month=2, day=29)),
        ),
        ('expiry = "END_OF_MONTH"', LotsConfig(timedelta(0), Expiry(ExpiryModel.END_OF_MONTH))),
        (
            'expiry = "END_OF_MONTH"\nexempt_groups = ["staff", "gold"]',
            LotsConfig(timedelta(0), Expiry(ExpiryModel.END_OF_MONTH), ("staff", "gold")),
        ),
    ],
)
def test_what_becomes_of_points_is_read(written: str, expected: LotsConfig) -> None:
    assert load_program_config(f"{SMALLEST}[program.lots]\n{written}\n", "p.toml").lots == expected


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ('pending = "4000d"', "pending"),
        ('expiry = "INACTIVITY"', "expiry"),
        ('expiry = "ROLLING"', "expires_after"),
        ('expiry = "ROLLING"\nexpires_after = "1h"', "expires_after"),
        ('expiry = "NEVER"\nexpires_after = "10d"', "expires_after"),
        ('expiry = "FIXED"\nlast_day = "2027-02-29"', "last_day"),
        ('expiry = "FIXED"\nlast_day = "12-31"', "last_day"),
        ('expiry = "ANNUAL"\nlast_day = "13-01"', "last_day"),
        ('expiry = "ANNUAL"', "last_day"),
        ("last = 1", "last"),
        ('exempt_groups = ["staff"]', "exempt_groups"),
        ('expiry = "END_OF_MONTH"\nexempt_groups = "staff"', "exempt_groups"),
        ('expiry = "END_OF_MONTH"\nexempt_groups = [""]', "exempt_groups"),
        ('expiry = "END_OF_MONTH"\nexempt_groups = ["a", "a"]', "exempt_groups"),
        (f'expiry = "END_OF_MONTH"\nexempt_groups = {[str(n) for n in range(17)]}', "exempt_groups"),
    ],
)
def test_a_mistake_about_what_becomes_of_points_is_one_mistake(written: str, key: str) -> None:
    with pytest.raises(ProgramConfigError) as refusal:
        load_program_config(f"{SMALLEST}[program.lots]\n{written}\n", "p.toml")
    assert [problem.path for problem in refusal.value.problems] == [f"program.lots.{key}"]


UNRECEIPTED = "without_receipt = { points = 3, money_minor = 100 }\n"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", NO_RETURNS_TABLE),
        ("[program.returns]\n", NO_RETURNS_TABLE),
        (
            '[program.returns]\nwindow = "90d"\nnegative_balance = false\ngrace = "30d"\n' + UNRECEIPTED,
            ReturnsConfig(
                timedelta(days=90),
                negative_balance=False,
                grace=timedelta(days=30),
                without_receipt=UnreceiptedConfig(3, 100),
            ),
        ),
    ],
)
def test_what_is_said_of_returns_is_read(written: str, expected: ReturnsConfig) -> None:
    assert load_program_config(f"{SMALLEST}{written}", "p.toml").returns == expected


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ('window = "0s"', "window"),
        ('negative_balance = "yes"', "negative_balance"),
        ('grace = "40000d"', "grace"),
        ("without_receipt = { points = 0, money_minor = 1 }", "without_receipt.points"),
        ("without_receipt = { points = 1 }", "without_receipt.money_minor"),
        ('refuse = "all"', "refuse"),
    ],
)
def test_a_mistake_about_returns_is_one_mistake(written: str, key: str) -> None:
    with pytest.raises(ProgramConfigError) as refusal:
        load_program_config(f"{SMALLEST}[program.returns]\n{written}\n", "p.toml")
    assert [problem.path for problem in refusal.value.problems] == [f"program.returns.{key}"]


def test_what_agents_may_do_is_read_and_without_a_word_of_it_is_nothing() -> None:
    written = 'reason_codes = ["GOODWILL"]\ncredit_max = 5\nagent_daily_max = 10\naccount_monthly_max = 20\n'
    config = load(f"{SMALLEST}[program.adjustments]\n{written}")
    assert config.adjustments == AdjustmentsConfig(("GOODWILL",), 5, 10, 0, 20)
    assert load(SMALLEST).adjustments == AdjustmentsConfig()
    assert problems_of(f"{SMALLEST}[program.adjustments]\ncredit_max = 0\n") == [
        "program.adjustments.reason_codes: is missing",
        "program.adjustments.credit_max: must be from 1 to 1,000,000,000,000, but it is 0",
    ]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"ADJUSTMENT"', '"REDEMPTION"', "context"),
        ('"REVIEW"', '"REVIEW_BLOCK"', "posture"),
        ('"REVIEW"', '"SUSPEND"', "posture"),
        ('"30d"', '"30d"\nextends = true', "extends"),
        ('"30d"', '"30d"\nwhen = "order.points > 5"', "when"),
    ],
)
def test_a_rule_about_agents_touches_nothing_but_what_they_do(old: str, new: str, key: str) -> None:
    rule = """
[[fraud_rule]]
name = "overrides"
scope = "AGENT"
context = "ADJUSTMENT"
counts = { kinds = ["OVERRIDE"], attempts = "ALL" }
measure = "COUNT"
window = { calendar = "DAY" }
threshold = 20
posture = "REVIEW"
duration = "30d"
"""
    assert load(SMALLEST + rule).fraud_rules[0].scope is Scope.AGENT
    assert {problem.split(":")[0] for problem in problems_of(SMALLEST + rule.replace(old, new))} == {
        f"fraud_rule[1].{key}"
    }


@pytest.mark.parametrize(
    ("written", "most"),
    [("", None), ("[program.card_linking]\n", 2), ("[program.card_linking]\ncards_a_month = 5\n", 5)],
)
def test_linking_cards_is_capped_where_the_program_says_so_and_at_two_unless_it_says_more(
    written: str, most: int | None
) -> None:
    assert load_program_config(f"{SMALLEST}{written}", "p.toml").cards_a_month == most


def test_a_cap_of_no_cards_is_a_mistake() -> None:
    with pytest.raises(ProgramConfigError) as refusal:
        load_program_config(f"{SMALLEST}[program.card_linking]\ncards_a_month = 0\n", "p.toml")
    assert [problem.path for problem in refusal.value.problems] == ["program.card_linking.cards_a_month"]
