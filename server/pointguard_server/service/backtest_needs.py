"""What a rule set asks for that history does not tell: such a version is refused by name, never guessed at."""

from pointguard_server.rules import checked
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FACT_FIELDS
from pointguard_server.rules.inputs import EarnedInput, LocalDateInput, MatchInput, WindowInput, window_text
from pointguard_server.rules.value_types import Vector

_NOT_KEPT = frozenset(("store.country", "member.groups", "member.age_band", "member.birthday_month"))
_OF_THE_ACCOUNT = frozenset(("account.posted", "account.available", "account.spend"))


def unknown_of(rules: CheckedRuleSet, *, knows_accounts: bool = True) -> tuple[str, ...]:
    """Return what the rules ask for in vain, each once; ``knows_accounts``: whether balances and spend are known."""
    unknown = _NOT_KEPT if knows_accounts else _NOT_KEPT | _OF_THE_ACCOUNT
    found = [name for name in fields_of(rules) if name in unknown]
    for wanted in rules.inputs:
        match wanted:
            case LocalDateInput():
                continue
            case MatchInput():
                found += [wanted.field] if wanted.field in unknown else []
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
