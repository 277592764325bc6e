"""The engine's end of gRPC: starts the front, answers the calls that it hands over, and stops it."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from google.protobuf.message import Message

from pointguard.v1 import (
    activity_pb2,
    advice_pb2,
    books_pb2,
    configuration_pb2,
    experiment_pb2,
    explanation_pb2,
    member_pb2,
    offline_pb2,
    rule_pb2,
    shadow_pb2,
    transaction_pb2,
)
from pointguard_server.engine.verdicts import Answers
from pointguard_server.rpc import activity_service, streams
from pointguard_server.rpc.activity_service import ActivityService, ActivityStreams
from pointguard_server.rpc.advice_service import AdviceService
from pointguard_server.rpc.advice_watch import AdviceWatch
from pointguard_server.rpc.backtest_service import BacktestService
from pointguard_server.rpc.books_service import BooksService
from pointguard_server.rpc.configuration_service import ConfigurationService
from pointguard_server.rpc.conversions import Conversions
from pointguard_server.rpc.exemption_service import ExemptionService
from pointguard_server.rpc.experiment_service import ExperimentService
from pointguard_server.rpc.explanation_service import ExplanationService
from pointguard_server.rpc.feeds import Feeds
from pointguard_server.rpc.front_settings import FrontSettings
from pointguard_server.rpc.group_service import GroupService
from pointguard_server.rpc.guard import FOR_EVER_S, Feed, Guard, Handler, Method, Refusal
from pointguard_server.rpc.lanes import Lanes
from pointguard_server.rpc.link import Frame, FrameKind, Link
from pointguard_server.rpc.member_service import MemberService
from pointguard_server.rpc.offline_service import OfflineService
from pointguard_server.rpc.rule_service import RuleService
from pointguard_server.rpc.shadow_service import ShadowService
from pointguard_server.rpc.status import Fault
from pointguard_server.rpc.stop_service import StopService
from pointguard_server.rpc.traced import TracedCalls
from pointguard_server.rpc.transaction_service import Desk, TransactionService
from pointguard_server.rpc.wire.codec import Codec
from pointguard_server.service.advice_feed import AdviceFeed
from pointguard_server.service.backtests import Backtests
from pointguard_server.service.books import Books
from pointguard_server.service.configurations import Configurations
from pointguard_server.service.credentials import AGENT, FRAUD, MANAGER, TILL
from pointguard_server.service.exemptions import Exemptions
from pointguard_server.service.experiments import Experiments
from pointguard_server.service.explanation.explainer import Explainer
from pointguard_server.service.metrics import Metrics
from pointguard_server.service.processes import FRONT
from pointguard_server.service.reconciliation import Reconciliation
from pointguard_server.service.rule_sets import RuleSets
from pointguard_server.service.shadows import Shadows
from pointguard_server.service.stops import Stops
from pointguard_server.service.tenants import Tenant

if TYPE_CHECKING:
    from pointguard_server.service.tracing import Tracing

FRONT_MODULE = "pointguard_server.rpc.front"
# With its newer listener gRPC passes each call through a pool of four threads or more, which mostly wake one
# another: a fifth of the front's processor time. Who starts the server may say otherwise.
FRONT_ENVIRONMENT = {"GRPC_EXPERIMENTS": "-event_engine_listener"}
FRONT_START_S = 30.0
FRONT_END_S = 5.0  # beyond the grace
CONTRACT_MODULES = [
    f"pointguard.v1.{name}_pb2"
    for name in (
        "transaction", "activity", "advice", "member", "rule", "configuration", "experiment", "shadow", "explanation",
        "books", "offline",
    )
]  # fmt: skip
RULES, EXPERIMENTS, SHADOWS = (f"pointguard.v1.{name}Service" for name in ("Rule", "Experiment", "Shadow"))
EXPLANATIONS, CONFIGURATIONS = "pointguard.v1.ExplanationService", "pointguard.v1.ConfigurationService"
BOOKS = "pointguard.v1.BooksService"
MANAGERS = frozenset((RULES, EXPERIMENTS, SHADOWS, EXPLANATIONS))
INVESTIGATORS = frozenset(
    (
        "AddToGroup",
        "RemoveFromGroup",
        "ListGroupMembers",
        "ListAdvice",
        "RaiseAdvice",
        "OverrideAdvice",
        "RemoveAdvice",
        "WatchAdvice",
        "ListCases",
        "ResolveCase",
        "AddExemption",
        "EndExemption",
        "ListExemptions",
        "StopRedemptions",
        "ReleaseRedemptions",
        "ListRedemptionStops",
        "SetAccountStatus",
    )
)
OFFLINE, ROTATE, DISCREPANCIES = "pointguard.v1.OfflineService", "RotateAllowanceKey", "ListDiscrepancies"
BACKTEST, WATCH, ADJUST, LIABILITY = "BacktestRuleSet", "WatchAdvice", "AdjustPoints", "LiabilityReport"
RECONCILE = "ReconcileDay"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of the certificate chain and its private key, in PEM."""

    certificate: Path
    key: Path


