"""What tills show of advice and of reasons: the messages of a program's fraud rules, filled in. For ``rpc``.

Numbers and moments are written alike in every language: digits without grouping, a point before decimals, and moments
in the program's time zone as ``2026-12-03 14:05``.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pointguard_server.domain.codes import UNTIL_RESOLVED, Measure
from pointguard_server.service.message_templates import LANGUAGE, LANGUAGE_BYTES_MAX, Placeholder, fallbacks
from pointguard_server.service.program_config import FraudRuleConfig, ProgramConfig

OWN_LANGUAGE: Final = 0
"""The number of the program's own language, where a request names none or there is no better one."""
_OTHERS_MAX: Final = 1_024
_MINUTE: Final = timedelta(minutes=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Languages:
    """Numbers for the languages that requests name, so that a batch can carry them; they are kept in no ledger.

    Those of messages always have one. Of others 1,024 get one, so that kernels read them too; whoever names more than
    there is room for takes nothing away from those who name a language that there are texts in.
    """

    def __init__(self) -> None:
        self._tags = [""]
        self._numbers = {"": OWN_LANGUAGE}
        self._others = 0

    @staticmethod
    def is_tag(tag: str) -> bool:
        """Return whether a text has the form of a BCP 47 tag."""
        return len(tag) <= LANGUAGE_BYTES_MAX and LANGUAGE.fullmatch(tag) is not None

    def take(self, languages: Iterable[str]) -> None:
        """Number the languages of messages, in small letters."""
        for language in languages:
            if language not in self._numbers:
                self._add(language)

    def number(self, tag: str) -> int:
        """Return a tag's number, or where there is no more room, that of the best language in its place."""
        languages = fallbacks(tag)
        if languages[0] not in self._numbers and self._others < _OTHERS_MAX:
            self._others += 1
            self._add(languages[0])
        return next((self._numbers[each] for each in languages if each in self._numbers), OWN_LANGUAGE)

    def _add(self, language: str) -> None:
        self._numbers[language] = len(self._tags)
        self._tags.append(language)

    def tag(self, number: int) -> str:
        """Return the language that has a number; empty for the program's own."""
        return self._tags[number]


class Messages:
    """The messages of one configuration's rules."""

    def __init__(self, config: ProgramConfig | None = None) -> None:
        """``None``: there are no messages."""
        self._rules: dict[str, _Filled] = {}
        self._language = config.fraud.language if config else ""
        for rule in config.fraud_rules if config else ():
            if rule.enabled and rule.message and config:
                self._rules[rule.name] = _Filled(rule, config)
        self.key = (self._language, {name: filled.key for name, filled in self._rules.items()})

    @property
    def languages(self) -> set[str]:
        """The languages that there are texts in, in small letters."""
        return {language for filled in self._rules.values() for language in filled.languages}

    def says_the_same(self, other: "Messages") -> bool:
        """Return whether the same rules have the same messages."""
        return self.key == other.key

    def __bool__(self) -> bool:
        """Return whether any rule has a message."""
        return bool(self._rules)

    def __contains__(self, rule: str) -> bool:
        """Return whether a rule has a message."""
        return rule in self._rules

    def text(self, rule: str, language: str, measured: int, ends_at: int) -> str:
        """Return a rule's message in a language, or in the next best that it has; empty if it has none.

        ``measured`` is what the rule saw (-1: nothing, and there is no text then), ``ends_at`` until when its advice
        stands; 0: no end is known.
        """
        filled = self._rules.get(rule)
        if filled is None or measured < 0:
            return ""
        return filled.text((*fallbacks(language), *fallbacks(self._language)), measured, ends_at)


NO_MESSAGES: Final = Messages()


class _Filled:
    """A rule's message with all but what a transaction says filled in."""

    def __init__(self, rule: FraudRuleConfig, config: ProgramConfig) -> None:
        self._digits = config.currency_digits if rule.measure is Measure.MONEY else 0
        self._zone = ZoneInfo(config.time_zone)
        fixed = {"threshold": self._amount(rule.threshold)}
        if rule.window is not None:
            for unit in ("days", "hours", "minutes"):
                fixed[unit] = str(rule.window.length // timedelta(**{unit: 1}))
        self._templates = {
            language.lower(): tuple(_fill(piece, fixed) for piece in template)
            for language, template in rule.message.items()
        }
        self.languages = self._templates.keys()
        self.key = (self._digits, config.time_zone, self._templates)

    def text(self, languages: tuple[str, ...], measured: int, ends_at: int) -> str:
        template = next((self._templates[each] for each in languages if each in self._templates), ())
        values = {"measured": self._amount(measured)}
        if 0 < ends_at < UNTIL_RESOLVED:
            values["until"] = self._moment(ends_at)
        if any(isinstance(piece, Placeholder) and piece.name not in values for piece in template):
            return ""
        return "".join(piece if isinstance(piece, str) else values[piece.name] for piece in template)

    def _amount(self, value: int) -> str:
        if not self._digits:
            return str(value)
        whole, part = divmod(value, 10**self._digits)
        return f"{whole}.{part:0{self._digits}d}"

    def _moment(self, moment: int) -> str:
        """Return the next whole minute: what stands until half past it does not end at it."""
        shown = _EPOCH + -(timedelta(microseconds=-moment) // _MINUTE) * _MINUTE
        return shown.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")


def _fill(piece: str | Placeholder, fixed: Mapping[str, str]) -> str | Placeholder:
    return piece if isinstance(piece, str) else fixed.get(piece.name, piece)
