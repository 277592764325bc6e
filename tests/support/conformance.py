"""A server of the conformance kit's program, and `make conformance`, which starts one and tries it.

    python -m tests.support.conformance [options of pointguard-client conformance]

With a target among the options, that one is tried.
"""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pointguard_client.__main__ import parse
from pointguard_client.commands.conformance import conform
from pointguard_client.conformance.run import PROGRAM
from pointguard_client.conformance.wire import Endpoint
from pointguard_client.settings import ADDRESS_VARIABLE
from tests.support.server import ServerProcess, issue_key

SERVES = ("--tenant", "kit", "--program", str(PROGRAM / "program.toml"), "--stores", str(PROGRAM / "stores.csv"))
ROLES = ("till", "agent", "fraud")


class KitServer:
    """A server that the kit can try. It keeps its port through restarts."""

    def __init__(self, directory: Path, *options: str, module: str = "pointguard_server", **environment: str) -> None:
        data = directory / "data"
        self.api_key = issue_key(data, *SERVES, *(word for role in ROLES for word in ("--role", role)))
        serves = (*SERVES, "--grpc-address", f"127.0.0.1:{free_port()}", *options)
        self.process = ServerProcess(data, serves, api_key=self.api_key, module=module, environment=environment)

    @property
    def endpoint(self) -> Endpoint:
        """Where it is, and what it wants to be told."""
        return Endpoint.of(self.process.address, self.api_key)

    async def restart(self) -> None:
        """Kill it as a power cut would, and start it again."""
        self.process.kill()
        await asyncio.to_thread(self.process.start)


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main(options: Sequence[str]) -> int:
    """Try the target that the options or the environment name, or else a server of its own."""
    arguments = parse(["conformance", *options])
    if (
        arguments.address
        or os.environ.get(ADDRESS_VARIABLE)
        or arguments.list
        or arguments.show
        or arguments.write_program
    ):
        return asyncio.run(conform(arguments))
    with tempfile.TemporaryDirectory() as directory:
        server = KitServer(Path(directory))
        try:
            server.process.start()
            arguments.address, arguments.api_key = server.process.address, server.api_key
            return asyncio.run(conform(arguments, server.restart))
        finally:
            server.process.clean_up()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