def _methods(
    desk: Desk,
    rule_sets: RuleSets,
    configurations: Configurations,
    experiments: Experiments,
    shadows: Shadows,
    explainer: Explainer,
    exemptions: Exemptions,
    stops: Stops,
    books: Books,
    offline: OfflineService,
) -> dict[str, dict[str, tuple[type[Message], Method] | None]]:
    """Return every RPC: service → name → (request class, method), or None for those that decide."""
    rules, beside = RuleService(desk, rule_sets, explainer), ShadowService(desk, shadows)
    explanations = ExplanationService(desk, explainer)
    transactions, activity = TransactionService(desk, books), ActivityService(desk)
    return {
        "pointguard.v1.TransactionService": {
            "QuoteRedemption": (transaction_pb2.QuoteRedemptionRequest, transactions.quote_redemption),
            "AuthoriseRedemption": None,
            "CaptureRedemption": None,
            "VoidRedemption": None,
            "ExtendReservation": (transaction_pb2.ExtendReservationRequest, transactions.extend_reservation),
            "Accrue": None,
            ADJUST: (transaction_pb2.AdjustPointsRequest, transactions.adjust_points),
            "ReturnTransaction": (transaction_pb2.ReturnTransactionRequest, transactions.return_transaction),
            "TransferPoints": (transaction_pb2.TransferPointsRequest, transactions.transfer_points),
            "ConvertPoints": (transaction_pb2.ConvertPointsRequest, Conversions(desk).convert_points),
            "RedeemHousehold": (transaction_pb2.RedeemHouseholdRequest, transactions.redeem_household),
            "GetTransaction": (transaction_pb2.GetTransactionRequest, transactions.get_transaction),
            "GetBalance": (transaction_pb2.GetBalanceRequest, transactions.get_balance),
            "ProcessBatch": None,
            "ProcessBatchColumns": None,
            streams.NAME: None,
        },
        "pointguard.v1.ActivityService": {
            "RecordActivity": (activity_pb2.RecordActivityRequest, activity.record_activity),
            "RecordActivities": (activity_pb2.RecordActivitiesRequest, activity.record_activities),
            activity_service.STREAM: None,
        },
        "pointguard.v1.AdviceService": _advice_methods(desk, exemptions, stops),
        "pointguard.v1.MemberService": _member_methods(desk),
        RULES: {
            "ValidateRuleSet": (rule_pb2.ValidateRuleSetRequest, rules.validate_rule_set),
            "FormatRuleSet": (rule_pb2.FormatRuleSetRequest, rules.format_rule_set),
            "CreateRuleSetVersion": (rule_pb2.CreateRuleSetVersionRequest, rules.create_rule_set_version),
            "GetRuleSetVersion": (rule_pb2.GetRuleSetVersionRequest, rules.get_rule_set_version),
            "ListRuleSetVersions": (rule_pb2.ListRuleSetVersionsRequest, rules.list_rule_set_versions),
            "DiffRuleSetVersions": (rule_pb2.DiffRuleSetVersionsRequest, rules.diff_rule_set_versions),
            "ActivateRuleSetVersion": (rule_pb2.ActivateRuleSetVersionRequest, rules.activate_rule_set_version),
            "RollbackRuleSet": (rule_pb2.RollbackRuleSetRequest, rules.rollback_rule_set),
            "CancelRuleSetActivation": (rule_pb2.CancelRuleSetActivationRequest, rules.cancel_rule_set_activation),
            "ListRuleSetActivations": (rule_pb2.ListRuleSetActivationsRequest, rules.list_rule_set_activations),
            "SimulateRuleSet": (rule_pb2.SimulateRuleSetRequest, rules.simulate_rule_set),
            BACKTEST: None,
        },
        CONFIGURATIONS: _configuration_methods(desk, configurations),
        OFFLINE: _offline_methods(offline),
        EXPERIMENTS: _experiment_methods(desk, experiments),
        SHADOWS: {
            "StartShadow": (shadow_pb2.StartShadowRequest, beside.start_shadow),
            "StopShadow": (shadow_pb2.StopShadowRequest, beside.stop_shadow),
            "GetShadow": (shadow_pb2.GetShadowRequest, beside.get_shadow),
        },
        EXPLANATIONS: {
            "ExplainDecision": (explanation_pb2.ExplainDecisionRequest, explanations.explain_decision),
        },
        BOOKS: {LIABILITY: None, RECONCILE: None},
    }


