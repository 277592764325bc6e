"""The configuration of a program (``program.toml``): its points, money, time zone, redemption limits and fraud rules.

For bootstrap, which reads the file, and for whoever is given the parts. Its only I/O is to look up
time zones. Every mistake in the text is reported at once, each with the path of its key.
"""

import json
import re
import tomllib
import zoneinfo
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.codes import (
    CASES,
    CODE_BYTES_MAX,
    Context,
    Factor,
    Kind,
    Measure,
    Part,
    Posture,
    Scope,
    WindowKind,
)
from pointguard_server.domain.expiry import NEVER, Expiry, ExpiryModel
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.rules.isolation import Isolation
from pointguard_server.rules.sandbox_limits import DEFAULT_FUEL, LEAST_FUEL, MOST_FUEL
from pointguard_server.service.built_in_rules import BUILT_IN_RULES, BuiltInRule, CalendarUnit, Counts
from pointguard_server.service.checked_table import CheckedTable, Problem, did_you_mean, format_duration
from pointguard_server.service.conversions import ConversionConfig, read_conversions
from pointguard_server.service.fraud_settings import FraudSettings, read_fraud
from pointguard_server.service.message_templates import Template, read_message, unfilled

ROLLING_WINDOW_MAX: Final = timedelta(days=400)
RESERVATION_TTL_MIN: Final = timedelta(seconds=1)
RESERVATION_TTL_MAX: Final = timedelta(days=7)
ADVICE_DURATION_MAX: Final = timedelta(days=3_650)
FRAUD_RULES_MAX: Final = 256
CONDITION_BYTES_MAX: Final = 8_192
PENDING_MAX: Final = timedelta(days=3_650)
LOT_LENGTH_MAX: Final = timedelta(days=36_500)
RETURN_WINDOW_MAX: Final = timedelta(days=3_650)

# With these a product of points or money and rate stays inside 64 bits.
_POINTS_MAX: Final = 10**12
_RATE_MAX: Final = 10**6
_MEASURING: Final = ("counts", "measure", "window", "threshold", "scope")
_FIXED_DAY: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_ANNUAL_DAY: Final = re.compile(r"[0-9]{2}-[0-9]{2}")
_SOME_DAY: Final = date(2000, 12, 31)  # in place of a mistake
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
SPEND_ACCESS: Final = "SPEND_BASED_REDEMPTION_ACCESS"
"""The fraud rule that the control ``spend_access`` is."""
BYPASSING_TYPES_MAX: Final = 64
REASON_CODES_MAX: Final = 64
EXEMPT_GROUPS_MAX: Final = 16
_ABOUT_AGENTS: Final = (Posture.LOG, Posture.WARN, Posture.REVIEW, Posture.BLOCK)
CARDS_A_MONTH: Final = 2
"""How many cards the control ``card_linking`` lets a business unit link to an account in a calendar month."""
CARDS_A_MONTH_MAX: Final = 1_000
_RULE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")

# ISO 4217, the codes of national currencies in use, by the number of digits after the decimal point.
_CURRENCIES_BY_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
        CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
        HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP
        MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD
        SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS
        VED VES WST XCD XCG YER ZAR ZMW ZWG
        """,
    3: "BHD IQD JOD KWD LYD OMR TND",
}
CURRENCY_DIGITS: Final[Mapping[str, int]] = {
    code: digits for digits, codes in _CURRENCIES_BY_DIGITS.items() for code in codes.split()
}
"""Digits after the decimal point of each currency, by its ISO 4217 code."""


class Attempts(StrEnum):
    """How configuration says whether declined transactions count too."""

    APPROVED = "APPROVED"
    ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch that a rule adds up, up to the transaction being decided.

    ROLLING is ``(t - length, t]``, ``length`` being whole seconds, at most 400 days. The others are the calendar's day,
    week or month that holds t, in the program's time zone; their ``length`` is zero.
    """

    kind: WindowKind
    length: timedelta = timedelta(0)


