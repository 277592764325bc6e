"""Advice about agents, as memory has it: of fraud rules whose scope is the agent. For ``batch``.

A projection of the ledger: what has not ended, whatever account it was raised at, so that an agent who is blocked is so
for every account. Only the writer's thread touches it.
"""

import numpy as np

from pointguard_server.domain.codes import AdviceEntity, AdviceEvent
from pointguard_server.engine.world import AGENT_ADVICE, RowArray

_ABOUT_AGENTS = int(AdviceEntity.AGENT)
_OVER = frozenset((AdviceEvent.OVERRIDDEN, AdviceEvent.RESOLVED))
NO_AGENT_ADVICE: RowArray = np.zeros(0, AGENT_ADVICE)


class AgentAdvice:
    """What stands about agents, and what suppresses its rule."""

    def __init__(self, steps: RowArray) -> None:
        """``steps`` are rows of ``rows.ADVICE``, in the ledger's order: all steps about agents that there are."""
        self._known: dict[tuple[int, int], tuple[int, ...]] = {}
        self.take(steps)

    def take(self, steps: RowArray) -> None:
        """Take up the steps of a batch that is durable; those about accounts are left out."""
        for step in steps[steps["entity"] == _ABOUT_AGENTS]:
            name = int(step["advice_id_high"]), int(step["advice_id_low"])
            event, ends_at = int(step["event"]), int(step["ends_at"])
            if event == AdviceEvent.RAISED:
                # Later steps of a case have who resolves it in the agent's place.
                agent_id = int(step["actor_id"]) >> 32
                self._known[name] = (*name, agent_id, int(step["rule_id"]), int(step["posture"]), 0, ends_at)
            elif event == AdviceEvent.REMOVED:
                self._known.pop(name, None)
            elif name in self._known:
                self._known[name] = (*self._known[name][:-2], int(event in _OVER), ends_at)

    def rows(self, now: int, more: int) -> tuple[RowArray, int]:
        """Return what has not ended by now as ``world.AGENT_ADVICE``, with room for more, and how much it is."""
        self._known = {name: row for name, row in self._known.items() if row[-1] > now}
        if not self._known and not more:
            return NO_AGENT_ADVICE, 0
        rows = np.zeros(len(self._known) + more, AGENT_ADVICE)
        rows[: len(self._known)] = np.array(list(self._known.values()), AGENT_ADVICE)
        return rows, len(self._known)
