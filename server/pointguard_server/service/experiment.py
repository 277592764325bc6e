"""Experiments with versions of the earn rules: the values. Storage keeps them, others make them."""

from dataclasses import dataclass, replace

from pointguard_server.domain.codes import (
    ExperimentEnd,
    ExperimentEventKind,
    ExperimentMetric,
    ExperimentState,
    RuleSetActivationKind,
)
from pointguard_server.engine.split import Split
from pointguard_server.service.rule_versions import RuleChange

ENDED_BY = {
    RuleSetActivationKind.ACTIVATE: ExperimentEnd.ACTIVATED,
    RuleSetActivationKind.ROLLBACK: ExperimentEnd.ROLLED_BACK,
    RuleSetActivationKind.FILE: ExperimentEnd.FILE_CHANGED,
    RuleSetActivationKind.PROMOTE: ExperimentEnd.PROMOTED,
}


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm: its number from 1, its name, the version that decides in it and its weight."""

    arm: int
    label: str
    version: int
    weight: int


@dataclass(frozen=True, slots=True)
class Design:
    """What an experiment is made of; ``arms`` in order of their numbers."""

    name: str
    metric: ExperimentMetric
    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """When something took effect, in microseconds since 1970; who did it and why."""

    at: int
    change: RuleChange


@dataclass(frozen=True, slots=True)
class End:
    """How an experiment came to its end. ``arm`` and ``activation`` are those of a promotion, or 0."""

    step: Step
    by: ExperimentEnd
    arm: int = 0
    activation: int = 0


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment as it stands. ``secret`` keys its split; ``version_before`` decided when it started."""

    experiment_id: int
    design: Design
    secret: bytes
    created: Step
    started: Step | None = None
    version_before: int = 0
    end: End | None = None

    @property
    def state(self) -> ExperimentState:
        """Where in its life it is."""
        if self.started is None:
            return ExperimentState.CREATED
        return ExperimentState.RUNNING if self.end is None else ExperimentState.OVER

    @property
    def split(self) -> Split:
        """How it divides accounts."""
        return Split(self.experiment_id, self.secret, tuple(arm.weight for arm in self.design.arms))

    def after(self, kind: ExperimentEventKind | None) -> "Experiment":
        """Return it as a step left it (None: its making): what the step's first answer said."""
        if kind is None:
            return replace(self, started=None, version_before=0, end=None)
        return replace(self, end=None) if kind is ExperimentEventKind.STARTED else self


@dataclass(frozen=True, slots=True)
class KnownStep:
    """What a request of a known key did to which experiment: a step, or (None) made it. ``digest`` is the request's."""

    digest: bytes
    experiment_id: int
    kind: ExperimentEventKind | None


@dataclass(frozen=True, slots=True)
class MemberFigures:
    """What one account did in an experiment: transactions of any kind, and of its approved accruals the sums."""

    arm: int
    transactions: int
    accruals: int
    points: int
    spend: int
