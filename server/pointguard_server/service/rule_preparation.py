"""What a rule set needs before it decides, made in advance: the swap has little to do then. For ``serving_program``.

A set may have 100,000 texts. Each gets a number, and the numbers a hash table; readers of requests get the texts of
basket lines. All that is done in a thread, and what must be written is written in small steps between batches.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, Final

from pointguard_server.domain.codes import CodeKind
from pointguard_server.engine.engine import Engine
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.service.line_codes import LineCodes, line_codes
from pointguard_server.service.ports import Directory
from pointguard_server.service.programs import IntArray, rule_constants, tenant_texts
from pointguard_server.service.rule_compiler import ReadyRules

TEXTS_IN_A_STEP: Final = 500
"""Some milliseconds on the writer's thread."""
Text = tuple[CodeKind, str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Numbers for the texts of basket lines, and constants by the digests of rule sets."""

    lines: LineCodes
    constants: Mapping[bytes, IntArray]


class RulePreparation:
    """Prepares rule sets of one tenant, each once. Belongs to the event loop; one call at a time."""

    def __init__(self, engine: Engine, names: Directory, tenant_id: int) -> None:
        self._engine, self._names, self._tenant_id = engine, names, tenant_id
        self._constants: dict[bytes, IntArray] = {}
        self._numbers: dict[Text, int] = {}

    async def prepare(
        self, ready: Mapping[bytes, ReadyRules], conditions: Sequence[ReadyRules], known: LineCodes
    ) -> Prepared:
        """Return what rule sets need, all that may decide; ``known`` texts of basket lines keep their numbers.

        ``conditions`` are of fraud rules: lines are read for them too.

        Numbers that the ledger keeps are written, whatever becomes of the change: they are of no harm.

        Raises:
            TooManyPatterns: if they ask more of lines than these have bits.
            PointguardError: if the ledger cannot be written.
        """
        new = {digest: rules for digest, rules in ready.items() if digest not in self._constants}
        lines = await asyncio.to_thread(_read_by, [rules.rule_set for rules in (*ready.values(), *conditions)], known)
        if not new:
            return Prepared(lines, self._constants)
        await self._number(await asyncio.to_thread(_texts_of, [rules.rule_set for rules in new.values()]))
        made = await asyncio.to_thread(self._make, new, lines)
        return Prepared(lines, self._constants | made)

    def adopt(self, prepared: Prepared) -> None:
        """Remember what was prepared, now that rules decide by its numbers.

        Not before: the numbers of a change that came to nothing go to other texts.
        """
        self._constants = dict(prepared.constants)

    def keep(self, digests: Collection[bytes]) -> None:
        """Forget what was prepared for other rule sets than these."""
        self._constants = {digest: made for digest, made in self._constants.items() if digest in digests}

    async def _number(self, wanted: set[Text]) -> None:
        """Have the ledger number texts, some at a time; batches get as long between as a step takes."""
        missing = [text for text in wanted if text not in self._numbers]
        for first in range(0, len(missing), TEXTS_IN_A_STEP):
            some = missing[first : first + TEXTS_IN_A_STEP]
            started = perf_counter()
            self._numbers |= await self._engine.run(partial(self._intern, some))
            if len(missing) > TEXTS_IN_A_STEP:
                await asyncio.sleep(perf_counter() - started)
        # Those of a set that is gone go with it.
        self._numbers = {text: self._numbers[text] for text in wanted}

    def _intern(self, texts: Iterable[Text], connection: Any) -> dict[Text, int]:
        intern = self._names.intern
        return {(kind, text): intern(connection, self._tenant_id, kind, text) for kind, text in texts}

    def _make(self, new: Mapping[bytes, ReadyRules], lines: LineCodes) -> dict[bytes, IntArray]:
        numbers = self._numbers

        def number_of(kind: CodeKind, text: str) -> int:
            return numbers[kind, text]

        return {digest: rule_constants(rules.rule_set, lines, number_of) for digest, rules in new.items()}


def _read_by(rule_sets: Sequence[RuleSet], known: LineCodes) -> LineCodes:
    """Return how lines are read for rule sets; the same ``known`` if that will do."""
    lines = known.keeping(rule_sets)
    for rule_set in rule_sets:
        lines = line_codes(rule_set, lines)
    return known if lines == known else lines


def _texts_of(rule_sets: Iterable[RuleSet]) -> set[Text]:
    """Return the texts that the ledger must number."""
    return set[Text]().union(*map(tenant_texts, rule_sets))
