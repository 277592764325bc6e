"""What an agent says of an adjustment: who gives or takes points, and why.

Any layer may use it. A leg's record keeps it in the basket's place, as JSON (``domain/record.py``).
"""

import json
from dataclasses import asdict, dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Who it is, one of the program's reason codes, and a note; ``key_id`` is the API key's public id."""

    agent_id: str
    reason_code: str
    note: str
    key_id: str = ""

    def encode(self) -> bytes:
        """Return it as bytes, the same for the same."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()

    @property
    def said(self) -> bytes:
        """What of it the caller says: a retry with another API key says the same."""
        return replace(self, key_id="").encode()


def decode_adjustment(data: bytes) -> Adjustment:
    """Read an adjustment.

    Raises:
        ValueError: if it is none.
    """
    values = json.loads(data)  # JSONDecodeError and UnicodeDecodeError are ValueErrors
    names = {field.name for field in fields(Adjustment)}
    if (
        not isinstance(values, dict)
        or set(values) != names
        or not all(isinstance(each, str) for each in values.values())
    ):
        raise ValueError("it has not the fields of an adjustment")
    return Adjustment(**values)
