"""How two versions of a program's earn rules differ: as texts, and as rules. For ``rpc``."""

from dataclasses import dataclass
from difflib import unified_diff

from pointguard_server.rules import parser
from pointguard_server.rules.syntax import RuleSetSyntax
from pointguard_server.rules.tree_text import tree_text


@dataclass(frozen=True, slots=True)
class RuleDifferences:
    """A unified diff of two texts, and the names of rules: new in the second, only in the first, or changed."""

    text: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def differences(before: str, after: str, before_name: str, after_name: str) -> RuleDifferences:
    """Compare two source texts without mistakes. Two rules are the same if their canonical texts are."""
    lines = unified_diff(before.splitlines(), after.splitlines(), before_name, after_name, lineterm="")
    old, new = _rules(before), _rules(after)
    return RuleDifferences(
        text="".join(f"{line}\n" for line in lines),
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and old[name] != new[name]),
    )


def _rules(source: str) -> dict[str, str]:
    """Return each rule's canonical text by its name."""
    syntax, _ = parser.parse(source)
    rules = syntax.rules if syntax is not None else ()
    return {rule.name.text: tree_text(RuleSetSyntax((rule,))) for rule in rules}
