"""Shadows, which evaluate a version on live traffic and decide nothing: the values. Storage keeps them."""

from dataclasses import dataclass, field

from pointguard_server.service.experiment import Step


@dataclass(frozen=True, slots=True)
class Shadow:
    """One shadow: it evaluates ``version`` on what is accepted from its start until its stop."""

    shadow_id: int
    version: int
    started: Step
    stopped: Step | None = None


@dataclass(frozen=True, slots=True)
class KnownShadowStep:
    """What a request of a known key did: to which shadow, and whether it stopped it. ``digest`` is the request's."""

    digest: bytes
    shadow_id: int
    is_stop: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One accrual for which the points differ; ``accepted_at`` in microseconds since 1970."""

    transaction_id: bytes
    accepted_at: int
    points: int
    live_points: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What a shadow found; ``rules`` are (points, points that the live rules gave) by the rule's name."""

    evaluated: int = 0
    declined: int = 0
    flips: int = 0
    failed: int = 0
    dropped: int = 0
    points: int = 0
    live_points: int = 0
    seen_to: int = 0
    rules: dict[str, tuple[int, int]] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
