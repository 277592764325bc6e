"""Where to publish, as the settings say. Imports nothing, since it is read before the kernels may be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Publishing:
    """An event bus and a table, empty for none; region and endpoint are empty where AWS's own ways find them."""

    bus: str
    table: str
    region: str
    endpoint: str
