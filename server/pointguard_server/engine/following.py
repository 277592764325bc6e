"""What other servers have done to the ledger, as one server's memory must be told of it. For ``batch``.

Memory is a projection of the ledger: accounts that moved on are thrown out and read again, wider windows count what
happened, advice about agents is taken up. All is read before anything changes, so that a step that fails can be tried
again.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from pointguard_server.engine.memory import Memory
from pointguard_server.engine.originals import ReadLeg
from pointguard_server.engine.ports import Heads, IntArray, Others, RowArray
from pointguard_server.engine.programs import Programs
from pointguard_server.engine.recount import Recount

ACCOUNTS_MAX = 32_768
"""Legs of others past which memory is emptied: to find each account would take longer than to read some again.

And past which they are not counted in the step, with the database's lock, but beside the writer.
"""


@dataclass(frozen=True, slots=True)
class News:
    """What the legs between two ends of the ledger mean."""

    accounts: IntArray | None  # that moved on; None: too many to tell
    recount: Recount | None  # the legs, counted for the wider windows if there are any; not begun if too many
    agent_advice: RowArray  # engine.rows.ADVICE

    @classmethod
    def of(cls, others: Others, read_leg: ReadLeg, programs: Programs, known: Heads, heads: Heads) -> Self:
        """Read what was committed behind ``known``; the ledger ends with ``heads`` now."""
        accounts = others.accounts_after(known.position, ACCOUNTS_MAX)
        recount = None
        if programs.scoped:
            recount = programs.recount(programs.scoped, heads.accepted_at)
        if recount is not None and accounts is not None:
            legs = others.legs_after(known.position)
            if recount.is_net:
                recount.recall(_undone_by(legs, others, known.position), read_leg)
            recount.add(legs, read_leg)
        return cls(accounts, recount, others.agent_advice_after(known.advice))

    def told_to(self, memory: Memory, programs: Programs) -> Memory:
        """Return memory with none of those accounts, and with what they counted, or knowing that it has not."""
        if self.accounts is None:
            memory = memory.emptied(programs.measures_max, programs.counters_max)
            memory.take_distinct(programs.distinct_measures)
            memory.scopes.await_counts(programs.scoped)
            programs.mark_uncounted(memory.scopes.uncounted)
        else:
            memory.evict(self.accounts.tolist())
            if self.recount is not None:
                memory.scopes.merge(self.recount, programs.group_sets)
        return memory


def _undone_by(legs: RowArray, others: Others, position: int) -> RowArray:
    """Return the legs up to a position that some behind it are about: reservations that end, what is returned."""
    wanted: dict[tuple[int, int], set[int]] = {}
    for leg in legs[legs["refers_to_seq"] > 0]:
        wanted.setdefault((int(leg["tenant_id"]), int(leg["account_id"])), set()).add(int(leg["refers_to_seq"]))
    found = [others.legs_about(*account, seqs, position) for account, seqs in wanted.items()]
    earlier: RowArray = np.concatenate((legs[:0], *found))
    return np.sort(earlier, order="position")