class RuleMode(StrEnum):
    """What a fraud rule that trips may do: all that it says; raise advice that only records; be counted, no more."""

    ENFORCED = "ENFORCED"
    ALERT_ONLY = "ALERT_ONLY"
    SHADOW = "SHADOW"


@dataclass(frozen=True, slots=True)
class FraudRuleConfig:
    """One fraud rule: it trips when ``measure`` of what ``counts`` says exceeds ``threshold`` inside ``window``.

    ``scope`` says whose transactions that are: the account's, or those of an entity that the transaction names.
    ``when`` is a condition in the language of ``rules`` that must hold of the transaction being decided, too; empty for
    none. A rule whose ``counts``, ``measure`` and ``window`` are None is its condition alone.

    A ``duration`` of zero acts on the transaction being decided alone; of a case, it is for how long the rule has no
    effect on an account where it was found to be wrong. ``step_up`` is the factor that a STEP_UP asks for;
    ``four_eyes`` has its cases resolved by two. ``extends`` lets an attempt under a standing
    block prolong it, ``include_blocked`` lets such an attempt count, ``net_of_reversals`` leaves out what was reversed.
    ``message`` is what tills show, by language; empty for nothing.
    """

    name: str
    context: Context
    counts: Counts | None
    measure: Measure | None
    window: Window | None
    threshold: int
    posture: Posture
    duration: timedelta
    enabled: bool
    extends: bool
    include_blocked: bool
    net_of_reversals: bool
    when: str = ""
    mode: RuleMode = RuleMode.ENFORCED
    scope: Scope = Scope.ACCOUNT
    step_up: Factor | None = None
    four_eyes: bool = False
    message: Mapping[str, Template] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ControlConfig:
    """What a control does when it trips. ``threshold`` is the daily cap's money in minor units; 0 for the others.

    The rest is as of a ``FraudRuleConfig``.
    """

    threshold: int
    posture: Posture
    duration: timedelta
    step_up: Factor | None = None
    four_eyes: bool = False


@dataclass(frozen=True, slots=True)
class RedemptionConfig:
    """What points are worth (``points`` of them are ``money_minor`` minor units) and what limits spending them.

    ``daily_cap`` limits what an account redeems in a calendar day; ``out_of_province`` acts on redemptions outside the
    member's province or state. None: off.
    """

    points: int
    money_minor: int
    daily_cap: ControlConfig | None
    out_of_province: ControlConfig | None


@dataclass(frozen=True, slots=True)
class LotsConfig:
    """What becomes of points whose rule says nothing of it: how long they are held back, and when they end.

    They do not end for those who are in one of ``exempt_groups`` when they get them.
    """

    pending: timedelta
    expiry: Expiry
    exempt_groups: tuple[str, ...] = ()

    def spares(self, groups: Collection[str]) -> bool:
        """Return whether the program's word does not end the points of who is in these groups."""
        return not set(self.exempt_groups).isdisjoint(groups)


@dataclass(frozen=True, slots=True)
class UnreceiptedConfig:
    """What a return without a receipt takes back: ``points`` for each ``money_minor`` minor units, rounded down."""

    points: int
    money_minor: int


@dataclass(frozen=True, slots=True)
class ReturnsConfig:
    """How transactions are returned.

    ``window``: how long after it a transaction may be; zero: for ever. ``negative_balance``: whether more may be taken
    back than there is. ``grace``: how long points live that go back after their lot has ended; zero: not at all.
    ``without_receipt`` of None refuses returns that name no original.
    """

    window: timedelta
    negative_balance: bool
    grace: timedelta
    without_receipt: UnreceiptedConfig | None


@dataclass(frozen=True, slots=True)
class AdjustmentsConfig:
    """What agents may do to points by hand, for one of the ``reason_codes``: without any, nothing.

    The rest are limits of what they give, in points: at once, an agent in a calendar day and month, and an account in a
    calendar month. 0: no limit.
    """

    reason_codes: tuple[str, ...] = ()
    credit_max: int = 0
    agent_daily_max: int = 0
    agent_monthly_max: int = 0
    account_monthly_max: int = 0


