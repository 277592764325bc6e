"""Numbers for the texts of a basket's lines that rules speak of or tell apart. For ``decode``."""

from pointguard_server.service.line_codes import FIRST_UNKNOWN, LineCodes


class LineTexts:
    """Numbers the texts that the lines of one basket have in one field."""

    def __init__(self, codes: LineCodes, domain: str) -> None:
        self._codes, self._domain = codes, domain
        self._told_apart = domain in codes.told_apart
        self._others: dict[str, int] = {}

    def number(self, text: str, line: int) -> int:
        """Return a text's number; ``line`` is where it stands."""
        known = self._codes.number(self._domain, text)
        if known or not text or not self._told_apart:
            return known
        return self._others.setdefault(text, FIRST_UNKNOWN + line)
