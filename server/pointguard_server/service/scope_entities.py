"""Whose transactions the rule of an advice had counted, in words. For ``rpc`` and ``feeds``."""

from collections.abc import Callable

from pointguard_server.domain.codes import Scope
from pointguard_server.engine.ask import StandingAdvice
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.velocity.scopes import TERMINAL_BITS


def scope_texts(advice: StandingAdvice) -> tuple[int, ...]:
    """Return the numbers of the texts that say whose transactions the rule of an advice had counted."""
    high, low = _parts(advice)
    match advice.scope:
        case Scope.TERMINAL:
            return high, low
        case Scope.GROUP:
            return (high,)
        case 0 | Scope.ACCOUNT | Scope.PROGRAM | Scope.CARD:
            return ()
        case _:
            return (low,)


def scope_entity(advice: StandingAdvice, text: Callable[[int], str]) -> str:
    """Return the name of whom the rule had counted; empty for the account and the program.

    ``text`` gives the texts of ``scope_texts``; an empty one is not known now.
    """
    if advice.scope == Scope.CARD:
        return str(advice.scope_entity)  # its number: what is on a card is private
    texts = [text(number) for number in scope_texts(advice)]
    if advice.scope == Scope.GROUP:
        return texts[0].split(GROUP_SEPARATOR)[_parts(advice)[1]] if texts[0] else ""
    return " ".join(texts)


def _parts(advice: StandingAdvice) -> tuple[int, int]:
    return advice.scope_entity >> TERMINAL_BITS, advice.scope_entity & (1 << TERMINAL_BITS) - 1