def _roles(service: str, name: str) -> tuple[str, ...]:
    """Return the roles of which an RPC takes any."""
    if name in INVESTIGATORS:
        return (FRAUD,)
    if name == ADJUST:
        return (AGENT,)
    if name == DISCREPANCIES:
        return (TILL, MANAGER)
    if service == CONFIGURATIONS:
        return (MANAGER, FRAUD)
    return (MANAGER,) if service in MANAGERS or name == ROTATE else (TILL,)


def _offline_methods(offline: OfflineService) -> dict[str, tuple[type[Message], Method] | None]:
    return {
        "IssueAllowance": (offline_pb2.IssueAllowanceRequest, offline.issue_allowance),
        "ListAllowanceKeys": (offline_pb2.ListAllowanceKeysRequest, offline.list_allowance_keys),
        ROTATE: (offline_pb2.RotateAllowanceKeyRequest, offline.rotate_allowance_key),
        "UploadOccurrences": (offline_pb2.UploadOccurrencesRequest, offline.upload_occurrences),
        DISCREPANCIES: (offline_pb2.ListDiscrepanciesRequest, offline.list_discrepancies),
    }


def _experiment_methods(desk: Desk, experiments: Experiments) -> dict[str, tuple[type[Message], Method] | None]:
    trials = ExperimentService(desk, experiments)
    return {
        "CreateExperiment": (experiment_pb2.CreateExperimentRequest, trials.create_experiment),
        "StartExperiment": (experiment_pb2.StartExperimentRequest, trials.start_experiment),
        "EndExperiment": (experiment_pb2.EndExperimentRequest, trials.end_experiment),
        "PromoteArm": (experiment_pb2.PromoteArmRequest, trials.promote_arm),
        "ListExperiments": (experiment_pb2.ListExperimentsRequest, trials.list_experiments),
        "GetExperiment": (experiment_pb2.GetExperimentRequest, trials.get_experiment),
    }


def _configuration_methods(
    desk: Desk, configurations: Configurations
) -> dict[str, tuple[type[Message], Method] | None]:
    served = ConfigurationService(desk, configurations)
    return {
        "ValidateConfiguration": (configuration_pb2.ValidateConfigurationRequest, served.validate_configuration),
        "CreateConfigurationVersion": (
            configuration_pb2.CreateConfigurationVersionRequest,
            served.create_configuration_version,
        ),
        "GetConfigurationVersion": (configuration_pb2.GetConfigurationVersionRequest, served.get_configuration_version),
        "ListConfigurationVersions": (
            configuration_pb2.ListConfigurationVersionsRequest,
            served.list_configuration_versions,
        ),
        "DiffConfigurationVersions": (
            configuration_pb2.DiffConfigurationVersionsRequest,
            served.diff_configuration_versions,
        ),
        "ActivateConfigurationVersion": (
            configuration_pb2.ActivateConfigurationVersionRequest,
            served.activate_configuration_version,
        ),
        "RollbackConfiguration": (configuration_pb2.RollbackConfigurationRequest, served.rollback_configuration),
        "ListConfigurationActivations": (
            configuration_pb2.ListConfigurationActivationsRequest,
            served.list_configuration_activations,
        ),
    }


