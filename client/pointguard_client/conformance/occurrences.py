"""A redemption without a line: one call is an upload of one occurrence. For ``wire``.

Its key says its number, so the same one sent again has the same: what the number is plays no part in these scenarios.
"""

import hashlib
from typing import Final

from pointguard.v1 import offline_pb2
from pointguard_client.conformance.outcome import Outcome, of_batch_error

OFFLINE_REDEMPTION: Final = "OfflineRedemption"
UPLOAD: Final = "UploadOccurrences"


def upload_of(redemption: offline_pb2.OfflineRedemption) -> offline_pb2.UploadOccurrencesRequest:
    """Return the upload that tells of a redemption."""
    digest = hashlib.sha256(redemption.idempotency_key.encode()).digest()
    occurrence = offline_pb2.Occurrence(sequence=1 + int.from_bytes(digest[:5], "big"), redemption=redemption)
    where = redemption.origin
    return offline_pb2.UploadOccurrencesRequest(
        store_id=where.store_id, terminal_id=where.terminal_id, occurrences=[occurrence]
    )


def of_upload(whole: Outcome) -> Outcome:
    """Return what an upload says of its one occurrence."""
    if whole.message is None:
        return whole
    if len(whole.message.results) != 1:
        return Outcome("MISSING", text=f"{len(whole.message.results)} answers to one occurrence")
    (result,) = whole.message.results
    return of_batch_error(result.error) if result.HasField("error") else Outcome("OK", result.taken)
