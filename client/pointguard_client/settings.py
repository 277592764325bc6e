"""Finds the server's address and the API key when the caller does not give them. The client uses it.

Address: argument, else environment POINTGUARD_ADDRESS, else 127.0.0.1:50051.
API key: argument, else environment POINTGUARD_API_KEY, else the file `sandbox-api-key` in the data directory, which is
the environment POINTGUARD_DATA_DIR or else `.pointguard` in the working directory.
"""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pointguard_client.errors import ConfigurationError

DEFAULT_ADDRESS: Final = "127.0.0.1:50051"
DEFAULT_DATA_DIRECTORY: Final = ".pointguard"
SANDBOX_KEY_FILE: Final = "sandbox-api-key"

ADDRESS_VARIABLE: Final = "POINTGUARD_ADDRESS"
API_KEY_VARIABLE: Final = "POINTGUARD_API_KEY"
DATA_DIRECTORY_VARIABLE: Final = "POINTGUARD_DATA_DIR"


def find_address(address: str | None = None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the server's address as host:port."""
    return address or environment.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS


def find_api_key(api_key: str | None = None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the API key; raise ConfigurationError, naming the places looked at, if there is none."""
    given = (api_key or environment.get(API_KEY_VARIABLE) or "").strip()
    return _checked_key(given) if given else _checked_key(_read_sandbox_key(environment))


def is_loopback(address: str) -> bool:
    """Tell whether an address (host:port, or unix:path) stays on this machine."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    target = address.rpartition("///")[2] if "://" in address else address.removeprefix("dns:").removeprefix("ipv4:")
    host = target.rpartition(":")[0].strip("[]") or target
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_sandbox_key(environment: Mapping[str, str]) -> str:
    path = Path(environment.get(DATA_DIRECTORY_VARIABLE) or DEFAULT_DATA_DIRECTORY) / SANDBOX_KEY_FILE
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    if not key:
        raise ConfigurationError(
            f"no API key: give one, set {API_KEY_VARIABLE}, or start a sandbox server (its key is read from {path})"
        )
    return key


def _checked_key(key: str) -> str:
    # gRPC would refuse such a header with an error that prints the key.
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError("the API key holds characters that no API key has")
    return key
