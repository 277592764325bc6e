"""How two versions of a program's earn rules differ: as texts, and as rules. For ``rpc``."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from difflib import unified_diff
from typing import Any

from pointguard_server.rules import parser
from pointguard_server.rules.syntax import Declaration, Name, RuleSetSyntax
from pointguard_server.rules.texts import NO_TEXTS
from pointguard_server.rules.tree_text import tree_text
from pointguard_server.service.rule_versions import RuleSetVersion, SetFiles


@dataclass(frozen=True, slots=True)
class FileDifference:
    """A set's file: how many entries came and went, and its digest before and after, empty where there is no file."""

    name: str
    added: int
    removed: int
    digest_before: str
    digest_after: str


@dataclass(frozen=True, slots=True)
class RuleDifferences:
    """A unified diff of two texts, the names of rules (new in the second, only in the first, or changed), and files."""

    text: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    files: tuple[FileDifference, ...]


def differences(before: RuleSetVersion, after: RuleSetVersion) -> RuleDifferences:
    """Compare two versions. Two rules are the same if their canonical texts are, with all that these name."""
    old_name, new_name = (f"version {version.version}" for version in (before, after))
    lines = unified_diff(before.source.splitlines(), after.source.splitlines(), old_name, new_name, lineterm="")
    old, new = _meanings(before.source, before.files), _meanings(after.source, after.files)
    return RuleDifferences(
        text="".join(f"{line}\n" for line in lines),
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and old[name] != new[name]),
        files=tuple(_file_differences(before.files, after.files)),
    )


def _file_differences(before: SetFiles, after: SetFiles) -> Iterator[FileDifference]:
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, NO_TEXTS), after.get(name, NO_TEXTS)
        if old != new:
            old_set, new_set = set(old), set(new)
            yield FileDifference(
                name,
                len(new_set - old_set),
                len(old_set - new_set),
                old.digest.hex() if name in before else "",
                new.digest.hex() if name in after else "",
            )


def _meanings(source: str, files: SetFiles) -> dict[str, str]:
    """Return by each rule's name its canonical text, and those of the names that it uses, directly or not."""
    syntax, _ = parser.parse(source)
    if syntax is None:
        return {}
    texts = {declaration: tree_text(RuleSetSyntax((declaration,)), files) for declaration in syntax.declarations}
    rules = set(syntax.rules)
    named = {declaration.name.text: declaration for declaration in syntax.declarations if declaration not in rules}
    return {rule.name.text: "".join(texts[used] for used in _used(rule, named)) for rule in syntax.rules}


def _used(declaration: Declaration, named: dict[str, Declaration]) -> list[Declaration]:
    """Return a declaration and the named ones that it uses, each once."""
    found = [declaration]
    for each in found:
        found += [other for name in dict.fromkeys(_names_in(each)) if (other := named.get(name)) and other not in found]
    return found


def _names_in(node: Any) -> Iterator[str]:
    """Yield the bare words anywhere below a node of the syntax tree."""
    if isinstance(node, Name):
        yield node.text
    elif isinstance(node, tuple):
        for part in node:
            yield from _names_in(part)
    elif is_dataclass(node):
        for field in fields(node):
            yield from _names_in(getattr(node, field.name))
