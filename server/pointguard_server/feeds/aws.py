"""A client of an AWS service, and what its errors mean. The only file that imports aiobotocore. For the targets.

The credentials come from where AWS's tools find them: the environment, a profile, the machine's or container's role.
"""

from typing import Any, Final

from pointguard_server.feeds.target import TargetUnavailable

CONNECT_S: Final = 2.0
ANSWER_S: Final = 5.0


class Answered(Exception):
    """An error that a service answers; the text is its code, such as ``ThrottlingException``."""


class AwsClient:
    """A client of one service. What fails is tried again by who calls, who knows what may be sent twice."""

    def __init__(self, service: str, region: str, endpoint: str, answer_s: float = ANSWER_S) -> None:
        """Without a region or an endpoint they are found as the credentials are."""
        self._service, self._region, self._endpoint, self._answer_s = service, region, endpoint, answer_s
        self._opened: Any = None
        self._client: Any = None

    async def open(self) -> None:
        """Make the client, with nothing sent.

        Raises:
            ValueError: if the settings do not suffice; the text says what is missing.
        """
        # Imported when there is something to publish: half a second of each start otherwise.
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session
        from botocore.exceptions import BotoCoreError

        config = AioConfig(connect_timeout=CONNECT_S, read_timeout=self._answer_s, retries={"total_max_attempts": 1})
        self._opened = get_session().create_client(
            self._service, region_name=self._region or None, endpoint_url=self._endpoint or None, config=config
        )
        try:
            self._client = await self._opened.__aenter__()
        except BotoCoreError as error:
            raise ValueError(f"cannot publish to {self._service}: {error}") from error

    async def ask(self, operation: str, **values: Any) -> dict[str, Any]:
        """Make a request, once, and return the answer.

        Raises:
            Answered: if the service answers with an error.
            TargetUnavailable: if there is no answer: nobody knows what was done.
        """
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        try:
            answer: dict[str, Any] = await getattr(self._client, operation)(**values)
        except ClientError as error:
            raise Answered(str(error.response.get("Error", {}).get("Code", "unknown"))) from error
        except (BotoCoreError, HTTPClientError, TimeoutError, OSError) as error:
            raise TargetUnavailable(type(error).__name__) from error
        return answer

    async def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._opened.__aexit__(None, None, None)
            self._client = None
