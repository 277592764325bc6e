"""Requests about several accounts that are sound but for one field. For ``test_hostile_input``."""

from collections.abc import Iterator, Sequence
from typing import Any

from pointguard.v1 import common_pb2
from tests.e2e.hostile_rules import INT64_MIN, Case

INT64_MAX = 2**63 - 1


def transfer_cases(bad_references: Sequence[tuple[Any, str]]) -> Iterator[Case]:
    """Yield wrong accounts, points, agents and factors of transfers, household redemptions and conversions."""
    yield "TransferPoints", {"to": None}, "to"
    yield from (("TransferPoints", {"to": reference}, f"to{end}") for reference, end in bad_references)
    for text in ("x" * 65, "é" * 33, "a\0"):
        yield "TransferPoints", {"agent_id": text}, "agent_id"
    for text in ("", "x" * 33, "NO_SUCH", "a\0"):
        yield "ConvertPoints", {"conversion": text}, "conversion"
    for points in (0, -1, 1, 499, 501, 10_500, 10**12 + 1, INT64_MAX, INT64_MIN):
        yield "ConvertPoints", {"points": points}, "points"
    yield "ConvertPoints", {"verified_by": [99]}, "verified_by[0]"
    member = common_pb2.MemberReference(account_id=7)
    for members in ([], [member], [member] * 17):
        yield "RedeemHousehold", {"members": members}, "members"
    for reference, end in bad_references:
        yield "RedeemHousehold", {"members": [member, reference]}, f"members[1]{end}"
    for kind in (common_pb2.TRANSACTION_KIND_RETURN, 99):
        yield "RedeemHousehold", {"kind": kind}, "kind"
    for rpc in ("TransferPoints", "RedeemHousehold"):
        for points in (0, -1, 10**12 + 1, INT64_MAX, INT64_MIN):
            yield rpc, {"points": points}, "points"
        yield rpc, {"verified_by": [common_pb2.FACTOR_PIN, 99]}, "verified_by[1]"