def _member_methods(desk: Desk) -> dict[str, tuple[type[Message], Method] | None]:
    members, groups = MemberService(desk), GroupService(desk)
    return {
        "EnrollMember": (member_pb2.EnrollMemberRequest, members.enroll_member),
        "FindMember": (member_pb2.FindMemberRequest, members.find_member),
        "LinkIdentifier": (member_pb2.LinkIdentifierRequest, members.link_identifier),
        "ReplaceCard": (member_pb2.ReplaceCardRequest, members.replace_card),
        "UpdateMember": (member_pb2.UpdateMemberRequest, members.update_member),
        "AddToGroup": (member_pb2.AddToGroupRequest, groups.add_to_group),
        "RemoveFromGroup": (member_pb2.RemoveFromGroupRequest, groups.remove_from_group),
        "ListGroupMembers": (member_pb2.ListGroupMembersRequest, groups.list_group_members),
        "SetRedemptionLock": (member_pb2.SetRedemptionLockRequest, members.set_redemption_lock),
        "SetAccountStatus": (member_pb2.SetAccountStatusRequest, members.set_account_status),
    }


def _advice_methods(desk: Desk, exemptions: Exemptions, stops: Stops) -> dict[str, tuple[type[Message], Method] | None]:
    advice, exempt, stop = AdviceService(desk), ExemptionService(desk, exemptions), StopService(desk, stops)
    return {
        "CheckAdvice": None,
        "ListAdvice": (advice_pb2.ListAdviceRequest, advice.list_advice),
        "RaiseAdvice": (advice_pb2.RaiseAdviceRequest, advice.raise_advice),
        "OverrideAdvice": (advice_pb2.OverrideAdviceRequest, advice.override_advice),
        "RemoveAdvice": (advice_pb2.RemoveAdviceRequest, advice.remove_advice),
        WATCH: None,
        "ListCases": (advice_pb2.ListCasesRequest, advice.list_cases),
        "ResolveCase": (advice_pb2.ResolveCaseRequest, advice.resolve_case),
        "AddExemption": (advice_pb2.AddExemptionRequest, exempt.add_exemption),
        "EndExemption": (advice_pb2.EndExemptionRequest, exempt.end_exemption),
        "ListExemptions": (advice_pb2.ListExemptionsRequest, exempt.list_exemptions),
        "StopRedemptions": (advice_pb2.StopRedemptionsRequest, stop.stop_redemptions),
        "ReleaseRedemptions": (advice_pb2.ReleaseRedemptionsRequest, stop.release_redemptions),
        "ListRedemptionStops": (advice_pb2.ListRedemptionStopsRequest, stop.list_redemption_stops),
    }


