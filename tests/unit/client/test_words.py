"""The enumerations mirror the contract, name by name and number by number."""

import pytest

from pointguard.v1 import (
    advice_pb2,
    books_pb2,
    common_pb2,
    experiment_pb2,
    member_pb2,
    offline_pb2,
    rule_pb2,
    transaction_pb2,
)
from pointguard_client import words

CONTRACT_ENUMS = {
    words.Channel: (common_pb2, "Channel", "CHANNEL_"),
    words.TransactionKind: (common_pb2, "TransactionKind", "TRANSACTION_KIND_"),
    words.Operation: (common_pb2, "Operation", "OPERATION_"),
    words.Decision: (common_pb2, "Decision", "DECISION_"),
    words.ReasonCode: (common_pb2, "ReasonCode", "REASON_CODE_"),
    words.AdviceEntity: (common_pb2, "AdviceEntity", "ADVICE_ENTITY_"),
    words.AdviceContext: (common_pb2, "AdviceContext", "ADVICE_CONTEXT_"),
    words.AdvicePosture: (common_pb2, "AdvicePosture", "ADVICE_POSTURE_"),
    words.IdentifierKind: (common_pb2, "IdentifierKind", "IDENTIFIER_KIND_"),
    words.FraudScope: (common_pb2, "FraudScope", "FRAUD_SCOPE_"),
    words.AdviceEvent: (common_pb2, "AdviceEvent", "ADVICE_EVENT_"),
    words.AdviceState: (advice_pb2, "AdviceState", "ADVICE_STATE_"),
    words.CaseOutcome: (advice_pb2, "CaseOutcome", "CASE_OUTCOME_"),
    words.CaseState: (advice_pb2, "CaseState", "CASE_STATE_"),
    words.Factor: (common_pb2, "Factor", "FACTOR_"),
    words.AccountStatus: (member_pb2, "AccountStatus", "ACCOUNT_STATUS_"),
    words.InterventionReason: (common_pb2, "InterventionReason", "INTERVENTION_REASON_"),
    words.TransactionPart: (transaction_pb2, "TransactionPart", "TRANSACTION_PART_"),
    words.DifferenceKind: (books_pb2, "DifferenceKind", "DIFFERENCE_KIND_"),
    words.EntryType: (transaction_pb2, "EntryType", "ENTRY_TYPE_"),
    words.RuleChangeReason: (rule_pb2, "RuleChangeReason", "RULE_CHANGE_REASON_"),
    words.RuleLimit: (rule_pb2, "RuleLimit", "RULE_LIMIT_"),
    words.BacktestCaveat: (rule_pb2, "BacktestCaveat", "BACKTEST_CAVEAT_"),
    words.RuleSetActivationKind: (rule_pb2, "RuleSetActivationKind", "RULE_SET_ACTIVATION_KIND_"),
    words.ExperimentMetric: (experiment_pb2, "ExperimentMetric", "EXPERIMENT_METRIC_"),
    words.ExperimentState: (experiment_pb2, "ExperimentState", "EXPERIMENT_STATE_"),
    words.DiscrepancyKind: (offline_pb2, "DiscrepancyKind", "DISCREPANCY_KIND_"),
    words.ExperimentEnd: (experiment_pb2, "ExperimentEnd", "EXPERIMENT_END_"),
}


@pytest.mark.parametrize("mirror", CONTRACT_ENUMS, ids=lambda mirror: mirror.__name__)
def test_an_enumeration_has_the_names_and_numbers_of_the_contract(mirror: type[words.ContractEnum]) -> None:
    module, name, prefix = CONTRACT_ENUMS[mirror]
    contract = module.DESCRIPTOR.enum_types_by_name[name].values
    assert {member.name: member.value for member in mirror} == {
        value.name.removeprefix(prefix): value.number for value in contract
    }


def test_every_enumeration_is_compared_with_the_contract() -> None:
    assert set(words.ContractEnum.__subclasses__()) == set(CONTRACT_ENUMS)
    files = (common_pb2, transaction_pb2, rule_pb2, experiment_pb2, advice_pb2, member_pb2, books_pb2, offline_pb2)
    in_contract = sum(len(file.DESCRIPTOR.enum_types_by_name) for file in files)
    assert in_contract == len(CONTRACT_ENUMS)


def test_identifier_kinds_are_the_fields_of_a_member_reference() -> None:
    fields = common_pb2.MemberReference.DESCRIPTOR.fields
    assert {kind.name.lower(): kind.value for kind in words.IdentifierKind if kind} == {
        field.name: field.number for field in fields
    }


def test_a_number_of_a_newer_server_reads_as_unspecified() -> None:
    assert words.Decision(99) is words.Decision.UNSPECIFIED
