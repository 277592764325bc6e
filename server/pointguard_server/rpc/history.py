"""A transaction from the ledger, as a message."""

from collections.abc import Iterable
from typing import Any, cast

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_server.domain.adjustments import decode_adjustment
from pointguard_server.domain.codes import INTERVENTIONS, SEVERAL_ACCOUNTS, Factor, Kind, Operation
from pointguard_server.domain.conversions import decode_conversion
from pointguard_server.domain.interventions import decode_intervention
from pointguard_server.domain.record import decode_record
from pointguard_server.engine.ask import ADVICE_NAMES, StandingAdvice
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.rpc.decode import verified
from pointguard_server.rpc.encode import advice_message, conversion_message, timestamp
from pointguard_server.rpc.interventions import intervention_message
from pointguard_server.service.ports import Reader
from pointguard_server.service.scope_entities import scope_texts


async def transaction_message(
    reader: Reader, tenant_id: int, data: bytes, currency: str
) -> transaction_pb2.Transaction:
    """Return the transaction that a record holds."""
    record = decode_record(data)
    leg = cast("dict[str, int]", record.leg)
    transaction = transaction_pb2.Transaction(
        transaction_id=uuid_text(cast("bytes", record.leg["transaction_id"])),
        account_id=leg["account_id"],
        seq=leg["seq"],
        position=leg["position"],
        operation=leg["operation"],  # type: ignore[arg-type]
        kind=leg["kind"],  # type: ignore[arg-type]
        decision=leg["decision"],  # type: ignore[arg-type]
        reasons=[common_pb2.Reason(code=code, rule=await reader.text(rule)) for code, rule in record.reasons],  # type: ignore[arg-type]
        points=leg["points"],
        money=common_pb2.Money(currency_code=currency, minor_units=leg["money"]),
        accepted_at=timestamp(leg["accepted_at"]),
        store_id=await reader.text(leg["store_id"]),
        terminal_id=await reader.text(leg["terminal_id"]),
        cashier_id=await reader.text(leg["cashier_id"]),
        channel=leg["channel"],  # type: ignore[arg-type]
        order_reference=record.order_reference,
        rule_set_version=leg["rule_set_version"],
        fraud_rules_version=leg["fraud_rules_version"],
        experiment_id=leg["experiment_id"],
        arm=leg["arm"],
        agent_id=await reader.text(leg["agent_id"]),
        identified_by=leg["identifier_kind"],  # type: ignore[arg-type]
        balance=common_pb2.Balance(
            posted=leg["posted"],
            reserved=leg["reserved"],
            pending=leg["pending"],
            available=leg["posted"] - leg["pending"] - leg["reserved"],
        ),
    )
    if leg["occurred_at"]:
        transaction.occurred_at.CopyFrom(timestamp(leg["occurred_at"]))
    if leg["hold_expires_at"]:
        transaction.expires_at.CopyFrom(timestamp(leg["hold_expires_at"]))
    if leg["refers_to_seq"]:
        original = await reader.transaction_at(tenant_id, leg["account_id"], leg["refers_to_seq"])
        transaction.original_transaction_id = uuid_text(original) if original else ""
    for row in record.advice:
        step = cast("dict[str, Any]", row)
        advice = StandingAdvice(*(step[name] for name in ADVICE_NAMES))
        texts = {number: await reader.text(number) for number in (advice.rule_id, *scope_texts(advice))}
        message = advice_message(advice, texts.__getitem__)
        transaction.advice.add(event=step["event"], advice=message)
    if leg["operation"] in INTERVENTIONS:
        transaction.intervention.CopyFrom(intervention_message(decode_intervention(record.basket)))
    if leg["operation"] == Operation.ADJUST:
        said = decode_adjustment(record.basket)
        transaction.adjustment.reason_code, transaction.adjustment.note = said.reason_code, said.note
        transaction.adjustment.api_key_id = said.key_id
    if leg["operation"] in (Operation.AUTHORISE, *SEVERAL_ACCOUNTS) and record.request is not None:
        flags = cast("int", record.request["flags"])
        transaction.verified_by.extend(int(each) for each in Factor if flags & verified(each))  # type: ignore[misc]
    if leg["operation"] == Operation.AUTHORISE and leg["kind"] == Kind.CONVERSION and record.entries:
        transaction.conversion.CopyFrom(conversion_message(decode_conversion(record.basket)))
    await _add_entries(transaction, reader, cast("tuple[dict[str, int], ...]", record.entries))
    return transaction


async def _add_entries(
    transaction: transaction_pb2.Transaction, reader: Reader, entries: Iterable[dict[str, int]]
) -> None:
    for entry in entries:
        made = transaction.entries.add(
            entry_type=entry["entry_type"],
            part=entry["part"],
            signed_points=entry["signed_points"],
            running_balance=entry["running_balance"],
            rule=await reader.text(entry["rule_id"]),
        )
        if entry["matures_at"]:
            made.matures_at.CopyFrom(timestamp(entry["matures_at"]))
        if entry["expires_at"]:
            made.expires_at.CopyFrom(timestamp(entry["expires_at"]))