NO_RETURNS_TABLE: Final = ReturnsConfig(timedelta(0), negative_balance=True, grace=timedelta(0), without_receipt=None)
"""What holds where the configuration says nothing of returns."""


@dataclass(frozen=True, slots=True)
class ProgramConfig:
    """A program. ``earn_rules`` is the name of the earn rule file, relative to the folder of the configuration.

    ``fuel`` is what one transaction may use of it, where ``isolation`` has the earn rules run in a sandbox.
    ``fraud`` is what goes for all fraud rules.
    ``cards_a_month`` is how many cards a business unit may link to an account in a calendar month; None: any number.
    ``identifiers`` are the kinds that find a member; the account's own number does in any case.
    """

    code: str
    name: str
    time_zone: str
    currency: str
    currency_digits: int
    points_floor: int
    reservation_ttl_default: timedelta
    reservation_ttl_max: timedelta
    offline_grace: timedelta
    redemption: RedemptionConfig
    lots: LotsConfig
    returns: ReturnsConfig
    adjustments: AdjustmentsConfig
    cards_a_month: int | None
    earn_rules: str
    isolation: Isolation
    fuel: int
    fraud_rules: tuple[FraudRuleConfig, ...]
    fraud: FraudSettings = field(default_factory=FraudSettings)
    identifiers: tuple[IdentifierKind, ...] = tuple(IdentifierKind)
    conversions: Mapping[str, ConversionConfig] = field(default_factory=dict)


class ProgramConfigError(ValueError):
    """The configuration has mistakes: all of them are in ``problems``, and in the text, one a line."""

    def __init__(self, source_name: str, problems: tuple[Problem, ...]) -> None:
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        super().__init__("\n  ".join([f"{source_name} has {count}:", *map(str, problems)]))
        self.source_name = source_name
        self.problems = problems


def load_program_config(text: str, source_name: str) -> ProgramConfig:
    """Reads a program's configuration from TOML ``text``; ``source_name`` names it in messages.

    Raises:
        ProgramConfigError: with every mistake that the text has.
    """
    problems: list[Problem] = []
    document = CheckedTable(_parse(text, source_name), "", problems)
    config = _read_program(document)
    document.close()
    if problems:
        raise ProgramConfigError(source_name, tuple(problems))
    return config


