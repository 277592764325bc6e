"""The baseline of ``unary`` and ``advice``: a bare grpc.aio server on uvloop.

It parses the same requests and repeats an answer to each kind. No credential, no rules, no ledger: what is left is what
the transport costs. Started by the benchmarks with a folder that holds answers that pointguard gave:
``authorise.bin`` and ``accrue.bin``, or ``advice.bin``.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import uvloop
from google.protobuf.message import Message

from pointguard.v1 import advice_pb2, transaction_pb2

Behavior = Callable[[Any, Any], Awaitable[Any]]


def repeating(answer: Message) -> Behavior:
    """Return what answers every request alike."""

    async def respond(_request: Message, _context: object) -> Message:
        return answer

    return respond


def handlers(folder: Path, behavior: Callable[[Message], Behavior] = repeating) -> grpc.GenericRpcHandler:
    """Return the methods, with messages made and parsed as generated code does it."""
    if (advice := folder / "advice.bin").exists():
        answer = advice_pb2.CheckAdviceResponse.FromString(advice.read_bytes())
        check = _handler(behavior, advice_pb2.CheckAdviceRequest, answer)
        return grpc.method_handlers_generic_handler("pointguard.v1.AdviceService", {"CheckAdvice": check})
    methods = {
        "AuthoriseRedemption": _handler(
            behavior,
            transaction_pb2.AuthoriseRedemptionRequest,
            transaction_pb2.AuthoriseRedemptionResponse.FromString((folder / "authorise.bin").read_bytes()),
        ),
        "Accrue": _handler(
            behavior,
            transaction_pb2.AccrueRequest,
            transaction_pb2.AccrueResponse.FromString((folder / "accrue.bin").read_bytes()),
        ),
    }
    return grpc.method_handlers_generic_handler("pointguard.v1.TransactionService", methods)


def _handler(
    behavior: Callable[[Message], Behavior], request_class: type[Message], answer: Message
) -> "grpc.RpcMethodHandler[Any, Any]":
    return grpc.unary_unary_rpc_method_handler(
        behavior(answer),
        request_deserializer=request_class.FromString,
        response_serializer=type(answer).SerializeToString,
    )


async def serve(methods: grpc.GenericRpcHandler) -> None:
    """Serve until told to end."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((methods,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"event": "ready", "grpc_port": port}), file=sys.stderr, flush=True)
    await ended.wait()
    await server.stop(1.0)


if __name__ == "__main__":
    uvloop.run(serve(handlers(Path(sys.argv[1]))))
