"""Advice about agents: what stands against who gives points, whatever account it was raised at.

A program without rules about agents has none.
"""

from pointguard_server.domain.codes import AdviceEvent, Posture, Reason
from pointguard_server.engine.compiled.emit import add_reason
from pointguard_server.engine.world import ADVICE_ABOUT_AGENTS, NOW
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import NONE

_BLOCK, _ADVICE_BLOCK = int(Posture.BLOCK), int(Reason.ADVICE_BLOCK)
_REMOVED = int(AdviceEvent.REMOVED)


@part
def advice_about(batch, agent_id, rule_id):
    """Return the index of a rule's advice about an agent that has not ended, overridden or not, or NONE."""
    for i in range(batch.header[ADVICE_ABOUT_AGENTS]):
        advice = batch.agent_advice[i]
        if advice.agent_id == agent_id and advice.rule_id == rule_id and advice.ends_at > batch.header[NOW]:
            return i
    return NONE


@part
def is_blocked(batch, out, r, agent_id):
    """Add the reasons that standing advice gives against what an agent gives; return whether there are any."""
    blocked = False
    for i in range(batch.header[ADVICE_ABOUT_AGENTS]):
        advice = batch.agent_advice[i]
        stands = advice.is_over == 0 and advice.ends_at > batch.header[NOW]
        if advice.agent_id == agent_id and advice.posture == _BLOCK and stands:
            add_reason(out, r, _ADVICE_BLOCK, advice.rule_id)
            blocked = True
    return blocked


@part
def note_about(batch, agent_id, advice):
    """Have the rest of the batch know of advice that was just raised about an agent."""
    row = batch.header[ADVICE_ABOUT_AGENTS]
    batch.header[ADVICE_ABOUT_AGENTS] = row + 1
    about = batch.agent_advice[row]
    about.advice_id_high = advice.advice_id_high
    about.advice_id_low = advice.advice_id_low
    about.agent_id = agent_id
    about.rule_id = advice.rule_id
    about.posture = advice.posture
    about.is_over = 0
    about.ends_at = advice.ends_at


@part
def settle_about(batch, advice, is_over):
    """Have the rest of the batch know of a later step of such advice."""
    for i in range(batch.header[ADVICE_ABOUT_AGENTS]):
        about = batch.agent_advice[i]
        if about.advice_id_high == advice.advice_id_high and about.advice_id_low == advice.advice_id_low:
            about.is_over = 1 if is_over else 0
            about.ends_at = 0 if advice.event == _REMOVED else advice.ends_at


@part
def is_about(batch, advice, agent_id):
    """Return whether an advice that has not ended is about this agent."""
    for i in range(batch.header[ADVICE_ABOUT_AGENTS]):
        about = batch.agent_advice[i]
        if about.advice_id_high == advice.advice_id_high and about.advice_id_low == advice.advice_id_low:
            return about.agent_id == agent_id
    return False
