"""Whether a program's rule sets run in a sandbox: which back end compiles them. For whoever chooses it."""

from enum import StrEnum


class Isolation(StrEnum):
    """How a program's rule sets are kept from the rest of the process."""

    NONE = "none"
    WASM = "wasm"
