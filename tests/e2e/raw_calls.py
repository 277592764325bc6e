"""Calls that the client would never make: any bytes to any RPC with any metadata, and the bare answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

import grpc
from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from pointguard.v1 import (
    activity_pb2,
    advice_pb2,
    books_pb2,
    common_pb2,
    configuration_pb2,
    experiment_pb2,
    explanation_pb2,
    member_pb2,
    offline_pb2,
    rule_pb2,
    shadow_pb2,
    transaction_pb2,
)
from pointguard_client.idempotency import new_idempotency_key
from tests.support.server import ServerProcess

TRANSACTIONS, ACTIVITIES, ADVICE, MEMBERS, RULES, EXPERIMENTS, SHADOWS, EXPLANATIONS = (
    f"pointguard.v1.{name}Service"
    for name in ("Transaction", "Activity", "Advice", "Member", "Rule", "Experiment", "Shadow", "Explanation")
)
CONFIGURATIONS, BOOKS = "pointguard.v1.ConfigurationService", "pointguard.v1.BooksService"
OFFLINE = "pointguard.v1.OfflineService"


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC of the contract, and the fields of a request that passes (but for the key, and for what must exist)."""

    service: str
    request_class: type[Message]
    response_class: type[Message]
    fields: Mapping[str, Any]
    keyed: bool
    streams: bool = False
    feeds: bool = False  # a stream answers one request
    takes: bool = False  # one answer to a stream
    key: str = "idempotency_key"  # what names it

    def request(self, **changes: Any) -> Any:
        """Return a request that passes, but for the changes; a field changed to None is absent."""
        fields = {**self.fields, **({self.key: new_idempotency_key()} if self.keyed else {}), **changes}
        return self.request_class(**{name: value for name, value in fields.items() if value is not None})


