"""What is said between the server and the process that checks rule sets. For both ends.

A message is its length in eight bytes and a pickle. The process has looked at texts of anybody's, so of what it says
only plain data and the kinds of it that rule sets and configurations are made of are read back.

    UnexpectedAnswer      a message that holds anything else, or is too long
"""

import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import EnumType
from typing import Any, Final, cast

from pointguard_server.domain import codes, expiry, identifiers
from pointguard_server.rules.conditions import Condition, ConditionProblem
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.texts import Texts
from pointguard_server.service import (
    built_in_rules,
    checked_table,
    conversions,
    fraud_settings,
    message_templates,
    program_config,
)
from pointguard_server.service.program_config import ProgramConfig

SetTexts = Mapping[str, str] | Mapping[str, Texts]
"""What the files of sets hold, by the file's name: texts as they came, or entries."""
LENGTH_BYTES: Final = 8
LONGEST_ANSWER: Final = 64 * 1024 * 1024
OUT_OF_MEMORY: Final = 77
"""The exit status of a process that its limit of memory ended."""

_RULES: Final = "pointguard_server.rules."
_OF_CONFIGURATIONS: Final = (
    built_in_rules, checked_table, codes, conversions, expiry, fraud_settings, identifiers, message_templates,
    program_config,
)  # fmt: skip
_MODULES: Final = frozenset(("datetime", *(module.__name__ for module in _OF_CONFIGURATIONS)))
"""Of these and of the rule language are the classes that an answer holds."""


class UnexpectedAnswer(ValueError):
    """The checking process said something that it has no reason to say."""


@dataclass(frozen=True, slots=True)
class Order:
    """A source text to check for a program's currency, with the texts of its sets by file; or only to lay out.

    ``unreadable`` are files that could not be read, with why. Instead of a source there may be ``conditions``, as in
    ``rules/conditions.py``; or the source is that of a configuration, which has a currency of its own.
    """

    source: str
    name: str
    currency: str
    files: SetTexts
    is_for_layout: bool = False
    unreadable: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    is_configuration: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One of: the rule set, the text in its canonical layout, or the problems, of conditions each with its place.

    Of a configuration: itself, with the rule set of its fraud rules' conditions if it has any, or its problems.
    """

    rule_set: RuleSet | None = None
    text: str | None = None
    problems: tuple[Problem, ...] = ()
    condition_problems: tuple[ConditionProblem, ...] = ()
    config: ProgramConfig | None = None
    config_problems: tuple[checked_table.Problem, ...] = ()


def encode(message: Order | Answer | None) -> bytes:
    """The bytes of a message; None is a process's word that it is there."""
    body = pickle.dumps(message, protocol=5)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def length_of(head: bytes) -> int:
    """How many bytes follow.

    Raises:
        UnexpectedAnswer: if they are too many.
    """
    length = int.from_bytes(head, "big")
    if length > LONGEST_ANSWER:
        raise UnexpectedAnswer(f"an answer of {length:,} bytes")
    return length


def decode_order(body: bytes) -> Order:
    """What the server asks; for the process, which trusts it."""
    return cast("Order", pickle.loads(body))  # noqa: S301 - written by the server that started this process


def decode_answer(body: bytes) -> Answer | None:
    """What the process says.

    Raises:
        UnexpectedAnswer: if it is no answer.
    """
    try:
        answer = _Reader(io.BytesIO(body)).load()
    except Exception as error:
        raise UnexpectedAnswer(f"an answer that cannot be read: {error}") from error
    if answer is not None and not isinstance(answer, Answer):
        raise UnexpectedAnswer(f"a {type(answer).__name__} is no answer")
    return answer


def _member(kind: Any, name: str) -> Any:
    """A member of an enum by its name."""
    if not isinstance(kind, EnumType):
        raise UnexpectedAnswer(f"{kind!r} has no members")
    return kind[name]


class _Reader(pickle.Unpickler):
    """Makes plain data and the classes of the rule language and of configurations, nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The class, if it may be made."""
        if (module, name) == ("builtins", "getattr"):
            # As Python 3.11.2 writes a member of an enum; 3.11.7 writes its value.
            return _member
        is_known = module.startswith(_RULES) or module in _MODULES or module == __name__
        found = super().find_class(module, name) if is_known else None
        if not isinstance(found, type):
            raise UnexpectedAnswer(f"{module}.{name} is no part of an answer")
        return found
