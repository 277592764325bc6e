"""What is where in the memory of a rule set that runs in WebAssembly, in bytes. For the files of that back end.

    facts | work | constants | lines

``work`` is what ``work_layout`` says. The lines come last, and there is room for the longest basket. The memory is as
large from the beginning as it ever gets.
"""

from dataclasses import dataclass
from typing import Final

from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.fields import LINE_FIELD_COUNT
from pointguard_server.rules.work_layout import MOST_LINES, layout_of

WORD: Final = 8
ROW: Final = LINE_FIELD_COUNT * WORD
PAGE: Final = 65_536


@dataclass(frozen=True, slots=True)
class MemoryLayout:
    """The byte at which each part begins, and the size of all in pages of WebAssembly."""

    facts: int
    work: int
    constants: int
    lines: int
    pages: int


def memory_layout_of(rules: CheckedRuleSet) -> MemoryLayout:
    """The layout for a rule set."""
    work = rules.fact_count * WORD
    constants = work + layout_of(rules).size * WORD
    lines = constants + rules.constant_count * WORD
    end = lines + MOST_LINES * ROW
    return MemoryLayout(0, work, constants, lines, -(-end // PAGE))
