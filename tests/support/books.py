"""The books of a test's ledger, without a server."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager

from pointguard_server.service.books import BalanceThen, Books, Liability
from pointguard_server.service.program_config import ProgramConfig, load_program_config
from pointguard_server.storage.books_reader import BooksReader
from tests.support.databases import look_up
from tests.support.ledger import TENANT, Ledger


class OpenBooks:
    """Reads the books of a ledger, one thing after the other."""

    def __init__(self, ledger: Ledger, loop: asyncio.AbstractEventLoop) -> None:
        self._ledger, self._loop = ledger, loop
        self._connection = look_up(ledger.path, ledger.postgres_url)
        self.books = Books(BooksReader(self._connection), self._catch_up, self._passed, self._present, self._check)

    async def _catch_up(self) -> None:
        self._ledger.catch_up()

    def _passed(self) -> int:
        return self._ledger.decider.latest_moment - 1

    async def _present(self) -> int:
        return self._ledger.decider.moment() - 1

    async def _check(self, source: str) -> ProgramConfig:
        return load_program_config(source, "test")

    def balance(self, account: int, as_of: int) -> BalanceThen:
        return self._loop.run_until_complete(self.books.balance(TENANT, account, as_of))[0]

    def liability(self, as_of: int | None = None, since: int | None = None) -> Liability:
        async def last() -> Liability:
            async with aclosing(self.books.liability(TENANT, as_of, since)) as events:
                *_, report = [event async for event in events]
            assert isinstance(report, Liability)
            return report

        return self._loop.run_until_complete(last())

    def close(self) -> None:
        self._connection.close()


@contextmanager
def open_books(ledger: Ledger) -> Iterator[OpenBooks]:
    """Read the books of a ledger that is open."""
    with asyncio.Runner() as runner:
        books = OpenBooks(ledger, runner.get_loop())
        try:
            yield books
        finally:
            books.close()
