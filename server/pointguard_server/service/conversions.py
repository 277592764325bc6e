"""What a program says of conversions: what points may be turned into, and at which rate. For ``program_config``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pointguard_server.domain.codes import CODE_BYTES_MAX
from pointguard_server.domain.conversions import Conversion
from pointguard_server.service.checked_table import CheckedTable

CONVERSIONS_MAX: Final = 64
UNIT_BYTES_MAX: Final = 64
POINTS_MAX: Final = 10**12
RATE_MAX: Final = 10**6
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class ConversionConfig:
    """``points`` become ``gives`` units; whole multiples alone, from ``points_min`` to ``points_max``."""

    code: str
    points: int
    gives: int
    unit: str
    points_min: int
    points_max: int

    def of(self, points: int) -> Conversion:
        """Return what points become; they must be a multiple."""
        return Conversion(self.code, points // self.points * self.gives, self.unit)

    def takes(self, points: int) -> bool:
        """Whether so many points may be converted at once."""
        return self.points_min <= points <= self.points_max and points % self.points == 0


def read_conversions(program: CheckedTable) -> Mapping[str, ConversionConfig]:
    """Return the conversions of a program by their codes."""
    found: dict[str, ConversionConfig] = {}
    for table in program.tables("conversion", CONVERSIONS_MAX) if program.has("conversion") else ():
        meaning = "letters, digits, - and _, beginning with a letter or digit"
        code = table.text("code", CODE_BYTES_MAX, _CODE, meaning)
        # A rate that is a mistake is noted once.
        points = max(table.integer("points", 1, RATE_MAX), 1)
        gives, unit = table.integer("gives", 1, RATE_MAX), table.text("unit", UNIT_BYTES_MAX)
        least = table.integer("points_min", 1, POINTS_MAX, default=points)
        most = table.integer("points_max", 1, POINTS_MAX, default=POINTS_MAX // points * points)
        for name, value in (("points_min", least), ("points_max", most)):
            if value % points:
                table.note(name, f"must be a multiple of points, which is {points}")
        if least > most:
            table.note("points_min", "must not be above points_max")
        if code in found:
            table.note("code", f'is that of another conversion: "{code}"')
        table.close()
        found[code] = ConversionConfig(code, points, gives, unit, least, most)
    return found
