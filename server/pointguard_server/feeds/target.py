"""What a publisher needs of that to which it publishes. Implemented by ``eventbridge`` and ``dynamodb``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pointguard_server.service.ports import Notice


class TargetUnavailable(Exception):  # noqa: N818  (as in domain.errors)
    """The target as a whole took nothing, or nobody knows what it took; the text says why."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A notice that the target did not take; ``for_now``: it says nothing about the notice itself."""

    problem: str
    for_now: bool


class Target(Protocol):
    """Takes notices, the same one any number of times."""

    name: str
    begins_at_the_beginning: bool
    """Whether it is to have what happened before it was first published to."""
    notices_max: int
    """How many it takes at once."""

    async def send(self, notices: Sequence[Notice]) -> Sequence[Refused | None]:
        """Publish notices of different accounts; return how it went for each, or only for the first ones of them.

        Raises:
            TargetUnavailable: if nothing is known of any.
        """
        ...

    async def close(self) -> None:
        """Let go of its connections."""
        ...
