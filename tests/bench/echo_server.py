"""The baseline of ``unary``: a bare grpc.aio server on uvloop. It parses the same requests and answers with the same bytes.

No credential, no rules, no ledger: what is left is what the transport costs. Started by the benchmarks with a folder that holds
``authorise.bin`` and ``accrue.bin``, two answers of pointguard.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

import grpc
import uvloop

from pointguard.v1 import transaction_pb2, transaction_pb2_grpc

Context = grpc.aio.ServicerContext


class Echo(transaction_pb2_grpc.TransactionServiceServicer):
    """Answers at once, always the same."""

    def __init__(self, folder: Path) -> None:
        authorise = (folder / "authorise.bin").read_bytes()
        self._authorise = transaction_pb2.AuthoriseRedemptionResponse.FromString(authorise)
        self._accrue = transaction_pb2.AccrueResponse.FromString((folder / "accrue.bin").read_bytes())

    async def AuthoriseRedemption(  # type: ignore[override]  # noqa: N802  (the contract's name)
        self, request: transaction_pb2.AuthoriseRedemptionRequest, context: Context[bytes, bytes]
    ) -> transaction_pb2.AuthoriseRedemptionResponse:
        return self._authorise

    async def Accrue(  # type: ignore[override]  # noqa: N802  (the contract's name)
        self, request: transaction_pb2.AccrueRequest, context: Context[bytes, bytes]
    ) -> transaction_pb2.AccrueResponse:
        return self._accrue


async def serve(folder: Path) -> None:
    """Serve until told to end."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    transaction_pb2_grpc.add_TransactionServiceServicer_to_server(Echo(folder), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"event": "ready", "grpc_port": port}), file=sys.stderr, flush=True)
    await ended.wait()
    await server.stop(1.0)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