def _parse(text: str, source_name: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ProgramConfigError(source_name, (Problem("the file", "is nested too deeply"),)) from error
    # TOMLDecodeError is a ValueError; so is what Python says to a number of thousands of digits.
    except ValueError as error:
        raise ProgramConfigError(source_name, (Problem("the file", f"is not valid TOML: {error}"),)) from error


def _read_program(document: CheckedTable) -> ProgramConfig:
    program = document.table("program")
    currency = _read_currency(program)
    ttl_max = program.duration("reservation_ttl_max", RESERVATION_TTL_MIN, RESERVATION_TTL_MAX, RESERVATION_TTL_MAX)
    earn, redemption, digits = (
        program.table("earn"),
        program.table("redemption"),
        _read_currency_digits(program, currency),
    )
    access = _read_spend_access(redemption, currency, digits)
    fraud = read_fraud(program)
    config = ProgramConfig(
        code=program.text("code", 32, _CODE, "letters, digits, - and _, beginning with a letter or digit"),
        name=program.text("name", 128),
        time_zone=_read_time_zone(program),
        currency=currency,
        currency_digits=digits,
        points_floor=program.integer("points_floor", -_POINTS_MAX, 0, default=0),
        reservation_ttl_default=_read_reservation_ttl_default(program, ttl_max),
        reservation_ttl_max=ttl_max,
        offline_grace=_read_offline_grace(program, ttl_max),
        redemption=_read_redemption(redemption),
        lots=_read_lots(program),
        returns=_read_returns(program),
        adjustments=_read_adjustments(program),
        cards_a_month=_read_card_linking(program),
        earn_rules=_read_earn_rules(earn),
        isolation=earn.choice("isolation", Isolation, Isolation.NONE),
        fuel=_read_fuel(earn),
        fraud_rules=_read_fraud_rules(document, fraud.language) + access,
        fraud=fraud,
        identifiers=program.choices("identifiers", IdentifierKind) or tuple(IdentifierKind),
        conversions=read_conversions(program),
    )
    earn.close()
    program.close()
    return config


def _read_time_zone(program: CheckedTable) -> str:
    name = program.text("time_zone", 64)
    if not name:
        return name
    try:
        zoneinfo.ZoneInfo(name)
    # ValueError: not the form of a key; OSError: a folder of the database, such as "America".
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = did_you_mean(name, zoneinfo.available_timezones())
        program.note("time_zone", f'must be an IANA time zone such as "America/Toronto", but it is "{name}"{hint}')
    return name


def _read_currency(program: CheckedTable) -> str:
    code = program.text("currency", 64)
    if code and code not in CURRENCY_DIGITS:
        hint = did_you_mean(code, CURRENCY_DIGITS)
        program.note("currency", f'must be an ISO 4217 code in capitals such as "CAD", but it is "{code}"{hint}')
    return code


def _read_currency_digits(program: CheckedTable, currency: str) -> int:
    expected = CURRENCY_DIGITS.get(currency)
    digits = program.integer("currency_digits", 0, 4, default=2 if expected is None else expected)
    if expected is not None and digits != expected:
        program.note("currency_digits", f"must be {expected}, as ISO 4217 says for {currency}, but it is {digits}")
    return digits


def _read_reservation_ttl_default(program: CheckedTable, ttl_max: timedelta) -> timedelta:
    standard = min(timedelta(minutes=15), ttl_max)
    ttl = program.duration("reservation_ttl_default", RESERVATION_TTL_MIN, RESERVATION_TTL_MAX, standard)
    if ttl > ttl_max:
        limit = f"at most reservation_ttl_max, {format_duration(ttl_max)}"
        program.note("reservation_ttl_default", f"must be {limit}, but it is {format_duration(ttl)}")
    return ttl


def _read_offline_grace(program: CheckedTable, ttl_max: timedelta) -> timedelta:
    standard = min(timedelta(hours=24), ttl_max / 2)
    grace = program.duration("offline_grace", RESERVATION_TTL_MIN, RESERVATION_TTL_MAX, standard)
    if grace >= ttl_max:
        limit = f"less than reservation_ttl_max, {format_duration(ttl_max)}"
        program.note("offline_grace", f"must be {limit}, but it is {format_duration(grace)}")
    return grace


def _read_redemption(table: CheckedTable) -> RedemptionConfig:
    config = RedemptionConfig(
        points=table.integer("points", 1, _RATE_MAX),
        money_minor=table.integer("money_minor", 1, _RATE_MAX),
        daily_cap=_read_control(table, "daily_cap", "money_minor"),
        out_of_province=_read_control(table, "out_of_province", None),
    )
    table.close()
    return config


def _read_card_linking(program: CheckedTable) -> int | None:
    """Return the cap on cards that are linked; None if its table is left out, which turns it off."""
    if not program.has("card_linking"):
        return None
    table = program.table("card_linking")
    most = table.integer("cards_a_month", 1, CARDS_A_MONTH_MAX, default=CARDS_A_MONTH)
    table.close()
    return most


def _read_control(redemption: CheckedTable, name: str, threshold_key: str | None) -> ControlConfig | None:
    """Returns a control; None if its table is left out, which turns it off."""
    if not redemption.has(name):
        return None
    table = redemption.table(name)
    posture = table.choice("posture", Posture)
    control = ControlConfig(
        # A cap of 0 could mean "nothing" or "no cap": leave the table out for no cap.
        threshold=table.integer(threshold_key, 1, _POINTS_MAX) if threshold_key else 0,
        posture=posture,
        duration=table.duration("duration", timedelta(0), ADVICE_DURATION_MAX, timedelta(0)),
        step_up=_read_step_up(table, posture),
        four_eyes=_read_four_eyes(table, posture),
    )
    table.close()
    return control


def _read_spend_access(redemption: CheckedTable, currency: str, digits: int) -> tuple[FraudRuleConfig, ...]:
    """Returns the rule that has a member spend before redeeming; none if its table is left out."""
    if not redemption.has("spend_access"):
        return ()
    table = redemption.table("spend_access")
    least = table.integer("money_minor", 1, _POINTS_MAX)
    when = f"account.spend < {Decimal(least).scaleb(-digits):f} {currency}"
    if bypassing := table.texts("bypassing_types", BYPASSING_TYPES_MAX, CODE_BYTES_MAX):
        # JSON's way of quoting is the rule language's as well.
        listed = ", ".join(json.dumps(code, ensure_ascii=False) for code in bypassing)
        when += f" and order.redemption_type not in ({listed})"
    posture = table.choice("posture", Posture)
    rule = FraudRuleConfig(
        name=SPEND_ACCESS,
        context=Context.REDEMPTION,
        counts=None,
        measure=None,
        window=None,
        threshold=0,
        posture=posture,
        duration=table.duration("duration", timedelta(0), ADVICE_DURATION_MAX, timedelta(0)),
        enabled=True,
        extends=False,
        include_blocked=False,
        net_of_reversals=False,
        when=when,
        mode=table.choice("mode", RuleMode, RuleMode.ENFORCED),
        step_up=_read_step_up(table, posture),
        four_eyes=_read_four_eyes(table, posture),
    )
    table.close()
    return (rule,)


def _read_step_up(table: CheckedTable, posture: Posture) -> Factor | None:
    """Returns the factor that a STEP_UP asks for, which it must name."""
    if posture is Posture.STEP_UP:
        return table.choice("step_up", Factor)
    if table.has("step_up"):
        table.note("step_up", 'is for posture = "STEP_UP" alone')
    return None


def _read_four_eyes(table: CheckedTable, posture: Posture) -> bool:
    four_eyes = table.flag("four_eyes", default=False)
    if four_eyes and posture not in CASES:
        table.note("four_eyes", 'is for cases: for posture = "REVIEW" or "REVIEW_BLOCK"')
    return four_eyes


def _read_lots(program: CheckedTable) -> LotsConfig:
    if not program.has("lots"):
        return LotsConfig(timedelta(0), NEVER)
    table = program.table("lots")
    pending = table.duration("pending", timedelta(0), PENDING_MAX, timedelta(0))
    model = table.choice("expiry", ExpiryModel, ExpiryModel.NEVER)
    expiry = Expiry(model)
    if model is ExpiryModel.ROLLING:
        length = table.duration("expires_after", timedelta(days=1), LOT_LENGTH_MAX)
        expiry = Expiry(model, length // MICROSECOND)
    elif model is ExpiryModel.FIXED:
        expiry = Expiry(model, last_day=_read_last_day(table, _FIXED_DAY, 'a date such as "2027-12-31"', ""))
    elif model is ExpiryModel.ANNUAL:
        # Read in a leap year: the last day of February is the 28th in the others.
        last = _read_last_day(table, _ANNUAL_DAY, 'a day of the year such as "12-31"', "2000-")
        expiry = Expiry(model, month=last.month, day=last.day)
    # Where points never end, nobody can be exempt from it.
    ends = model is not ExpiryModel.NEVER
    exempt = table.texts("exempt_groups", EXEMPT_GROUPS_MAX, CODE_BYTES_MAX) if ends else ()
    table.close()
    return LotsConfig(pending, expiry, exempt)


def _read_returns(program: CheckedTable) -> ReturnsConfig:
    if not program.has("returns"):
        return NO_RETURNS_TABLE
    table = program.table("returns")
    config = ReturnsConfig(
        window=table.duration("window", timedelta(seconds=1), RETURN_WINDOW_MAX, timedelta(0)),
        negative_balance=table.flag("negative_balance", default=True),
        grace=table.duration("grace", timedelta(0), LOT_LENGTH_MAX, timedelta(0)),
        without_receipt=_read_unreceipted(table),
    )
    table.close()
    return config


def _read_unreceipted(returns: CheckedTable) -> UnreceiptedConfig | None:
    if not returns.has("without_receipt"):
        return None
    table = returns.table("without_receipt")
    config = UnreceiptedConfig(table.integer("points", 1, _RATE_MAX), table.integer("money_minor", 1, _RATE_MAX))
    table.close()
    return config


def _read_adjustments(program: CheckedTable) -> AdjustmentsConfig:
    if not program.has("adjustments"):
        return AdjustmentsConfig()
    table = program.table("adjustments")
    if not table.has("reason_codes"):
        table.note("reason_codes", "is missing")
    config = AdjustmentsConfig(
        table.texts("reason_codes", REASON_CODES_MAX, CODE_BYTES_MAX),
        *(
            # A limit of 0 could mean "nothing" or "no limit": leave it out for no limit.
            table.integer(name, 1, _POINTS_MAX) if table.has(name) else 0
            for name in ("credit_max", "agent_daily_max", "agent_monthly_max", "account_monthly_max")
        ),
    )
    table.close()
    return config


def _read_last_day(table: CheckedTable, form: re.Pattern[str], meaning: str, before: str) -> date:
    text = table.text("last_day", 10, form, meaning)
    try:
        return date.fromisoformat(before + text)
    except ValueError:
        if form.fullmatch(text):
            table.note("last_day", f'must be {meaning}, but there is no "{text}"')
        return _SOME_DAY


def _read_earn_rules(table: CheckedTable) -> str:
    name = table.text("rules", 255)
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        table.note("rules", f'must be a file in the folder of this configuration or below it, but it is "{name}"')
    return name


def _read_fuel(table: CheckedTable) -> int:
    if table.has("fuel") and not table.has("isolation"):
        table.note("fuel", 'is for earn rules in a sandbox: it goes with isolation = "WASM"')
    return table.integer("fuel", LEAST_FUEL, MOST_FUEL, default=DEFAULT_FUEL)


def _read_fraud_rules(document: CheckedTable, language: str) -> tuple[FraudRuleConfig, ...]:
    rules: list[FraudRuleConfig] = []
    for table in document.tables("fraud_rule", FRAUD_RULES_MAX):
        rule = _read_fraud_rule(table)
        if table.has("message"):
            rule = replace(rule, message=_read_message(table.table("message"), rule, language))
        table.close()
        if rule.name and any(rule.name == other.name for other in rules):
            table.note("name", f'must differ from every other rule\'s, but "{rule.name}" occurs twice')
        if rule.name == SPEND_ACCESS:
            table.note("name", f'must not be "{rule.name}", which is the control program.redemption.spend_access')
        rules.append(rule)
    return tuple(rules)


def _read_fraud_rule(table: CheckedTable) -> FraudRuleConfig:
    name = table.text("name", 64, _RULE_NAME, "letters, digits, _, . and -, beginning with a letter")
    built_in = _find_built_in(table, name)
    measures = built_in is not None or not table.has("when") or any(table.has(key) for key in _MEASURING)
    posture = table.choice("posture", Posture)
    rule = FraudRuleConfig(
        name=name,
        context=table.choice("context", Context, built_in.context if built_in else None),
        counts=_counted(table, built_in) if measures else None,
        measure=table.choice("measure", Measure, built_in.measure if built_in else None) if measures else None,
        window=_read_window(table.table("window")) if measures else None,
        threshold=table.integer("threshold", 0, _POINTS_MAX) if measures else 0,
        posture=posture,
        duration=table.duration("duration", timedelta(0), ADVICE_DURATION_MAX),
        enabled=table.flag("enabled", default=True),
        extends=table.flag("extends", default=False),
        include_blocked=table.flag("include_blocked", default=False) if measures else False,
        net_of_reversals=table.flag("net_of_reversals", default=False) if measures else False,
        when=table.text("when", CONDITION_BYTES_MAX) if table.has("when") else "",
        mode=table.choice("mode", RuleMode, RuleMode.ENFORCED),
        scope=table.choice("scope", Scope, Scope.ACCOUNT) if measures else Scope.ACCOUNT,
        step_up=_read_step_up(table, posture),
        four_eyes=_read_four_eyes(table, posture),
    )
    if posture is Posture.LOCK and rule.context is not Context.REDEMPTION:
        table.note("context", 'must be "REDEMPTION" with posture = "LOCK", which stops nothing else')
    if posture is Posture.STEP_UP and rule.context not in (Context.REDEMPTION, Context.TRANSFER):
        table.note("context", 'must be "REDEMPTION" or "TRANSFER" with posture = "STEP_UP", which stops nothing else')
    if rule.scope is Scope.AGENT:
        _note_about_agents(table, rule)
    if rule.extends and posture in CASES:
        table.note("extends", "is not for cases, which stand until they are resolved")
    return rule


def _read_message(table: CheckedTable, rule: FraudRuleConfig, language: str) -> Mapping[str, Template]:
    """Returns what tills show of a rule, by language."""
    rolling = rule.window.length if rule.window is not None and rule.window.kind is WindowKind.ROLLING else None
    end = "a case stands until it is resolved" if rule.posture in CASES else ""
    if not end and not rule.duration:
        end = "the rule's duration is 0"
    return read_message(table, language, unfilled(measures=rule.measure is not None, rolling=rolling, no_end=end))


def _note_about_agents(table: CheckedTable, rule: FraudRuleConfig) -> None:
    """Notes what does not go with a rule whose advice is about an agent: it must not touch the member."""
    if rule.context is not Context.ADJUSTMENT:
        table.note("context", 'must be "ADJUSTMENT" with scope = "AGENT"')
    if rule.posture not in _ABOUT_AGENTS:
        table.note("posture", 'must be "LOG", "WARN", "REVIEW" or "BLOCK" with scope = "AGENT"')
    if rule.when:
        table.note("when", 'is not for scope = "AGENT"')
    if rule.extends:
        table.note("extends", 'is not for scope = "AGENT"')


def _counted(table: CheckedTable, built_in: BuiltInRule | None) -> Counts:
    return _read_counts(table.table("counts")) if table.has("counts") or not built_in else built_in.counts


def _find_built_in(table: CheckedTable, name: str) -> BuiltInRule | None:
    """Returns what a rule may leave out; None if it is the program's own and says all of it itself."""
    if name in BUILT_IN_RULES or any(table.has(key) for key in ("context", "counts", "measure", "when")):
        return BUILT_IN_RULES.get(name)
    # One message that may name the built-in rule that was meant, instead of three about missing keys.
    if name:
        hint = did_you_mean(name, BUILT_IN_RULES)
        own = "a rule of your own must give context, and counts and measure or when"
        table.note("name", f'"{name}" is not built in{hint}; {own}')
    return next(iter(BUILT_IN_RULES.values()))


def _read_counts(table: CheckedTable) -> Counts:
    counts = Counts(
        kinds=table.choices("kinds", Kind),
        parts=table.choices("parts", Part),
        approved_only=table.choice("attempts", Attempts) is Attempts.APPROVED,
    )
    table.close()
    return counts


def _read_window(table: CheckedTable) -> Window:
    window = Window(WindowKind.DAY)
    rolling, calendar = table.has("rolling"), table.has("calendar")
    if rolling == calendar:
        table.note_whole('must be either {rolling = "7d"} or {calendar = "DAY"}')
    elif rolling:
        window = Window(WindowKind.ROLLING, table.duration("rolling", timedelta(seconds=1), ROLLING_WINDOW_MAX))
    else:
        window = Window(WindowKind[table.choice("calendar", CalendarUnit).name])
    table.close()
    return window
