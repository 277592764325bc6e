"""Counting a batch's durable decisions. Called by ``engine/totals.py``."""

from pointguard_server.domain.codes import AdviceEvent, Decision
from pointguard_server.engine.world import ADVICE_ROWS, ENTRIES, LEGS
from pointguard_server.velocity.compiling import entry

_DECLINED, _RAISED = int(Decision.DECLINED), int(AdviceEvent.RAISED)


@entry
def add_batch(out, requests, decisions, declines, refusals, advice, points):
    """Add what became of a batch's requests, by code: see ``Totals``."""
    for r in range(requests):
        outcome = out.answers[r].outcome
        if outcome > 0:
            refusals[outcome] += 1
    for i in range(out.counts[LEGS]):
        leg = out.legs[i]
        decisions[leg.operation, leg.decision] += 1
        if leg.decision == _DECLINED:
            declines[leg.operation, leg.reason] += 1
    for i in range(out.counts[ENTRIES]):
        points[out.entries[i].entry_type] += out.entries[i].signed_points
    for i in range(out.counts[ADVICE_ROWS]):
        if out.advice[i].event == _RAISED:
            advice[out.advice[i].posture] += 1
