"""Reads the sandbox's stores, members and configuration out of the package. For seeding a sandbox and for tests."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

_FOLDER: Final[Traversable] = files("pointguard_server.sandbox")


@dataclass(frozen=True, slots=True)
class SandboxStore:
    """A store; ``country`` is an ISO 3166-1 code such as CA, ``province`` an ISO 3166-2 code such as CA-ON."""

    store_id: str
    business_unit: str
    country: str
    province: str


@dataclass(frozen=True, slots=True)
class SandboxMember:
    """A member; ``loyalty_id`` is the ``household_id`` of the sample's baskets, ``province`` an ISO 3166-2 code."""

    loyalty_id: str
    external_id: str
    tier: str
    province: str
    enrolled_on: date


def read_stores() -> tuple[SandboxStore, ...]:
    """Returns every store of the sample's baskets, in the order of their numbers."""
    return tuple(SandboxStore(**row) for row in _rows("stores.csv"))


def read_members() -> tuple[SandboxMember, ...]:
    """Returns every household of the sample's baskets, in the order of their numbers."""
    return tuple(
        SandboxMember(
            loyalty_id=row["loyalty_id"],
            external_id=row["external_id"],
            tier=row["tier"],
            province=row["province"],
            enrolled_on=date.fromisoformat(row["enrolled_on"]),
        )
        for row in _rows("members.csv")
    )


def read_text(name: str) -> str:
    """Returns a text file of the sandbox, such as ``program.toml`` or ``earn.rules``."""
    return _FOLDER.joinpath(name).read_text(encoding="utf-8")


def _rows(name: str) -> Iterator[dict[str, str]]:
    return csv.DictReader(read_text(name).splitlines())
