"""Requests about shadows that are sound but for one field, and the field that is named. For hostile tests."""

from collections.abc import Iterator

from tests.e2e.hostile_experiments import INT32_MAX, INT32_MIN
from tests.e2e.hostile_rules import INT64_MIN, Case, bad_changes


def shadow_cases() -> Iterator[Case]:
    """Yield a case for every field of every RPC about shadows, for every way in which it can be wrong."""
    for rpc, field in (("StartShadow", "version"), ("StopShadow", "shadow_id")):
        yield from ((rpc, {"change": change}, f"change.{path}") for change, path in bad_changes())
        for number in (0, -1, INT32_MIN, INT64_MIN):
            yield rpc, {field: number}, field
    for number in (-1, INT32_MIN, INT64_MIN):
        yield "GetShadow", {"shadow_id": number}, "shadow_id"
    for count in (-1, 101, INT32_MAX, INT32_MIN):
        yield "GetShadow", {"differences_max": count}, "differences_max"
