"""What rules had given an account before an accrual, in the periods of their caps: added up from its entries."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from pointguard_server.domain.calendar import local_time
from pointguard_server.rules.inputs import EarnedInput
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.value_types import CapPeriod
from pointguard_server.service.explanation.ports import PastAward


def earned_before(
    rule_set: RuleSet, awards: Sequence[PastAward], texts: Mapping[int, str], moment: int, zone: ZoneInfo
) -> dict[EarnedInput, int]:
    """Return the points that counters held just before a moment, in the order of the rule set's inputs.

    ``awards`` came before; ``texts`` has the names of their rules.
    """
    local = local_time(moment, zone)
    starts = {CapPeriod.DAY: local.day_start, CapPeriod.MONTH: local.month_start, CapPeriod.LIFETIME: 0}
    return {
        wanted: sum(
            award.points
            for award in awards
            if texts[award.rule_id] == rule_set.rules[wanted.ordinal].name
            and award.accepted_at >= starts[wanted.period]
        )
        for wanted in rule_set.checked.inputs
        if isinstance(wanted, EarnedInput)
    }
