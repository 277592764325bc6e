"""AWS for tests: a real HTTP server that behaves like it (moto), and a proxy before it that can be told to fail.

What is published is read back by AWS's own calls: events from a queue that a rule of the bus sends them to, items from
the table.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import boto3
import pytest

BUS, TABLE, REGION = "advice", "AccountMetadata", "ca-central-1"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
START_S: Final = 30.0
PUT_EVENTS: Final = "AWSEvents.PutEvents"

Body = dict[str, Any]
Fault = Callable[["_Handler", bytes], bool]
"""Answers a request, or does not; returns False to have it handed on after all."""


class Aws:
    """A moto server on a free port of the loopback, and clients of it that go to it directly."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                region_name=REGION,
                endpoint_url=f"http://127.0.0.1:{self.port}",
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
        return self._clients[service]

    def begin(self) -> None:
        """Make the bus, the queue behind it and the table, all empty."""
        connection = HTTPConnection("127.0.0.1", self.port)
        connection.request("POST", "/moto-api/reset")
        assert connection.getresponse().status == 200
        connection.close()
        events, queues = self.client("events"), self.client("sqs")
        events.create_event_bus(Name=BUS)
        self._queue = queues.create_queue(QueueName="seen")["QueueUrl"]
        arn = queues.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="all", EventBusName=BUS, EventPattern='{"source": ["pointguard"]}')
        events.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "seen", "Arn": arn}])
        self.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "account", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "account", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def take_events(self) -> list[Body]:
        """Return the events that came since the last time, in the order in which they came."""
        queues, found = self.client("sqs"), []
        while messages := queues.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
            handles = [{"Id": str(i), "ReceiptHandle": each["ReceiptHandle"]} for i, each in enumerate(messages)]
            queues.delete_message_batch(QueueUrl=self._queue, Entries=handles)
        return found

    def items(self) -> dict[str, Body]:
        """Return the table's items by their keys."""
        return {item["account"]["S"]: item for item in self.client("dynamodb").scan(TableName=TABLE)["Items"]}


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """A server that this module's tests share."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-c", "from moto.server import main; main()", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + START_S
        while time.monotonic() < give_up:
            assert process.poll() is None, "moto ended"
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield Aws(port)
    finally:
        process.terminate()
        process.wait(START_S)


class Proxy:
    """What stands before the server. ``faults`` strike the next requests, one each; while ``down``, all are cut off."""

    def __init__(self, port: int) -> None:
        self.upstream = port
        self.faults: deque[Fault] = deque()
        self.refuses: Callable[[Body], str] = lambda _detail: ""
        """The code with which an entry is refused, by its detail; empty if it is taken."""
        self.down = False
        self.requests: list[tuple[str, Mapping[str, str], bytes]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.proxy = self  # type: ignore[attr-defined]
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def ask(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Have the real server answer a request; also one of before, again."""
        connection = HTTPConnection("127.0.0.1", self.upstream, timeout=START_S)
        connection.request("POST", "/", body, {**headers, "Content-Length": str(len(body))})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data


@contextmanager
def proxy_before(aws: Aws) -> "Iterator[Proxy]":
    """Put a proxy before a server while the context lasts."""
    proxy = Proxy(aws.port)
    try:
        yield proxy
    finally:
        proxy.close()


class _Handler(BaseHTTPRequestHandler):
    """One connection to the proxy."""

    protocol_version = "HTTP/1.1"

    @property
    def proxy(self) -> Proxy:
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        return proxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.proxy.down:
            self.close_connection = True
            return
        self.proxy.requests.append((self.headers["X-Amz-Target"], dict(self.headers), body))
        if self.proxy.faults and self.proxy.faults.popleft()(self, body):
            return
        if self.headers["X-Amz-Target"] == PUT_EVENTS:
            self.answer(200, self._put_events(json.loads(body)))
        else:
            self.answer(*self.proxy.ask(dict(self.headers), body))

    def _put_events(self, request: Body) -> bytes:
        """Hand on the entries that are not refused; answer for the others."""
        codes = [self.proxy.refuses(json.loads(entry["Detail"])) for entry in request["Entries"]]
        taken = [entry for entry, code in zip(request["Entries"], codes, strict=True) if not code]
        results = iter(())
        if taken:
            status, data = self.proxy.ask(dict(self.headers), json.dumps({"Entries": taken}).encode())
            assert status == 200, data
            results = iter(json.loads(data)["Entries"])
        entries = [{"ErrorCode": code, "ErrorMessage": "told to"} if code else next(results) for code in codes]
        return json.dumps({"FailedEntryCount": len(codes) - len(taken), "Entries": entries}).encode()

    def answer(self, status: int, data: bytes) -> None:
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, format: str, *_args: Any) -> None:  # noqa: A002
        """Say nothing."""


def throttle(handler: _Handler, _body: bytes) -> bool:
    """Take nothing, since it is too much."""
    handler.answer(400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}')
    return True


def lose_the_answer(handler: _Handler, body: bytes) -> bool:
    """Have it done, and leave the caller without an answer until it hangs up."""
    status, _ = handler.proxy.ask(dict(handler.headers), body)
    assert status == 200
    handler.connection.settimeout(START_S)
    with suppress(OSError):
        handler.connection.recv(1)
    handler.close_connection = True
    return True


def aws_environment() -> dict[str, str]:
    """Return the variables by which a server finds its credentials and nothing of this machine's."""
    kept = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), "/dev/null")
    return {**CREDENTIALS, **kept, "AWS_EC2_METADATA_DISABLED": "true", "HOME": os.environ.get("HOME", "/")}
