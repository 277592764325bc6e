"""Orders to try rules out on: from a request, or from an accrual in the ledger. For ``rule_service``."""

from dataclasses import replace

from google.protobuf.message import DecodeError

from pointguard.v1 import rule_pb2, transaction_pb2
from pointguard_server.domain.age_bands import EARLIEST, read_birth_date
from pointguard_server.domain.codes import Channel, Operation
from pointguard_server.domain.errors import InvalidRequest, Violation
from pointguard_server.rpc.decode import ACCRUE_KINDS, MONEY_MAX, POINTS_MAX, Decoder
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.member_service import SUBDIVISION
from pointguard_server.rpc.rule_messages import moment
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.service.explanation.explainer import AccountHistory, Explainer
from pointguard_server.service.rule_simulation import Order, OrderLine
from pointguard_server.service.tenants import Tenant

DAYS_MAX = 100_000
OF_THE_MEMBER = (
    "groups",
    "birth_date",
    "tier",
    "province",
    "days_since_enrolment",
    "posted",
    "reserved",
    "spend_minor_units",
    "accepted_at",
)
_DAY = 86_400_000_000
_KEY, _ACCOUNT = "simulation", 1  # of the accrual that an order is checked as


def check_order(decoder: Decoder, order: rule_pb2.SimulatedOrder) -> None:
    """Note what is wrong with an order's fields, each under its path in the request.

    Raises:
        InvalidRequest: naming every field of the order that an accrual has too.
    """
    request = transaction_pb2.AccrueRequest(
        idempotency_key=_KEY,
        origin=order.origin,
        kind=order.kind,
        tender=order.tender,
        coupon_used=order.coupon_used,
    )
    request.member.account_id = _ACCOUNT
    if (amount := order.WhichOneof("amount")) is not None:
        getattr(request, amount).CopyFrom(getattr(order, amount))
    decoder.check()
    decoder.accrue(request)
    decoder.text(order.tier, "tier", 32)
    decoder.groups(order.groups, "groups")
    _check_birth_date(decoder, order.birth_date)
    if order.province and not SUBDIVISION.fullmatch(order.province):
        decoder.fault("province", "must be an ISO 3166-2 code such as CA-ON")
    if not 0 <= order.days_since_enrolment <= DAYS_MAX:
        decoder.fault("days_since_enrolment", f"must be from 0 to {DAYS_MAX}")
    for field, most in (("posted", POINTS_MAX), ("reserved", POINTS_MAX), ("spend_minor_units", MONEY_MAX)):
        if not 0 <= getattr(order, field) <= most:
            decoder.fault(field, f"must be from 0 to {most}")
    if order.HasField("accepted_at"):
        moment(decoder, order.accepted_at, "accepted_at")
    if order.HasField("member"):
        decoder.member(order.member)
        for field in OF_THE_MEMBER:
            if getattr(order, field) != getattr(rule_pb2.SimulatedOrder(), field):
                decoder.fault(field, "must be absent with a member, whose own is taken")
    try:
        decoder.check()
    except InvalidRequest as error:
        violations = (Violation(f"order.{each.field}", each.description) for each in error.violations)
        raise InvalidRequest(*violations) from None


def _check_birth_date(decoder: Decoder, text: str) -> None:
    try:
        if text:
            read_birth_date(text)
    except ValueError:
        decoder.fault("birth_date", f"must be an ISO 8601 date such as 1980-02-29, not before {EARLIEST}")


async def order_of_request(desk: Desk, tenant: Tenant, order: rule_pb2.SimulatedOrder, now: int) -> Order:
    """Return an order that was checked."""
    total, lines = _bought(order.basket if order.HasField("basket") else None, order.total.minor_units)
    business_unit, store_province, store_country = await _store(desk, tenant, order.origin.store_id)
    accepted_at = order.accepted_at
    return Order(
        total=total,
        lines=lines,
        kind=ACCRUE_KINDS[order.kind].name,
        accepted_at=accepted_at.ToMicroseconds() if order.HasField("accepted_at") else now,
        channel=_channel(order.origin.channel),
        tender=order.tender,
        coupon_used=order.coupon_used,
        store=order.origin.store_id,
        business_unit=business_unit,
        store_province=store_province,
        store_country=store_country,
        groups=tuple(sorted(set(order.groups))),
        birth_date=order.birth_date,
        tier=order.tier,
        province=order.province,
        days_since_enrolment=order.days_since_enrolment,
        posted=order.posted,
        reserved=order.reserved,
        spend=order.spend_minor_units,
    )


async def order_of_member(
    desk: Desk, explainer: Explainer, call: Call, order: rule_pb2.SimulatedOrder, now: int
) -> tuple[Order, AccountHistory]:
    """Return an order that was checked, of an account as it stands now, and the account's history.

    Raises:
        NotFound: if the tenant has no such member.
    """
    ask = await desk.decode(call, lambda decoder: decoder.read(Operation.BALANCE, order.member))
    verdict = await desk.submit(call, ask)
    tenant = call.tenant
    history = await explainer.account_now(tenant.tenant_id, verdict.account_id, verdict.seq, now)
    state, texts = history.past.state, history.texts
    groups = texts[state.group_set_id]
    birth_date = await desk.reader.birth_date(tenant.tenant_id, verdict.account_id, verdict.seq)
    asked = await order_of_request(desk, tenant, order, now)
    return (
        replace(
            asked,
            groups=tuple(groups.split(GROUP_SEPARATOR)) if groups else (),
            birth_date=birth_date or "",
            tier=texts[state.tier_id],
            province=texts[state.province_id],
            days_since_enrolment=(now - history.past.enrolled_at) // _DAY,
            posted=verdict.posted,
            reserved=verdict.reserved,
            pending=verdict.pending,
            spend=state.spend_total,
        ),
        history,
    )


def basket_lines(basket: bytes) -> tuple[OrderLine, ...]:
    """Return the lines of a basket as a record keeps it.

    Raises:
        ValueError: if it is none.
    """
    try:
        return _lines(transaction_pb2.Basket.FromString(basket))
    except DecodeError as error:
        raise ValueError("the basket cannot be read") from error


def _lines(basket: transaction_pb2.Basket) -> tuple[OrderLine, ...]:
    return tuple(
        OrderLine(line.sku, line.category, line.brand, line.quantity, line.amount_minor_units) for line in basket.lines
    )


def _bought(basket: transaction_pb2.Basket | None, total: int) -> tuple[int, tuple[OrderLine, ...]]:
    """Return an order's money and lines; a total is one line of an unknown article."""
    if basket is None:
        return total, (OrderLine("", "", "", 1, total),)
    lines = _lines(basket)
    return sum(line.amount for line in lines), lines


async def _store(desk: Desk, tenant: Tenant, code: str) -> tuple[str, str, str]:
    """Return a store's business unit, province and country."""
    facts = desk.directory.store(tenant.tenant_id, code)
    if facts is None:
        return "", "", ""
    return await desk.reader.text(facts.business_unit_id), await desk.reader.text(facts.province_id), facts.country


def _channel(number: int) -> str:
    return Channel(number).name if number else ""
