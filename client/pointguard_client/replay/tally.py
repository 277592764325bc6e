"""Counts what happened in a replay, and sums it up. The player fills it; the command prints it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pointguard_client.errors import CallError
from pointguard_client.latency import LatencyHistogram, LatencySummary
from pointguard_client.results import Accrual, AdviceReport, Reason, Redemption
from pointguard_client.words import Decision, ReasonCode


@dataclass(frozen=True, slots=True)
class RpcSummary:
    """How the calls of one RPC went; errors are among the calls."""

    calls: int
    errors: int
    latency: LatencySummary


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """How often an RPC failed in one way."""

    rpc: str
    code: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class DecisionCounts:
    """Decisions of one kind of transaction, and the first reason of each that was declined."""

    approved: int
    declined: int
    review: int
    declined_by_reason: dict[str, int]


@dataclass(frozen=True, slots=True)
class ReplaySummary:
    """What a replay did. Points are in the program's smallest unit, times in the unit that their name ends with."""

    run_id: str
    seed: int
    baskets: int
    baskets_planned: int
    households: int
    interrupted: bool
    gave_up: str
    elapsed_seconds: float
    calls: int
    calls_per_second: float
    latency: LatencySummary
    by_rpc: dict[str, RpcSummary]
    accruals: DecisionCounts
    redemptions: DecisionCounts
    warnings: dict[str, int]
    advice_standing_before: dict[str, int]
    advice_raised: dict[str, int]
    points_issued: int
    points_redeemed: int
    points_voided: int
    errors: list[ErrorCount]


@dataclass(slots=True)
class ReplayTally:
    """The running counts of a replay."""

    baskets: int = 0
    points_issued: int = 0
    points_redeemed: int = 0
    points_voided: int = 0
    households: set[str] = field(default_factory=set)
    accrual_decisions: Counter[Decision] = field(default_factory=Counter)
    redemption_decisions: Counter[Decision] = field(default_factory=Counter)
    accruals_declined: Counter[str] = field(default_factory=Counter)
    redemptions_declined: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    latencies: defaultdict[str, LatencyHistogram] = field(default_factory=lambda: defaultdict(LatencyHistogram))
    advice_before: dict[str, str] = field(default_factory=dict)
    advice_raised: dict[str, str] = field(default_factory=dict)
    households_asked: set[str] = field(default_factory=set)

    @property
    def calls(self) -> int:
        """How many calls were made, failed ones included."""
        return sum(histogram.samples for histogram in self.latencies.values())

    def record_call(self, rpc: str, latency_ns: int) -> None:
        """Count one call, whatever came of it."""
        self.latencies[rpc].record(latency_ns)

    def record_error(self, rpc: str, error: CallError) -> None:
        """Count one failed call."""
        self.errors[rpc, error.code, error.reason] += 1

    def record_accrual(self, accrual: Accrual) -> None:
        """Count one accrual."""
        self.accrual_decisions[accrual.decision] += 1
        self._record_reasons(accrual.decision, accrual.reasons, self.accruals_declined)
        self.points_issued += accrual.points

    def record_redemption(self, redemption: Redemption) -> None:
        """Count one authorise; its points count when they are spent."""
        self.redemption_decisions[redemption.decision] += 1
        self._record_reasons(redemption.decision, redemption.reasons, self.redemptions_declined)

    def record_advice(self, household: str, report: AdviceReport) -> None:
        """Count the advice of a household: what its first report shows stood before, the rest was raised meanwhile."""
        first = household not in self.households_asked
        self.households_asked.add(household)
        for advice in report.advice:
            if first:
                self.advice_before[advice.advice_id] = advice.rule
            elif advice.advice_id not in self.advice_before:
                self.advice_raised[advice.advice_id] = advice.rule

    def summary(
        self, run_id: str, seed: int, baskets_planned: int, elapsed_seconds: float, interrupted: bool, gave_up: str
    ) -> ReplaySummary:
        """Return the counts so far, with percentiles and rates."""
        every_latency = LatencyHistogram()
        for histogram in self.latencies.values():
            every_latency.add(histogram)
        return ReplaySummary(
            run_id=run_id,
            seed=seed,
            baskets=self.baskets,
            baskets_planned=baskets_planned,
            households=len(self.households),
            interrupted=interrupted,
            gave_up=gave_up,
            elapsed_seconds=elapsed_seconds,
            calls=self.calls,
            calls_per_second=self.calls / elapsed_seconds if elapsed_seconds > 0 else 0.0,
            latency=every_latency.summary(),
            by_rpc=self._by_rpc(),
            accruals=_decision_counts(self.accrual_decisions, self.accruals_declined),
            redemptions=_decision_counts(self.redemption_decisions, self.redemptions_declined),
            warnings=_most_frequent_first(self.warnings),
            advice_standing_before=_most_frequent_first(Counter(self.advice_before.values())),
            advice_raised=_most_frequent_first(Counter(self.advice_raised.values())),
            points_issued=self.points_issued,
            points_redeemed=self.points_redeemed,
            points_voided=self.points_voided,
            errors=[ErrorCount(*what, count=count) for what, count in self.errors.most_common()],
        )

    def _by_rpc(self) -> dict[str, RpcSummary]:
        errors: Counter[str] = Counter()
        for (rpc, _code, _reason), count in self.errors.items():
            errors[rpc] += count
        return {
            rpc: RpcSummary(histogram.samples, errors[rpc], histogram.summary())
            for rpc, histogram in sorted(self.latencies.items())
        }

    def _record_reasons(self, decision: Decision, reasons: Iterable[Reason], declined: Counter[str]) -> None:
        listed = list(reasons)
        if decision is Decision.DECLINED:
            declined[reason_text(listed[0]) if listed else "no reason given"] += 1
        for reason in listed:
            if reason.code is ReasonCode.FRAUD_WARNING:
                self.warnings[reason.rule] += 1


def reason_text(reason: Reason) -> str:
    """Return a reason on one line: its code, and the rule that gave it unless that is the control of the same name."""
    return reason.code.name if reason.rule in ("", reason.code.name) else f"{reason.code.name} {reason.rule}"


def _decision_counts(decisions: Counter[Decision], declined: Counter[str]) -> DecisionCounts:
    return DecisionCounts(
        approved=decisions[Decision.APPROVED],
        declined=decisions[Decision.DECLINED],
        review=decisions[Decision.REVIEW],
        declined_by_reason=_most_frequent_first(declined),
    )


def _most_frequent_first(counts: Counter[str]) -> dict[str, int]:
    return dict(counts.most_common())
