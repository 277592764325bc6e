"""The ledgers that integration tests open. All is real but the clock: SQLite, the kernel, the compiled earn rules.

With ``--postgres`` they are on PostgreSQL, but for those that a test wants with the journal.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.ledger import Ledger, open_ledger
from tests.support.postgres import postgres_cluster

__all__ = ["postgres_cluster"]


@pytest.fixture
def new_ledger(request: pytest.FixtureRequest) -> Iterator[Callable[..., Ledger]]:
    """Opens a ledger with the fields of ``Ledger`` that are given; closed when the test ends."""
    with ExitStack() as stack:

        def open_one(**settings: Any) -> Ledger:
            if request.config.getoption("postgres") and not settings.get("journaled"):
                settings["postgres_url"] = stack.enter_context(request.getfixturevalue("postgres_cluster").ledger())
            return stack.enter_context(open_ledger(**settings))

        yield open_one


@pytest.fixture
def ledger(new_ledger: Callable[..., Ledger]) -> Ledger:
    """A ledger of a program without fraud rules and controls."""
    return new_ledger()
