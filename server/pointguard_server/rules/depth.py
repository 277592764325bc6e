"""How deep a checked expression goes, the lets that it reads included. For ``checker``.

Whatever walks a tree recurses over it, so this bounds the stack of the interpreter and the nesting of written code.
"""

from collections.abc import Sequence
from typing import Final

from pointguard_server.rules.checked import Checked, CheckedLet, LetValue, operands

DEEPEST: Final = 64


def of(node: Checked, lets: Sequence[CheckedLet]) -> int:
    """The steps from the outermost operator to the innermost value."""
    deepest = 0
    pending = [(node, 1)]
    seen: dict[int, int] = {}
    while pending:
        current, depth = pending.pop()
        deepest = max(deepest, depth)
        if isinstance(current, LetValue):
            # Each let is walked again only where it stands deeper than before.
            if seen.get(current.index, 0) < depth and depth <= DEEPEST:
                seen[current.index] = depth
                pending.append((lets[current.index].value, depth + 1))
            continue
        pending.extend((below, depth + 1) for below in operands(current))
    return deepest
