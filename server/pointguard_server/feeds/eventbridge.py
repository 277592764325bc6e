"""Advice as events on an EventBridge bus."""

import json
from collections.abc import Sequence
from typing import Any, Final

from pointguard_server.feeds.aws import Answered, AwsClient
from pointguard_server.feeds.schema import Text, event_of, moment_text
from pointguard_server.feeds.target import Refused, TargetUnavailable
from pointguard_server.service.ports import Notice

SOURCE: Final = "pointguard"
DETAIL_TYPE: Final = "Advice Notice"
ENTRIES_MAX: Final = 10
BYTES_MAX: Final = 256 * 1024
_FOR_NOW: Final = frozenset(
    ("ThrottlingException", "InternalFailure", "InternalException", "InternalServerError", "ServiceUnavailable")
)
"""Codes of an entry that say nothing about the entry."""


class EventBridge:
    """A bus, by ``PutEvents``."""

    name = "eventbridge"
    takes_states = False  # what is old would be taken for news
    notices_max = ENTRIES_MAX

    def __init__(self, aws: AwsClient, bus: str, tenant: str, text: Text) -> None:
        self._aws, self._bus, self._tenant, self._text = aws, bus, tenant, text

    async def send(self, notices: Sequence[Notice]) -> Sequence[Refused | None]:
        """See ``Target``."""
        try:
            answer = await self._aws.ask("put_events", Entries=self._fitting(notices))
        except Answered as error:  # all of them at once: it is not about one of them
            raise TargetUnavailable(str(error)) from error
        return [_outcome(result) for result in answer["Entries"]]

    def _fitting(self, notices: Sequence[Notice]) -> list[dict[str, Any]]:
        """Return the first notices as entries that are not too large together; one that is too large alone, alone."""
        entries: list[dict[str, Any]] = []
        size = 0
        for notice in notices:
            detail = json.dumps(event_of(notice, self._tenant, self._text), separators=(",", ":"))
            size += len(SOURCE) + len(DETAIL_TYPE) + len(detail) + 14  # its time counts for 14
            if entries and size > BYTES_MAX:
                break
            entries.append(
                {
                    "EventBusName": self._bus,
                    "Source": SOURCE,
                    "DetailType": DETAIL_TYPE,
                    "Time": moment_text(notice.happened_at),
                    "Detail": detail,
                }
            )
        return entries

    async def close(self) -> None:
        """See ``Target``."""
        await self._aws.close()


def _outcome(result: dict[str, str]) -> Refused | None:
    code = result.get("ErrorCode")
    return Refused(code, code in _FOR_NOW) if code else None
