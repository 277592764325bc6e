"""What the front is told when it is started. Used by ``server.py`` and ``front.py``."""

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """What the front is told. ``services`` holds the RPCs' names; an RPC's number is its place among all of them."""

    link: int  # file descriptor of the front's end of the socket pair
    address: str  # host:port; port 0: any free one
    tls_certificate: str  # files in PEM; empty for plaintext
    tls_key: str
    reflection_of: list[str]  # modules whose descriptors reflection shows; empty: no reflection
    services: dict[str, list[str]]
    streams: list[str]  # names of those RPCs that stream both ways
    intakes: list[str]  # names of those that answer a stream with one message
    feeds: list[str]  # names of those that answer one request with a stream
    traced: bool  # whether the engine's process wants to know each call's trace
    log_level: str

    def text(self) -> str:
        """Return the settings as the front's argument."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the settings that ``text()`` gave."""
        return cls(**json.loads(text))
