"""What stands against each account, as an item of a DynamoDB table.

An item is written whole, from what the ledger says of the account now, and only over an older one: whoever writes late,
or a second time, changes nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from pointguard_server.engine.ports import Clock
from pointguard_server.feeds.aws import Answered, AwsClient
from pointguard_server.feeds.schema import Text, account_of
from pointguard_server.feeds.target import Refused, TargetUnavailable
from pointguard_server.service.ports import Notice, NoticeReader

AT_ONCE: Final = 10
_NOT_OLDER: Final = "attribute_not_exists(account) OR seq < :seq"
_HAS_A_NEWER_ONE: Final = "ConditionalCheckFailedException"  # or this very one
_INVALID: Final = "ValidationException"


class DynamoDb:
    """A table whose key is ``account``, a text: the tenant's code, a slash and the account's number."""

    name = "dynamodb"
    takes_states = True
    notices_max = AT_ONCE

    def __init__(
        self,
        aws: AwsClient,
        table: str,
        tenant_id: int,
        tenant: str,
        reader: NoticeReader,
        text: Text,
        clock: Clock,
    ) -> None:
        self._aws, self._table, self._reader, self._text, self._clock = aws, table, reader, text, clock
        self._tenant_id, self._tenant = tenant_id, tenant

    async def send(self, notices: Sequence[Notice]) -> Sequence[Refused | None]:
        """See ``Target``."""
        outcomes = await asyncio.gather(*map(self._write, notices), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]

    async def _write(self, notice: Notice) -> Refused | None:
        """Write the item of a notice's account."""
        state = await self._reader.account_state(self._tenant_id, notice.account_id, self._clock.now())
        if state is None:
            raise AssertionError("a notice is a leg of its account")
        values = account_of(state, self._tenant, notice.account_id, self._text)
        item = _typed(values | {"account": f"{self._tenant}/{notice.account_id}"})["M"]
        try:
            await self._aws.ask(
                "put_item",
                TableName=self._table,
                Item=item,
                ConditionExpression=_NOT_OLDER,
                ExpressionAttributeValues={":seq": {"N": str(state.seq)}},
            )
        except Answered as error:
            code = str(error)
            if code == _HAS_A_NEWER_ONE:
                return None
            if code == _INVALID:
                return Refused(code, for_now=False)
            raise TargetUnavailable(code) from error
        return None

    async def close(self) -> None:
        """See ``Target``."""
        await self._aws.close()


def _typed(value: Any) -> dict[str, Any]:
    """Return a value of JSON as DynamoDB's own form of it."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, dict):
        return {"M": {name: _typed(each) for name, each in value.items()}}
    return {"L": [_typed(each) for each in value]}
