"""What the staff say when they do something about an account: who, why, and the terms of an advice raised by hand.

Any layer may use it. A leg's record keeps it in the basket's place, as JSON (``domain/record.py``).
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Intervention:
    """Who does it and why; ``key_id`` is the API key's public id, ``session`` the console's name for where it was done.

    ``context`` and ``posture`` are of an advice that is raised, and so are ``duration`` in microseconds or else
    ``ends_at``, a moment; ``outcome`` is of a case that is resolved, a ``CaseOutcome``. ``group``
    is what a member is put into or, with ``is_removal``, taken out of. 0 or empty: not given.
    """

    author: str
    reason: int
    note: str = ""
    key_id: str = ""
    context: int = 0
    posture: int = 0
    duration: int = 0
    ends_at: int = 0
    outcome: int = 0
    group: str = ""
    is_removal: int = 0
    session: str = ""

    def encode(self) -> bytes:
        """Return it as bytes, the same for the same."""
        values = {name: value for name, value in asdict(self).items() if name not in _ADDED or value}
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()

    @property
    def said(self) -> bytes:
        """What of it the caller says: a retry with another API key or from another session says the same."""
        return replace(self, key_id="", session="").encode()

    def groups_after(self, groups: Iterable[str]) -> list[str]:
        """Return the groups that a member of these is in after it, in order."""
        return sorted({*groups} - {self.group} if self.is_removal else {*groups, self.group})


_ADDED = {"outcome": 0, "group": "", "is_removal": 0, "session": ""}
"""Fields that interventions of earlier versions have not, and that are left out where they say nothing."""


def decode_intervention(data: bytes) -> Intervention:
    """Read an intervention.

    Raises:
        ValueError: if it is none.
    """
    values = json.loads(data)  # JSONDecodeError and UnicodeDecodeError are ValueErrors
    expected = {field.name: str if field.type in (str, "str") else int for field in fields(Intervention)}
    values = _ADDED | values if isinstance(values, dict) else {}
    if {name: type(value) for name, value in values.items()} != expected:
        raise ValueError("it has not the fields of an intervention")
    return Intervention(**values)
