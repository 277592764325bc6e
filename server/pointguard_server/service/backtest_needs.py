"""What a rule set asks for that history does not tell: such a version is refused by name, never guessed at."""

from pointguard_server.rules import checked
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FACT_FIELDS
from pointguard_server.rules.inputs import EarnedInput, LocalDateInput, MatchInput, WindowInput, window_text
from pointguard_server.rules.value_types import Vector

_NOT_KEPT = frozenset(("store.country", "member.groups", "member.age_band", "member.birthday_month"))


def unknown_of(rules: CheckedRuleSet) -> tuple[str, ...]:
    """Return what the rules ask for in vain, each once."""
    found = sorted(fields_of(rules) & _NOT_KEPT)
    for wanted in rules.inputs:
        match wanted:
            case LocalDateInput():
                continue
            case MatchInput():
                found += [wanted.field] if wanted.field in _NOT_KEPT else []
            case WindowInput():
                found.append(window_text(wanted))
            case EarnedInput():
                found.append(f"cap per {wanted.period}")
    return tuple(dict.fromkeys(found))


def fields_of(rules: CheckedRuleSet) -> set[str]:
    """Return the names of the facts that the rules read, but for their own inputs."""
    return {
        FACT_FIELDS[node.index].name
        for node in checked.nodes(rules)
        if isinstance(node, checked.FieldValue | checked.BitTest)
        and node.vector is Vector.FACTS
        and node.index < FACT_FIELD_COUNT
    }
