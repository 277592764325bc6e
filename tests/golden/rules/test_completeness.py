"""Every construct of the language, and every mistake that there is a message for, stands in a golden file here."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pointguard_server.rules import checked, parser, syntax
from pointguard_server.rules.rule_set import load_rule_set
from tests.golden.rules.test_rule_set_files import FOLDER, SOURCES, read_set

ROOM = Path(syntax.__file__).parent
SAID_BY = frozenset(("Problem", "report"))
"""What a message is the third argument of."""


def below(node: Any) -> Iterator[Any]:
    """Yield a node and all that it is made of."""
    if isinstance(node, tuple):
        for part in node:
            yield from below(part)
    elif is_dataclass(node):
        yield node
        for each in fields(node):
            yield from below(getattr(node, each.name))


def test_every_construct_is_read_from_some_file() -> None:
    read, meant = set(), set()
    for path in SOURCES:
        if path.with_suffix(".tree").exists():
            tree, _ = parser.parse(path.read_text())
            read |= {type(node) for node in below(tree)}
            meant |= {
                type(node) for node in below(load_rule_set(path.read_text(), path.name, read_set=read_set).checked)
            }
    assert {each for each in vars(syntax).values() if is_dataclass(each)} <= read
    assert set(checked.Checked.__args__) <= meant


def test_every_mistake_is_made_in_some_file() -> None:
    told = [
        line.removeprefix("    ")
        for path in FOLDER.glob("*.problems")
        for line in path.read_text().splitlines()
        if line.startswith("    ")
    ]
    messages = {message for path in ROOM.glob("*.py") for message in messages_of(ast.parse(path.read_text()))}
    assert len(messages) > 70
    assert [each for each in sorted(messages) if not any(re.fullmatch(each, line) for line in told)] == []


def messages_of(module: ast.Module) -> Iterator[str]:
    """Yield the messages of the problems that a file makes, as patterns."""
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and len(node.args) > 2 and name_of(node.func) in SAID_BY:
                yield from patterns(node.args[2], function, functions)


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def patterns(node: ast.expr, function: ast.FunctionDef, functions: list[ast.FunctionDef]) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield re.escape(text)
        case ast.JoinedStr():
            yield "".join(
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*" for part in node.values
            )
        case ast.IfExp():
            yield from patterns(node.body, function, functions)
            yield from patterns(node.orelse, function, functions)
        case ast.Name():
            for value in assigned(node.id, function):
                yield from patterns(value, function, functions)
        case ast.Call():
            (called,) = (each for each in functions if each.name == name_of(node.func))
            for each in ast.walk(called):
                if isinstance(each, ast.Return) and each.value is not None:
                    yield from patterns(each.value, called, functions)
        case _:
            raise AssertionError(f"line {node.lineno}: a message that cannot be told from its text")


def assigned(name: str, function: ast.FunctionDef) -> Iterator[ast.expr]:
    """Yield what a name is made to stand for in a function."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield node.value
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = zip(target.elts, node.value.elts, strict=True)
                    yield from (value for each, value in pairs if isinstance(each, ast.Name) and each.id == name)