class RpcServer:
    """The RPCs of one process. ``on_lost`` is called if the front ends without having been told to."""

    def __init__(
        self,
        desk: Desk,
        rule_sets: RuleSets,
        configurations: Configurations,
        experiments: Experiments,
        shadows: Shadows,
        backtests: Backtests,
        explainer: Explainer,
        exemptions: Exemptions,
        stops: Stops,
        books: Books,
        reconciliation: Reconciliation,
        offline: OfflineService,
        advice_feed: AdviceFeed,
        guard: Guard,
        tenants: Iterable[Tenant],
        metrics: Metrics,
        tracing: "Tracing | None",
        *,
        reflect: bool,
        log_level: str,
        on_lost: Callable[[], None],
    ) -> None:
        services = _methods(
            desk, rule_sets, configurations, experiments, shadows, explainer, exemptions, stops, books, offline
        )
        names = [name for methods in services.values() for name in methods]
        self._services = {service: list(methods) for service, methods in services.items()}
        # By number; those of the lanes have a name only, and a stream's messages come by themselves.
        self._handlers: list[Handler | Feed | str] = [
            guard.wrap(name, *method, _roles(service, name)) if method is not None else name
            for service, methods in services.items()
            for name, method in methods.items()
        ]
        backtest = BacktestService(desk, rule_sets, backtests).backtest_rule_set
        watch = AdviceWatch(desk, advice_feed).watch_advice
        accounting = BooksService(desk, books, reconciliation)
        for feed in (
            guard.wrap_feed(BACKTEST, rule_pb2.BacktestRuleSetRequest, backtest, (MANAGER,)),
            guard.wrap_feed(WATCH, advice_pb2.WatchAdviceRequest, watch, (FRAUD,), FOR_EVER_S),
            guard.wrap_feed(LIABILITY, books_pb2.LiabilityReportRequest, accounting.liability_report, (MANAGER,)),
            guard.wrap_feed(RECONCILE, books_pb2.ReconcileDayRequest, accounting.reconcile_day, (TILL, MANAGER)),
        ):
            self._handlers[names.index(feed.name)] = feed
        self._codecs = {tenant.tenant_id: Codec(tenant, desk.encoder(tenant)) for tenant in tenants}
        receive, self._reply = self._receive, self._send
        self._done: Callable[[int], None] = lambda _call: None
        if tracing is not None:
            traced = TracedCalls(tracing, names, self._receive, self._send)
            receive, self._reply, self._done = traced.receive, traced.answer, traced.done
        self._lanes = Lanes(desk, guard, self._codecs, metrics.call_tally, self._reply)
        self._streams = streams.Streams(desk, guard, self._codecs, metrics.call_tally(streams.NAME), self._reply)
        self._activity_streams = ActivityStreams(
            ActivityService(desk), guard, metrics.call_tally(activity_service.STREAM), self._reply
        )
        self._metrics = metrics
        self._traced = tracing is not None
        self._desk = desk
        self._reflect = reflect
        self._log_level = log_level
        self._on_lost = on_lost
        self._link = Link(receive, self._lose)
        self._answering: dict[int, asyncio.Task[None]] = {}
        self._feeds = Feeds(self._send_of_feed, self._finish_feed)
        self._front: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._stopping = False

    def warm_up(self, answers: Answers) -> None:
        """Have the kernels compiled, or loaded from the cache; ``answers`` may be those to an empty batch."""
        for codec in self._codecs.values():
            codec.warm_up(answers)

    def prepare(self, tenant: Tenant) -> None:
        """Make what ``serve`` needs for a tenant; may run in another thread, for one change at a time."""
        self._codecs[tenant.tenant_id].prepare(tenant)

    def serve(self, tenant: Tenant) -> None:
        """Read a tenant's requests from now on by what is known of it and of its stores now."""
        codec = self._codecs[tenant.tenant_id]
        codec.serve(tenant)
        codec.learn_stores(self._desk.directory)
        self._desk.forget_places()

    async def start(self, address: str, tls: Tls | None) -> int:
        """Have the front listen on ``host:port`` (port 0: any free one), say that all services serve; return the port.

        Raises:
            OSError: if the address cannot be had or a file cannot be read.
        """
        for path in (tls.certificate, tls.key) if tls else ():
            with path.open("rb"):
                pass  # a file that cannot be read is named better here than by the front
        ours, theirs = socket.socketpair()
        with theirs:
            settings = FrontSettings(
                link=theirs.fileno(),
                address=address,
                tls_certificate=str(tls.certificate) if tls else "",
                tls_key=str(tls.key) if tls else "",
                reflection_of=CONTRACT_MODULES if self._reflect else [],
                services=self._services,
                streams=[streams.NAME],
                intakes=[activity_service.STREAM],
                feeds=[BACKTEST, WATCH, LIABILITY, RECONCILE],
                traced=self._traced,
                log_level=self._log_level,
            )
            loop = asyncio.get_running_loop()
            await loop.create_unix_connection(lambda: self._link, sock=ours)
            self._front = await asyncio.create_subprocess_exec(
                sys.executable, "-m", FRONT_MODULE, settings.text(), stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),), env=FRONT_ENVIRONMENT | dict(os.environ),
            )  # fmt: skip
        self._metrics.processes.front_id = self._front.pid
        try:
            async with asyncio.timeout(FRONT_START_S):
                port = await self._listening
        except (TimeoutError, ConnectionError) as error:
            raise OSError(f"cannot listen on {address}") from error
        self.serving(True)
        return port

    def _receive(self, frame: Frame) -> None:
        if frame.kind == FrameKind.CALL:
            handler = self._handlers[frame.number]
            if isinstance(handler, str):
                self._lanes.take(handler, frame)
                return
            loop = asyncio.get_running_loop()
            if isinstance(handler, Feed):
                self._feeds.take(handler, frame)
                return
            self._answering[frame.call] = loop.create_task(self._answer(handler, frame))
        elif frame.kind == FrameKind.MESSAGE:
            self._receive_message(frame)
        elif frame.kind == FrameKind.END:
            self._streams.close(frame.call)
            self._activity_streams.close(frame.call)
        elif frame.kind == FrameKind.TAKEN:
            self._feeds.taken(frame.call)
        elif frame.kind == FrameKind.CANCEL:
            self._cancel(frame.call)
        elif frame.kind == FrameKind.PULSE:
            self._metrics.front_shed = frame.call
            self._metrics.pulse.observe_lag(FRONT, frame.seconds)
        elif frame.kind == FrameKind.LISTENING and not self._listening.done():
            self._listening.set_result(frame.call)
        elif frame.kind == FrameKind.NOT_LISTENING and not self._listening.done():
            self._listening.set_exception(ConnectionError(frame.text))

    def _receive_message(self, frame: Frame) -> None:
        if self._handlers[frame.number] == activity_service.STREAM:
            self._activity_streams.take(frame)
            return
        try:
            self._streams.take(frame)
        except Exception as defect:  # noqa: BLE001  (the outermost: nothing unknown may pass)
            self._streams.refuse(frame.call, Fault.of(defect))

    def _cancel(self, call: int) -> None:
        self._lanes.cancel(call)
        self._feeds.cancel(call)
        if (task := self._answering.get(call)) is not None:
            task.cancel()

    async def _answer(self, handler: Handler, frame: Frame) -> None:
        try:
            answer = await handler(frame.text, frame.seconds, frame.data)
        finally:
            del self._answering[frame.call]
        self._reply(frame.call, answer)

    def _send_of_feed(self, call: int, answer: bytes | Refusal) -> None:
        """Send a message of a stream, or what ends it."""
        if isinstance(answer, Refusal):
            self._reply(call, answer)
        else:
            self._send(call, answer)

    def _finish_feed(self, call: int) -> None:
        self._link.send(FrameKind.DONE, call)
        self._done(call)

    def _send(self, call: int, answer: bytes | Refusal) -> None:
        if isinstance(answer, Refusal):
            self._link.send(FrameKind.REFUSAL, call, answer.code, answer.message, answer.details)
        else:
            self._link.send(FrameKind.ANSWER, call, data=answer)

    def _lose(self) -> None:
        if not self._listening.done():
            self._listening.set_exception(ConnectionError("the front ended"))
        elif not self._stopping:
            log.error("front_lost")
            self._on_lost()

    def serving(self, ready: bool) -> None:
        """Tell health checks whether the services take requests."""
        self._link.send(FrameKind.SERVE, number=int(ready))

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, let those under way end, for at most ``grace_s`` seconds, and end the front."""
        self._stopping = True
        await self._feeds.stop()
        if self._front is None:
            return
        self._link.send(FrameKind.STOP, seconds=grace_s)
        try:
            async with asyncio.timeout(grace_s + FRONT_END_S):
                await self._front.wait()
        except TimeoutError:
            self._front.kill()
            await self._front.wait()
        self._link.close()
