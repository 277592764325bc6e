"""Requests of those who look into fraud that are sound but for one field. For ``test_hostile_input``."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import advice_pb2, common_pb2

INT64_MAX = 2**63 - 1
CHANGING = ("RaiseAdvice", "OverrideAdvice", "RemoveAdvice", "ResolveCase", "AddExemption", "EndExemption",
            "StopRedemptions", "ReleaseRedemptions", "SetAccountStatus")  # fmt: skip


def advice_cases() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the RPC, the fields that are changed, and the field that the refusal names."""
    yield from watch_cases()
    for rpc in CHANGING:
        yield from ((rpc, {"intervention": said}, f"intervention.{end}") for said, end in interventions())
    for number in (0, -1, 5, 2**31 - 1):
        yield "RaiseAdvice", {"context": number}, "context"
    cases = (common_pb2.ADVICE_POSTURE_REVIEW, common_pb2.ADVICE_POSTURE_REVIEW_BLOCK)
    of_redemption = (common_pb2.ADVICE_POSTURE_STEP_UP, common_pb2.ADVICE_POSTURE_LOCK)
    for number in (0, -1, 9, 2**31 - 1, *cases, *of_redemption):
        yield "RaiseAdvice", {"posture": number}, "posture"
    for number in (0, -1, 4, 2**31 - 1):
        yield "ResolveCase", {"outcome": number}, "outcome"
    yield "ResolveCase", {"case_id": "x"}, "case_id"
    yield from exemption_cases()
    yield from stop_cases()
    yield "ListCases", {"states": [1, 4]}, "states"
    for seconds, nanos in ((0, 0), (0, 999_999_999), (-1, 0), (3_650 * 86_400, 1000), (INT64_MAX, 0), (5, -5)):
        yield "RaiseAdvice", {"duration": Duration(seconds=seconds, nanos=nanos)}, "duration"
    for seconds in (-1, 0, 1_600_000_000, INT64_MAX):
        yield "RaiseAdvice", {"duration": None, "ends_at": Timestamp(seconds=seconds)}, "ends_at"
    yield "RaiseAdvice", {"duration": None}, "end"
    for status in (0, -1, 3, 2**31 - 1):
        yield "SetAccountStatus", {"status": status}, "status"
    for size in (-1, 101, 2**31 - 1):
        yield "ListAdvice", {"page_size": size}, "page_size"
        yield "ListCases", {"page_size": size}, "page_size"
        yield "ListExemptions", {"page_size": size}, "page_size"
        yield "ListRedemptionStops", {"page_size": size}, "page_size"
    for token in ("0", "x", "-1", "\u0661", "1" * 40):
        yield "ListAdvice", {"page_token": token}, "page_token"
        yield "ListExemptions", {"page_token": token}, "page_token"
        yield "ListRedemptionStops", {"page_token": token}, "page_token"


def exemption_cases() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the same of exemptions."""
    for number in (-1, 3, 2**31 - 1):
        yield "AddExemption", {"context": number}, "context"
    for rule in ("x", "ADVICE", "\u2028"):
        yield "AddExemption", {"rule": rule}, "rule"
    yield "AddExemption", {"cashier_id": None}, "subject"
    for field in ("group", "cashier_id", "redemption_type"):
        for code in ("", "x" * 33, "a\nb"):
            yield "AddExemption", {"cashier_id": None, field: code}, field
    for store in ("", "nowhere"):
        yield "AddExemption", {"cashier_id": None, "store_id": store}, "store_id"
    yield "AddExemption", {"ends_at": None}, "ends_at"
    for seconds in (-1, 0, 1_600_000_000, INT64_MAX):
        yield "AddExemption", {"ends_at": Timestamp(seconds=seconds)}, "ends_at"
    for number in (0, -1):
        yield "EndExemption", {"exemption_id": number}, "exemption_id"


def stop_cases() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the same of stops of redemptions."""
    yield "StopRedemptions", {"store_id": None}, "subject"
    yield "StopRedemptions", {"store_id": None, "program": False}, "program"
    for code in ("", "nowhere", "\u2028"):
        yield "StopRedemptions", {"store_id": code}, "store_id"
        yield "StopRedemptions", {"store_id": None, "business_unit_id": code}, "business_unit_id"
        for wrong, terminal in (("store_id", (code, "1")), ("terminal_id", ("34280", code))):
            named = advice_pb2.TerminalReference(store_id=terminal[0], terminal_id=terminal[1])
            yield "StopRedemptions", {"store_id": None, "terminal": named}, f"terminal.{wrong}"
    for seconds in (-1, 0, 1_600_000_000, INT64_MAX):
        yield "StopRedemptions", {"ends_at": Timestamp(seconds=seconds)}, "ends_at"
    for number in (0, -1):
        yield "ReleaseRedemptions", {"stop_id": number}, "stop_id"


def watch_cases() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the same of WatchAdvice."""
    for position in (-1, -(2**63), 10**15, INT64_MAX):
        yield "WatchAdvice", {"after_position": position}, "after_position"
    for name in ("context", "posture_min"):
        for number in (-1, 99, 2**31 - 1):
            yield "WatchAdvice", {name: number}, name


def interventions() -> Iterator[tuple[common_pb2.Intervention, str]]:
    """Yield interventions that say too little or too much, and the field at fault."""

    def said(**changes: Any) -> common_pb2.Intervention:
        sound = {"author": "staff 12", "reason": common_pb2.INTERVENTION_REASON_RESOLVED}
        return common_pb2.Intervention(**{**sound, **changes})

    for author in ("", "x" * 65, "é" * 33, "a\0b"):
        yield said(author=author), "author"
    for reason in (0, -1, 11, 2**31 - 1):
        yield said(reason=reason), "reason"
    for note in ("x" * 501, "é" * 251, "a\nb"):
        yield said(note=note), "note"
    yield said(reason=common_pb2.INTERVENTION_REASON_OTHER), "note"
    yield said(api_key_id="abc"), "api_key_id"
    for session in ("x" * 65, "é" * 33, "a\nb"):
        yield said(session_id=session), "session_id"