_MEMBER = common_pb2.MemberReference(loyalty_id="1")
_UNKNOWN_ID = "01890000-0000-7000-8000-000000000000"
_TOTAL = common_pb2.Money(currency_code="CAD", minor_units=100)
_SOURCE = 'rule "raw"\n    earn base 1\n'
CONFIGURATION = """
[program]
code = "sandbox"
name = "Raw"
time_zone = "America/Toronto"
currency = "CAD"
earn.rules = "earn.rules"
redemption = { points = 1, money_minor = 1 }
"""
"""Of what a sandbox's configuration cannot have otherwise, and little more."""
_CHANGE = rule_pb2.RuleChange(author="raw calls", reason=rule_pb2.RULE_CHANGE_REASON_TRIAL)
_INTERVENTION = common_pb2.Intervention(author="raw calls", reason=common_pb2.INTERVENTION_REASON_CORRECTION)
_NO_VERSION = 1_000_000
_QUIET_STORE = "34280"
"""Where no other test redeems: the server is shared, and a stop goes on."""
OCCURRED_AT = timestamp_pb2.Timestamp(seconds=1_780_000_000)
OCCURRED = common_pb2.Origin(occurred_at=OCCURRED_AT)
RAW_TILL = common_pb2.Origin(store_id=_QUIET_STORE, terminal_id="raw")
_ARMS = [experiment_pb2.ExperimentArm(label=f"arm {version}", version=version, weight=1) for version in (1, 2)]
RPCS: Mapping[str, Rpc] = {
    "QuoteRedemption": Rpc(
        TRANSACTIONS, transaction_pb2.QuoteRedemptionRequest, transaction_pb2.QuoteRedemptionResponse,
        {"member": _MEMBER}, keyed=False,
    ),
    "AuthoriseRedemption": Rpc(
        TRANSACTIONS, transaction_pb2.AuthoriseRedemptionRequest, transaction_pb2.AuthoriseRedemptionResponse,
        {"member": _MEMBER, "points": 1}, keyed=True,
    ),
    "CaptureRedemption": Rpc(
        TRANSACTIONS, transaction_pb2.CaptureRedemptionRequest, transaction_pb2.CaptureRedemptionResponse,
        {"reservation_id": _UNKNOWN_ID}, keyed=True,
    ),
    "ExtendReservation": Rpc(
        TRANSACTIONS, transaction_pb2.ExtendReservationRequest, transaction_pb2.ExtendReservationResponse,
        {"reservation_id": _UNKNOWN_ID}, keyed=True,
    ),
    "ReturnTransaction": Rpc(
        TRANSACTIONS, transaction_pb2.ReturnTransactionRequest, transaction_pb2.ReturnTransactionResponse,
        {"original_transaction_id": _UNKNOWN_ID, "money": _TOTAL}, keyed=True,
    ),
    "AdjustPoints": Rpc(
        TRANSACTIONS, transaction_pb2.AdjustPointsRequest, transaction_pb2.AdjustPointsResponse,
        {"member": _MEMBER, "signed_points": 1, "agent_id": "raw", "reason_code": "GOODWILL", "note": "raw calls"},
        keyed=True,
    ),
    "TransferPoints": Rpc(
        TRANSACTIONS, transaction_pb2.TransferPointsRequest, transaction_pb2.TransferPointsResponse,
        {"member": _MEMBER, "to": common_pb2.MemberReference(account_id=10**15), "points": 1}, keyed=True,
    ),
    "RedeemHousehold": Rpc(
        TRANSACTIONS, transaction_pb2.RedeemHouseholdRequest, transaction_pb2.RedeemHouseholdResponse,
        {"members": [_MEMBER, common_pb2.MemberReference(account_id=10**15)], "points": 1}, keyed=True,
    ),
    "ConvertPoints": Rpc(
        TRANSACTIONS, transaction_pb2.ConvertPointsRequest, transaction_pb2.ConvertPointsResponse,
        {"member": _MEMBER, "conversion": "GIFT_CARD", "points": 500}, keyed=True,
    ),
    "VoidRedemption": Rpc(
        TRANSACTIONS, transaction_pb2.VoidRedemptionRequest, transaction_pb2.VoidRedemptionResponse,
        {"reservation_id": _UNKNOWN_ID}, keyed=True,
    ),
    "Accrue": Rpc(
        TRANSACTIONS, transaction_pb2.AccrueRequest, transaction_pb2.AccrueResponse,
        {"member": _MEMBER, "total": _TOTAL}, keyed=True,
    ),
    "GetTransaction": Rpc(
        TRANSACTIONS, transaction_pb2.GetTransactionRequest, transaction_pb2.GetTransactionResponse,
        {"transaction_id": _UNKNOWN_ID}, keyed=False,
    ),
    "GetBalance": Rpc(
        TRANSACTIONS, transaction_pb2.GetBalanceRequest, transaction_pb2.GetBalanceResponse,
        {"member": _MEMBER}, keyed=False,
    ),
    "ProcessBatch": Rpc(
        TRANSACTIONS, transaction_pb2.ProcessBatchRequest, transaction_pb2.ProcessBatchResponse,
        {"items": [transaction_pb2.BatchItem()]}, keyed=False,
    ),
    "ProcessBatchColumns": Rpc(
        TRANSACTIONS, transaction_pb2.ProcessBatchColumnsRequest, transaction_pb2.ProcessBatchColumnsResponse,
        {"idempotency_keys": bytes(16), "operations": [common_pb2.OPERATION_ACCRUE], "account_ids": [1],
         "currency_code": "CAD"}, keyed=False,
    ),
    "StreamTransactions": Rpc(
        TRANSACTIONS, transaction_pb2.StreamTransactionsRequest, transaction_pb2.StreamTransactionsResponse,
        {"items": [transaction_pb2.BatchItem()]}, keyed=False, streams=True,
    ),
    "RecordActivity": Rpc(
        ACTIVITIES, activity_pb2.RecordActivityRequest, activity_pb2.RecordActivityResponse,
        {"member": _MEMBER, "kind": common_pb2.TRANSACTION_KIND_PURCHASE, "origin": OCCURRED, "points": 5},
        keyed=True, key="event_id",
    ),
    "RecordActivities": Rpc(
        ACTIVITIES, activity_pb2.RecordActivitiesRequest, activity_pb2.RecordActivitiesResponse,
        {"activities": [activity_pb2.RecordActivityRequest()]}, keyed=False,
    ),
    "StreamActivities": Rpc(
        ACTIVITIES, activity_pb2.StreamActivitiesRequest, activity_pb2.StreamActivitiesResponse,
        {"activities": [activity_pb2.RecordActivityRequest()]}, keyed=False, takes=True,
    ),
    "CheckAdvice": Rpc(
        ADVICE, advice_pb2.CheckAdviceRequest, advice_pb2.CheckAdviceResponse, {"member": _MEMBER}, keyed=False
    ),
    "ListAdvice": Rpc(
        ADVICE, advice_pb2.ListAdviceRequest, advice_pb2.ListAdviceResponse, {"page_size": 1}, keyed=False
    ),
    "RaiseAdvice": Rpc(
        ADVICE, advice_pb2.RaiseAdviceRequest, advice_pb2.RaiseAdviceResponse,
        {"member": _MEMBER, "context": common_pb2.ADVICE_CONTEXT_EARNING, "posture": common_pb2.ADVICE_POSTURE_LOG,
         "duration": duration_pb2.Duration(seconds=1), "intervention": _INTERVENTION}, keyed=True,
    ),
    "OverrideAdvice": Rpc(
        ADVICE, advice_pb2.OverrideAdviceRequest, advice_pb2.OverrideAdviceResponse,
        {"advice_id": _UNKNOWN_ID, "intervention": _INTERVENTION}, keyed=True,
    ),
    "RemoveAdvice": Rpc(
        ADVICE, advice_pb2.RemoveAdviceRequest, advice_pb2.RemoveAdviceResponse,
        {"advice_id": _UNKNOWN_ID, "intervention": _INTERVENTION}, keyed=True,
    ),
    "WatchAdvice": Rpc(
        ADVICE, advice_pb2.WatchAdviceRequest, advice_pb2.WatchAdviceResponse,
        {"after_position": 1, "context": common_pb2.ADVICE_CONTEXT_EARNING}, keyed=False, feeds=True,
    ),
    "ListCases": Rpc(
        ADVICE, advice_pb2.ListCasesRequest, advice_pb2.ListCasesResponse, {"page_size": 1}, keyed=False
    ),
    "ResolveCase": Rpc(
        ADVICE, advice_pb2.ResolveCaseRequest, advice_pb2.ResolveCaseResponse,
        {"case_id": _UNKNOWN_ID, "outcome": advice_pb2.CASE_OUTCOME_FALSE_POSITIVE, "intervention": _INTERVENTION},
        keyed=True,
    ),
    "AddExemption": Rpc(
        ADVICE, advice_pb2.AddExemptionRequest, advice_pb2.AddExemptionResponse,
        {"cashier_id": "raw", "ends_at": timestamp_pb2.Timestamp(seconds=4_000_000_000),
         "intervention": _INTERVENTION}, keyed=True,
    ),
    "EndExemption": Rpc(
        ADVICE, advice_pb2.EndExemptionRequest, advice_pb2.EndExemptionResponse,
        {"exemption_id": 10**9, "intervention": _INTERVENTION}, keyed=True,
    ),
    "ListExemptions": Rpc(
        ADVICE, advice_pb2.ListExemptionsRequest, advice_pb2.ListExemptionsResponse, {"page_size": 1}, keyed=False
    ),
    "StopRedemptions": Rpc(
        ADVICE, advice_pb2.StopRedemptionsRequest, advice_pb2.StopRedemptionsResponse,
        {"store_id": _QUIET_STORE, "intervention": _INTERVENTION}, keyed=True,
    ),
    "ReleaseRedemptions": Rpc(
        ADVICE, advice_pb2.ReleaseRedemptionsRequest, advice_pb2.ReleaseRedemptionsResponse,
        {"stop_id": 10**9, "intervention": _INTERVENTION}, keyed=True,
    ),
    "ListRedemptionStops": Rpc(
        ADVICE, advice_pb2.ListRedemptionStopsRequest, advice_pb2.ListRedemptionStopsResponse, {"page_size": 1},
        keyed=False,
    ),
    "EnrollMember": Rpc(
        MEMBERS, member_pb2.EnrollMemberRequest, member_pb2.EnrollMemberResponse,
        {"identifiers": [common_pb2.MemberReference(external_id="raw-1")]}, keyed=True,
    ),
    "FindMember": Rpc(
        MEMBERS, member_pb2.FindMemberRequest, member_pb2.FindMemberResponse, {"member": _MEMBER}, keyed=False
    ),
    "LinkIdentifier": Rpc(
        MEMBERS, member_pb2.LinkIdentifierRequest, member_pb2.LinkIdentifierResponse,
        {"member": _MEMBER, "identifier": common_pb2.MemberReference(card="raw-card-1")}, keyed=True,
    ),
    "UpdateMember": Rpc(
        MEMBERS, member_pb2.UpdateMemberRequest, member_pb2.UpdateMemberResponse,
        {"member": _MEMBER, "groups": member_pb2.MemberGroups(groups=["VIP"])}, keyed=True,
    ),
    "ReplaceCard": Rpc(
        MEMBERS, member_pb2.ReplaceCardRequest, member_pb2.ReplaceCardResponse,
        {
            "card": common_pb2.MemberReference(card="raw-card-1"),
            "replacement": common_pb2.MemberReference(card="raw-card-2"),
        },
        keyed=True,
    ),
    "AddToGroup": Rpc(
        MEMBERS, member_pb2.AddToGroupRequest, member_pb2.AddToGroupResponse,
        {"group": "VIP", "members": [_MEMBER], "intervention": _INTERVENTION}, keyed=True,
    ),
    "RemoveFromGroup": Rpc(
        MEMBERS, member_pb2.RemoveFromGroupRequest, member_pb2.RemoveFromGroupResponse,
        {"group": "VIP", "members": [_MEMBER], "intervention": _INTERVENTION}, keyed=True,
    ),
    "ListGroupMembers": Rpc(
        MEMBERS, member_pb2.ListGroupMembersRequest, member_pb2.ListGroupMembersResponse, {"group": "VIP"}, keyed=False
    ),
    "SetRedemptionLock": Rpc(
        MEMBERS, member_pb2.SetRedemptionLockRequest, member_pb2.SetRedemptionLockResponse,
        {"member": _MEMBER}, keyed=True,
    ),
    "SetAccountStatus": Rpc(
        MEMBERS, member_pb2.SetAccountStatusRequest, member_pb2.SetAccountStatusResponse,
        {"member": _MEMBER, "status": member_pb2.ACCOUNT_STATUS_ACTIVE, "intervention": _INTERVENTION}, keyed=True,
    ),
    "ValidateRuleSet": Rpc(
        RULES, rule_pb2.ValidateRuleSetRequest, rule_pb2.ValidateRuleSetResponse, {"source": _SOURCE}, keyed=False
    ),
    "FormatRuleSet": Rpc(
        RULES, rule_pb2.FormatRuleSetRequest, rule_pb2.FormatRuleSetResponse, {"source": _SOURCE}, keyed=False
    ),
    "CreateRuleSetVersion": Rpc(
        RULES, rule_pb2.CreateRuleSetVersionRequest, rule_pb2.CreateRuleSetVersionResponse,
        {"source": _SOURCE, "change": _CHANGE}, keyed=True,
    ),
    "GetRuleSetVersion": Rpc(
        RULES, rule_pb2.GetRuleSetVersionRequest, rule_pb2.GetRuleSetVersionResponse, {"version": 1}, keyed=False
    ),
    "ListRuleSetVersions": Rpc(
        RULES, rule_pb2.ListRuleSetVersionsRequest, rule_pb2.ListRuleSetVersionsResponse, {"page_size": 1}, keyed=False
    ),
    "DiffRuleSetVersions": Rpc(
        RULES, rule_pb2.DiffRuleSetVersionsRequest, rule_pb2.DiffRuleSetVersionsResponse,
        {"from_version": 1, "to_version": 1}, keyed=False,
    ),
    "ActivateRuleSetVersion": Rpc(
        RULES, rule_pb2.ActivateRuleSetVersionRequest, rule_pb2.ActivateRuleSetVersionResponse,
        {"version": _NO_VERSION, "expected_active_version": _NO_VERSION, "change": _CHANGE}, keyed=True,
    ),
    "RollbackRuleSet": Rpc(
        RULES, rule_pb2.RollbackRuleSetRequest, rule_pb2.RollbackRuleSetResponse,
        {"version": _NO_VERSION, "expected_active_version": _NO_VERSION, "change": _CHANGE}, keyed=True,
    ),
    "CancelRuleSetActivation": Rpc(
        RULES, rule_pb2.CancelRuleSetActivationRequest, rule_pb2.CancelRuleSetActivationResponse,
        {"activation": _NO_VERSION, "change": _CHANGE}, keyed=True,
    ),
    "ListRuleSetActivations": Rpc(
        RULES, rule_pb2.ListRuleSetActivationsRequest, rule_pb2.ListRuleSetActivationsResponse,
        {"page_size": 1}, keyed=False,
    ),
    "SimulateRuleSet": Rpc(
        RULES, rule_pb2.SimulateRuleSetRequest, rule_pb2.SimulateRuleSetResponse,
        {"order": rule_pb2.SimulatedOrder(total=_TOTAL)}, keyed=False,
    ),
    "ValidateConfiguration": Rpc(
        CONFIGURATIONS, configuration_pb2.ValidateConfigurationRequest,
        configuration_pb2.ValidateConfigurationResponse, {"source": CONFIGURATION}, keyed=False,
    ),
    "CreateConfigurationVersion": Rpc(
        CONFIGURATIONS, configuration_pb2.CreateConfigurationVersionRequest,
        configuration_pb2.CreateConfigurationVersionResponse, {"source": CONFIGURATION, "change": _CHANGE}, keyed=True,
    ),
    "GetConfigurationVersion": Rpc(
        CONFIGURATIONS, configuration_pb2.GetConfigurationVersionRequest,
        configuration_pb2.GetConfigurationVersionResponse, {"version": 1}, keyed=False,
    ),
    "ListConfigurationVersions": Rpc(
        CONFIGURATIONS, configuration_pb2.ListConfigurationVersionsRequest,
        configuration_pb2.ListConfigurationVersionsResponse, {"page_size": 1}, keyed=False,
    ),
    "DiffConfigurationVersions": Rpc(
        CONFIGURATIONS, configuration_pb2.DiffConfigurationVersionsRequest,
        configuration_pb2.DiffConfigurationVersionsResponse, {"from_version": 1, "to_version": 1}, keyed=False,
    ),
    "ActivateConfigurationVersion": Rpc(
        CONFIGURATIONS, configuration_pb2.ActivateConfigurationVersionRequest,
        configuration_pb2.ActivateConfigurationVersionResponse,
        {"version": _NO_VERSION, "expected_active_version": _NO_VERSION, "change": _CHANGE}, keyed=True,
    ),
    "RollbackConfiguration": Rpc(
        CONFIGURATIONS, configuration_pb2.RollbackConfigurationRequest,
        configuration_pb2.RollbackConfigurationResponse,
        {"version": _NO_VERSION, "expected_active_version": _NO_VERSION, "change": _CHANGE}, keyed=True,
    ),
    "ListConfigurationActivations": Rpc(
        CONFIGURATIONS, configuration_pb2.ListConfigurationActivationsRequest,
        configuration_pb2.ListConfigurationActivationsResponse, {"page_size": 1}, keyed=False,
    ),
    "ExplainDecision": Rpc(
        EXPLANATIONS, explanation_pb2.ExplainDecisionRequest, explanation_pb2.ExplainDecisionResponse,
        {"transaction_id": _UNKNOWN_ID}, keyed=False,
    ),
    "BacktestRuleSet": Rpc(
        RULES, rule_pb2.BacktestRuleSetRequest, rule_pb2.BacktestRuleSetResponse,
        {"version": _NO_VERSION}, keyed=False, feeds=True,
    ),
    "CreateExperiment": Rpc(
        EXPERIMENTS, experiment_pb2.CreateExperimentRequest, experiment_pb2.CreateExperimentResponse,
        {"name": "raw", "arms": _ARMS, "primary_metric": experiment_pb2.EXPERIMENT_METRIC_POINTS, "change": _CHANGE},
        keyed=True,
    ),
    "StartExperiment": Rpc(
        EXPERIMENTS, experiment_pb2.StartExperimentRequest, experiment_pb2.StartExperimentResponse,
        {"experiment_id": _NO_VERSION, "change": _CHANGE}, keyed=True,
    ),
    "EndExperiment": Rpc(
        EXPERIMENTS, experiment_pb2.EndExperimentRequest, experiment_pb2.EndExperimentResponse,
        {"experiment_id": _NO_VERSION, "change": _CHANGE}, keyed=True,
    ),
    "PromoteArm": Rpc(
        EXPERIMENTS, experiment_pb2.PromoteArmRequest, experiment_pb2.PromoteArmResponse,
        {"experiment_id": _NO_VERSION, "arm": 1, "change": _CHANGE}, keyed=True,
    ),
    "ListExperiments": Rpc(
        EXPERIMENTS, experiment_pb2.ListExperimentsRequest, experiment_pb2.ListExperimentsResponse,
        {"page_size": 1}, keyed=False,
    ),
    "GetExperiment": Rpc(
        EXPERIMENTS, experiment_pb2.GetExperimentRequest, experiment_pb2.GetExperimentResponse,
        {"experiment_id": _NO_VERSION}, keyed=False,
    ),
    "IssueAllowance": Rpc(
        OFFLINE, offline_pb2.IssueAllowanceRequest, offline_pb2.IssueAllowanceResponse,
        {"member": _MEMBER, "origin": RAW_TILL, "points": 1, "time_to_live": duration_pb2.Duration(seconds=60)},
        keyed=True,
    ),
    "ListAllowanceKeys": Rpc(
        OFFLINE, offline_pb2.ListAllowanceKeysRequest, offline_pb2.ListAllowanceKeysResponse, {"key_id": "1-none"},
        keyed=False,
    ),
    "RotateAllowanceKey": Rpc(
        OFFLINE, offline_pb2.RotateAllowanceKeyRequest, offline_pb2.RotateAllowanceKeyResponse, {}, keyed=True
    ),
    "UploadOccurrences": Rpc(
        OFFLINE, offline_pb2.UploadOccurrencesRequest, offline_pb2.UploadOccurrencesResponse,
        {"store_id": RAW_TILL.store_id, "terminal_id": RAW_TILL.terminal_id}, keyed=False,
    ),
    "ListDiscrepancies": Rpc(
        OFFLINE, offline_pb2.ListDiscrepanciesRequest, offline_pb2.ListDiscrepanciesResponse,
        {"store_id": RAW_TILL.store_id, "terminal_id": RAW_TILL.terminal_id}, keyed=False,
    ),
    "LiabilityReport": Rpc(
        BOOKS, books_pb2.LiabilityReportRequest, books_pb2.LiabilityReportResponse, {"since": OCCURRED_AT},
        keyed=False, feeds=True,
    ),
    "ReconcileDay": Rpc(
        BOOKS, books_pb2.ReconcileDayRequest, books_pb2.ReconcileDayResponse, {"business_date": "2026-11-20"},
        keyed=False, feeds=True,
    ),
    "StartShadow": Rpc(
        SHADOWS, shadow_pb2.StartShadowRequest, shadow_pb2.StartShadowResponse,
        {"version": _NO_VERSION, "change": _CHANGE}, keyed=True,
    ),
    "StopShadow": Rpc(
        SHADOWS, shadow_pb2.StopShadowRequest, shadow_pb2.StopShadowResponse,
        {"shadow_id": _NO_VERSION, "change": _CHANGE}, keyed=True,
    ),
    "GetShadow": Rpc(
        SHADOWS, shadow_pb2.GetShadowRequest, shadow_pb2.GetShadowResponse,
        {"shadow_id": _NO_VERSION}, keyed=False,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status by name, its text and details, and on OK the message."""

    code: str
    text: str = ""
    reason: str = ""
    error_id: str = ""
    fields: tuple[str, ...] = ()
    retry_after_s: float | None = None
    raw_details: bytes = b""
    message: Any = None


class RawCalls:
    """A channel to a server on which anything can be said. Calls carry a valid credential unless told otherwise."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        options = (
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_metadata_size", 1 << 22),
            ("grpc.use_local_subchannel_pool", 1),
        )
        self.channel = grpc.insecure_channel(server.address, options=options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.channel.close()

    def call(
        self,
        name: str,
        request: Message | bytes,
        *,
        metadata: Iterable[tuple[str, str | bytes]] | None = None,
        timeout_s: float | None = 20.0,
    ) -> Answer:
        """Make one call, on a stream of one message each way; ``timeout_s`` None sends no deadline.

        Of answers that come as a stream, the last one is returned.
        """
        rpc = RPCS[name]
        data = request if isinstance(request, bytes) else request.SerializeToString()
        make_method: Any = self.channel.stream_stream if rpc.streams else self.channel.unary_unary
        if rpc.feeds:
            make_method = self.channel.unary_stream
        if rpc.takes:
            make_method = self.channel.stream_unary
        method: Any = make_method(
            f"/{rpc.service}/{name}", request_serializer=None, response_deserializer=rpc.response_class.FromString
        )
        sent = self._server.authorization if metadata is None else tuple(metadata)
        try:
            if rpc.streams:
                (message,) = method(iter((data,)), timeout=timeout_s, metadata=cast("Any", sent))
            elif rpc.feeds:
                *_, message = method(data, timeout=timeout_s, metadata=cast("Any", sent))
            elif rpc.takes:
                message = method(iter((data,)), timeout=timeout_s, metadata=cast("Any", sent))
            else:
                message = method(data, timeout=timeout_s, metadata=cast("Any", sent))
        except grpc.RpcError as error:
            return _refusal(error)
        return Answer("OK", message=message)


def _refusal(error: Any) -> Answer:
    info, request, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    status = rpc_status.from_call(error)
    delay = None
    if status is not None:
        assert status.message == error.details()
        for detail in status.details:
            detail.Unpack(info)
            detail.Unpack(request)
            if detail.Unpack(retry):
                delay = retry.retry_delay.ToTimedelta().total_seconds()
    return Answer(
        code=error.code().name,
        text=error.details() or "",
        reason=info.reason,
        error_id=info.metadata.get("error_id", ""),
        fields=tuple(violation.field for violation in request.field_violations),
        retry_after_s=delay,
        raw_details=b"" if status is None else status.SerializeToString(),
    )
