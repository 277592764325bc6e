"""Requests about experiments that are sound but for one field, and the field that is named. For hostile tests."""

from collections.abc import Iterator
from typing import Any

from pointguard.v1 import experiment_pb2
from tests.e2e.hostile_rules import INT64_MIN, Case, bad_changes

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
PAGED = ("ListExperiments",)


def experiment_cases() -> Iterator[Case]:
    """Yield a case for every field of every RPC about experiments, for every way in which it can be wrong."""
    for rpc in ("CreateExperiment", "StartExperiment", "EndExperiment", "PromoteArm"):
        yield from ((rpc, {"change": change}, f"change.{field}") for change, field in bad_changes())
    for rpc in ("StartExperiment", "EndExperiment", "PromoteArm", "GetExperiment"):
        for number in (0, -1, -2, INT32_MIN, INT64_MIN):
            yield rpc, {"experiment_id": number}, "experiment_id"
    for number in (0, -1, INT32_MIN):
        yield "PromoteArm", {"arm": number}, "arm"
    for name in ("", "x" * 65, "é" * 33, "a\nb", "a\0"):
        yield "CreateExperiment", {"name": name}, "name"
    for metric in (0, 4, -1, INT32_MAX):
        yield "CreateExperiment", {"primary_metric": metric}, "primary_metric"
    for arms in ([], [arm()], [arm(label=f"arm {number}", version=number) for number in range(1, 10)]):
        yield "CreateExperiment", {"arms": arms}, "arms"
    wrong: tuple[tuple[str, Any], ...] = (
        ("label", ("", "x" * 33, "a\nb", "other")),
        ("version", (0, -1, INT64_MIN, 1)),
        ("weight", (0, -1, 10_001, INT32_MIN, INT32_MAX)),
        ("arm", (1, 3, -1, INT32_MAX)),
    )
    for field, values in wrong:
        for value in values:
            both = [arm(label="other", version=1), arm(**{field: value})]
            yield "CreateExperiment", {"arms": both}, f"arms[1].{field}"
    yield from page_cases()


def page_cases() -> Iterator[Case]:
    """Yield pages that are not there."""
    for rpc in PAGED:
        for size in (-1, 101, INT32_MAX, INT32_MIN):
            yield rpc, {"page_size": size}, "page_size"
        for token in ("0", "-1", "canary", "1.5", "9" * 19, "\uff11", " 1"):
            yield rpc, {"page_token": token}, "page_token"


def arm(**fields: Any) -> experiment_pb2.ExperimentArm:
    """Return a sound arm but for the fields."""
    sound: dict[str, Any] = {"label": "arm", "version": 2, "weight": 1}
    return experiment_pb2.ExperimentArm(**(sound | fields))
