"""The facts of a request that all rules see, of earn rules and of the conditions of fraud rules alike."""

from pointguard_server.domain.age_bands import FIRST_AGES
from pointguard_server.domain.codes import RequestFlag
from pointguard_server.engine.world import NOW
from pointguard_server.rules.fields import FACT_FIELDS
from pointguard_server.velocity.compiling import part

_COUPON_USED = int(RequestFlag.COUPON_USED)
NUMBER = 1_000_000  # the rules' fixed point
POINTS_MAX = 1 << 60
MONEY_MAX = 1 << 62
_DAY = 86_400_000_000

FACT_INDEX = {field.name: field.index for field in FACT_FIELDS}
_TOTAL, _LINES, _CHANNEL, _TENDER, _COUPON, _KIND = (
    FACT_INDEX[f"order.{name}"] for name in ("total", "line_count", "channel", "tender", "coupon_used", "kind")
)
_STORE, _UNIT, _STORE_PROVINCE = (FACT_INDEX[f"store.{name}"] for name in ("id", "business_unit", "province"))
_TIER, _PROVINCE, _ENROLLED = (FACT_INDEX[f"member.{name}"] for name in ("tier", "province", "days_since_enrolment"))
_POSTED, _AVAILABLE, _SPEND = (FACT_INDEX[f"account.{name}"] for name in ("posted", "available", "spend"))
_COUNTRY, _GROUPS = FACT_INDEX["store.country"], FACT_INDEX["member.groups"]
_AGE_BAND, _BIRTHDAY_MONTH = FACT_INDEX["member.age_band"], FACT_INDEX["member.birthday_month"]
_DATE = FACT_INDEX["time.date"]
_YEAR, _MONTH, _MONTH_DAY, _HOUR, _MINUTE, _WEEKDAY = (
    FACT_INDEX[f"time.{name}"] for name in ("year", "month", "day", "hour", "minute", "weekday")
)


@part
def _gather_looked_up(world, facts, r, batch, account):
    """Fill the facts that stand behind a number: the country of a store, the groups of a member."""
    store = batch.requests[r].store_id
    facts[_COUNTRY] = world.store_countries[store] if store < world.store_countries.shape[0] else 0
    groups = account.group_set_id
    facts[_GROUPS] = world.code_words[groups] if groups < world.code_words.shape[0] else 0


@part
def _gather_birth(world, facts, account, program):
    """Fill the facts that stand behind a birth date, as of the program's date; a program that asks has the bands."""
    birth_date = account.birth_date
    facts[_AGE_BAND] = facts[_BIRTHDAY_MONTH] = 0
    if birth_date > 0 and world.age_bands.shape[0] > 0:
        # A day of the year counts as month × 100 + day, so that one that a common year lacks is over the day after.
        age = (program.year * 10_000 + program.month * 100 + program.day - birth_date) // 10_000
        band = 0
        for first in FIRST_AGES:
            if age >= first:
                band += 1
        facts[_AGE_BAND] = world.age_bands[band]
        facts[_BIRTHDAY_MONTH] = birth_date // 100 % 100 * NUMBER


@part
def gather_facts(world, batch, facts, r, account, program):
    """Fill the facts that all earn rules see: see ``rules/fields.py`` for the units."""
    request = batch.requests[r]
    facts[_TOTAL] = request.money * program.money_scale
    facts[_LINES] = batch.envelopes[r].line_count * NUMBER
    facts[_CHANNEL] = request.channel
    facts[_TENDER] = request.tender_id
    facts[_COUPON] = 1 if request.flags & _COUPON_USED else 0
    facts[_KIND] = request.kind
    facts[_STORE] = request.store_id
    facts[_UNIT] = batch.envelopes[r].business_unit_id
    facts[_STORE_PROVINCE] = batch.envelopes[r].store_province_id
    facts[_TIER] = account.tier_id
    facts[_PROVINCE] = account.province_id
    facts[_ENROLLED] = (batch.header[NOW] - account.enrolled_at) // _DAY * NUMBER
    facts[_POSTED] = min(account.posted, POINTS_MAX // NUMBER) * NUMBER
    facts[_AVAILABLE] = min(account.posted - account.pending - account.reserved, POINTS_MAX // NUMBER) * NUMBER
    facts[_SPEND] = max(min(account.spend_total, MONEY_MAX // program.money_scale), 0) * program.money_scale
    facts[_DATE] = program.date * NUMBER
    facts[_YEAR] = program.year * NUMBER
    facts[_MONTH] = program.month * NUMBER
    facts[_MONTH_DAY] = program.day * NUMBER
    facts[_HOUR] = program.hour * NUMBER
    facts[_MINUTE] = program.minute * NUMBER
    facts[_WEEKDAY] = program.weekday * NUMBER
    _gather_looked_up(world, facts, r, batch, account)
    _gather_birth(world, facts, account, program)


@part
def has_bit(code_words, number, mask):
    """Return 1 if a text's word has the bit; a number behind the words has none."""
    return 1 if number < code_words.shape[0] and code_words[number] & mask else 0
