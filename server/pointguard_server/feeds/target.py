"""What a publisher needs of that to which it publishes. Implemented by ``eventbridge`` and ``dynamodb``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pointguard_server.service.ports import Notice


class TargetUnavailable(Exception):
    """The target as a whole took nothing, or nobody knows what it took; the text says why."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A notice that the target did not take; ``for_now``: it says nothing about the notice itself."""

    problem: str
    for_now: bool


class Target(Protocol):
    """Takes notices, the same one any number of times."""

    name: str
    takes_states: bool
    """Whether it wants what stands against each account, from the beginning, and not each notice from now on."""
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
