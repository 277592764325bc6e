"""What the end-to-end tests share: servers, clients, raw calls."""

from collections.abc import AsyncIterator, Iterator

import pytest

from pointguard_client import PointguardClient
from tests.e2e.raw_calls import RawCalls
from tests.support.postgres import postgres_cluster
from tests.support.server import ServerProcess, own_server, plain_data, plain_server, shared_server, start_server

__all__ = ["own_server", "plain_data", "plain_server", "postgres_cluster", "shared_server", "start_server"]


@pytest.fixture
async def client(shared_server: ServerProcess) -> AsyncIterator[PointguardClient]:
    """A client of the shared server."""
    connected = PointguardClient.connect(shared_server.address, api_key=shared_server.api_key, timeout_seconds=10)
    async with connected:
        yield connected


@pytest.fixture(scope="session")
def raw(shared_server: ServerProcess) -> Iterator[RawCalls]:
    """Raw calls to the shared server."""
    with RawCalls(shared_server) as calls:
        yield calls
