"""What points are turned into. Any layer may use it.

A leg's record keeps it in the basket's place, as JSON (``domain/record.py``), so that an answer is the same for ever.
"""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Conversion:
    """So many units of something, by the program's code for the conversion; ``unit`` names what they are of."""

    code: str
    units: int
    unit: str

    def encode(self) -> bytes:
        """Return it as bytes, the same for the same."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def decode_conversion(data: bytes) -> Conversion:
    """Read a conversion.

    Raises:
        ValueError: if it is none.
    """
    match json.loads(data):  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        case {"code": str(code), "units": int(units), "unit": str(unit), **rest} if not rest:
            return Conversion(code, units, unit)
    raise ValueError("it has not the fields of a conversion")
