"""Orders to try rules out on: from a request, or from an accrual in the ledger. For ``rule_service``."""

from typing import cast

from google.protobuf.message import DecodeError

from pointguard.v1 import rule_pb2, transaction_pb2
from pointguard_server.domain.age_bands import EARLIEST, read_birth_date
from pointguard_server.domain.codes import Channel, Decision, Kind, Operation, RequestFlag
from pointguard_server.domain.errors import InvalidRequest, NotFound, Violation
from pointguard_server.domain.record import Record, decode_record
from pointguard_server.rpc.decode import ACCRUE_KINDS, MONEY_MAX, POINTS_MAX, Decoder
from pointguard_server.rpc.member_service import SUBDIVISION
from pointguard_server.rpc.rule_messages import moment
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.service.rule_simulation import Order, OrderLine
from pointguard_server.service.tenants import Tenant

DAYS_MAX = 100_000
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
    if order.birth_date:
        try:
            read_birth_date(order.birth_date)
        except ValueError:
            decoder.fault("birth_date", f"must be an ISO 8601 date such as 1980-02-29, not before {EARLIEST}")
    if order.province and not SUBDIVISION.fullmatch(order.province):
        decoder.fault("province", "must be an ISO 3166-2 code such as CA-ON")
    if not 0 <= order.days_since_enrolment <= DAYS_MAX:
        decoder.fault("days_since_enrolment", f"must be from 0 to {DAYS_MAX}")
    for field, most in (("posted", POINTS_MAX), ("reserved", POINTS_MAX), ("spend_minor_units", MONEY_MAX)):
        if not 0 <= getattr(order, field) <= most:
            decoder.fault(field, f"must be from 0 to {most}")
    if order.HasField("accepted_at"):
        moment(decoder, order.accepted_at, "accepted_at")
    try:
        decoder.check()
    except InvalidRequest as error:
        violations = (Violation(f"order.{each.field}", each.description) for each in error.violations)
        raise InvalidRequest(*violations) from None


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


async def order_of_transaction(desk: Desk, tenant: Tenant, transaction_id: bytes) -> Order:
    """Return the order of an accrual in the ledger; where its store lies is what is known of it now.

    Raises:
        NotFound: if the tenant has no such transaction.
        InvalidRequest: if it is no accrual.
    """
    found = await desk.reader.record(tenant.tenant_id, transaction_id)
    if found is None:
        raise NotFound
    record = decode_record(found[0])
    leg, request = cast("dict[str, int]", record.leg), cast("dict[str, int]", record.request)
    if leg["operation"] != Operation.ACCRUE:
        raise InvalidRequest(Violation("transaction_id", "must be an accrual's"))
    basket = transaction_pb2.Basket.FromString(record.basket) if record.basket else None
    total, lines = _bought(basket, request["money"])
    text = desk.reader.text
    store = await text(leg["store_id"])
    business_unit, store_province, store_country = await _store(desk, tenant, store)
    groups = await text(leg["group_set_id"])
    entries = cast("tuple[dict[str, int], ...]", record.entries)
    earned = sum(entry["signed_points"] for entry in entries)
    held_back = sum(entry["signed_points"] for entry in entries if entry["matures_at"])
    return Order(
        total=total,
        lines=lines,
        kind=Kind(leg["kind"]).name,
        accepted_at=leg["accepted_at"],
        channel=_channel(leg["channel"]),
        tender=await text(request["tender_id"]),
        coupon_used=bool(request["flags"] & RequestFlag.COUPON_USED),
        store=store,
        business_unit=business_unit,
        store_province=store_province,
        store_country=store_country,
        groups=tuple(groups.split(GROUP_SEPARATOR)) if groups else (),
        birth_date=await desk.reader.birth_date(tenant.tenant_id, leg["account_id"], leg["seq"]) or "",
        tier=await text(leg["tier_id"]),
        province=await text(leg["province_id"]),
        days_since_enrolment=(leg["accepted_at"] - await _enrolled_at(desk, tenant, record)) // _DAY,
        posted=leg["posted"] - earned,
        reserved=leg["reserved"],
        pending=leg["pending"] - held_back,
        spend=leg["spend_total"] - (leg["money"] if leg["decision"] == Decision.APPROVED else 0),
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


async def _enrolled_at(desk: Desk, tenant: Tenant, record: Record) -> int:
    """Return when the account of a transaction began: at its first leg."""
    first = await desk.reader.transaction_at(tenant.tenant_id, cast("int", record.leg["account_id"]), 1)
    found = await desk.reader.record(tenant.tenant_id, first) if first is not None else None
    if found is None:
        raise NotFound
    return cast("int", decode_record(found[0]).leg["accepted_at"])
