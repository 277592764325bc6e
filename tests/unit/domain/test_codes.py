"""The numbers that stand in the ledger are those of the wire contract, name by name."""

from enum import IntEnum
from typing import Any

import pytest

from pointguard.v1 import advice_pb2, common_pb2, experiment_pb2, member_pb2, offline_pb2, rule_pb2, transaction_pb2
from pointguard_server.domain import codes, offline
from pointguard_server.domain.identifiers import IdentifierKind

MIRRORED = [
    (codes.Kind, common_pb2.TransactionKind),
    (codes.Part, transaction_pb2.TransactionPart),
    (codes.Decision, common_pb2.Decision),
    (codes.Reason, common_pb2.ReasonCode),
    (codes.EntryType, transaction_pb2.EntryType),
    (codes.Channel, common_pb2.Channel),
    (codes.Context, common_pb2.AdviceContext),
    (codes.Posture, common_pb2.AdvicePosture),
    (codes.Scope, common_pb2.FraudScope),
    (codes.AdviceEvent, common_pb2.AdviceEvent),
    (codes.AdviceState, advice_pb2.AdviceState),
    (codes.CaseOutcome, advice_pb2.CaseOutcome),
    (codes.CaseState, advice_pb2.CaseState),
    (codes.Factor, common_pb2.Factor),
    (codes.AccountStatus, member_pb2.AccountStatus),
    (codes.InterventionReason, common_pb2.InterventionReason),
    (codes.AdviceEntity, common_pb2.AdviceEntity),
    (codes.RuleChangeReason, rule_pb2.RuleChangeReason),
    (codes.RuleSetActivationKind, rule_pb2.RuleSetActivationKind),
    (codes.ExperimentMetric, experiment_pb2.ExperimentMetric),
    (codes.ExperimentState, experiment_pb2.ExperimentState),
    (codes.ExperimentEnd, experiment_pb2.ExperimentEnd),
    (offline.DiscrepancyKind, offline_pb2.DiscrepancyKind),
]


def numbers_of(wire: Any) -> dict[str, int]:
    """An enum of the contract by the names that the server uses; 0 is "not said" in all of them."""
    values = {value.name: value.number for value in wire.DESCRIPTOR.values}
    (prefix,) = (name.removesuffix("UNSPECIFIED") for name, number in values.items() if number == 0)
    return {name.removeprefix(prefix): number for name, number in values.items() if number}


@pytest.mark.parametrize(("ours", "wire"), MIRRORED, ids=lambda enum: getattr(enum, "__name__", ""))
def test_an_enum_of_the_ledger_equals_the_contracts(ours: type[IntEnum], wire: Any) -> None:
    assert {member.name: member.value for member in ours} == numbers_of(wire)


def test_operations_that_write_equal_the_contracts_and_reads_lie_above_them() -> None:
    writing = {operation.name: operation.value for operation in codes.Operation if operation < codes.FIRST_READ}
    assert writing == numbers_of(common_pb2.Operation)


def test_kinds_of_identifiers_are_the_fields_of_a_member_reference() -> None:
    fields = common_pb2.MemberReference.DESCRIPTOR.fields
    assert {kind.name.lower(): kind.value for kind in IdentifierKind} == {field.name: field.number for field in fields}


def test_each_factor_has_a_reason_and_a_flag_of_a_request_of_its_own() -> None:
    for factor in codes.Factor:
        assert codes.Reason(codes.Reason.STEP_UP + factor).name == f"STEP_UP_{factor.name}"
        assert codes.RequestFlag[f"{factor.name}_VERIFIED"] == codes.RequestFlag.PIN_VERIFIED << factor - 1


def test_reasons_stand_in_the_order_that_the_page_about_rules_says() -> None:
    order = [reason.name for reason in sorted(codes.Reason, key=codes.precedence)]
    assert order == [
        "REDEMPTIONS_STOPPED", "BUSINESS_UNIT_STOPPED", "STORE_STOPPED", "TERMINAL_STOPPED",
        "ACCOUNT_SUSPENDED", "REDEMPTION_LOCKED", "ADVICE_BLOCK", "OUT_OF_PROVINCE", "FRAUD_RULE",
        "DAILY_REDEMPTION_CAP", "CREDIT_LIMIT", "AGENT_DAILY_LIMIT", "AGENT_MONTHLY_LIMIT", "ACCOUNT_MONTHLY_LIMIT",
        "INSUFFICIENT_POINTS", "RULE_ARITHMETIC", "RULES_STOPPED", "RULE_UNAVAILABLE", "STEP_UP", "STEP_UP_PIN",
        "STEP_UP_ID_DOCUMENT", "STEP_UP_ONE_TIME_CODE", "STEP_UP_SUPERVISOR", "UNDER_REVIEW", "FRAUD_WARNING",
        "RULE_SKIPPED", "ALLOWANCE_ENDED",
    ]  # fmt: skip
    assert set(codes.STRENGTH) == set(codes.Posture)


def test_sums_of_kinds_and_parts_fit_their_columns() -> None:
    assert max(codes.Kind) < 63
    assert max(codes.Part) < 32
