"""Fixtures of the client's tests: a stand-in server on a free port, and a client of it."""

from collections.abc import AsyncIterator

import pytest

from pointguard_client import PointguardClient, RetryPolicy
from pointguard_client.settings import ADDRESS_VARIABLE, API_KEY_VARIABLE, DATA_DIRECTORY_VARIABLE
from tests.unit.client.fake_server import API_KEY, FakeServer, running_fake_server


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (ADDRESS_VARIABLE, API_KEY_VARIABLE, DATA_DIRECTORY_VARIABLE):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with running_fake_server() as fake:
        yield fake


@pytest.fixture
async def client(server: FakeServer) -> AsyncIterator[PointguardClient]:
    quick = RetryPolicy(first_delay_seconds=0.001, delay_max_seconds=0.01)
    async with PointguardClient.connect(server.address, api_key=API_KEY, retry_policy=quick) as connected:
        yield connected
