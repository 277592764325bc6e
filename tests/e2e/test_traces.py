"""A span for each call and each batch reaches a collector: linked, in the caller's trace, with nothing personal."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from pointguard.v1 import common_pb2, transaction_pb2
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.server import SANDBOX, StartServer, run_server

pytestmark = pytest.mark.long

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"
CANARY = "zanzibar"


class Collector:
    """A tiny OTLP/HTTP collector."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                collector.received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[Span]:
        """Return all spans that have come."""
        requests = [ExportTraceServiceRequest.FromString(data) for data in self.received]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a free port."""
    running = Collector()
    thread = threading.Thread(target=running.server.serve_forever)
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


def attributes(span: Span) -> dict[str, object]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in span.attributes}


def test_calls_and_the_batch_that_answered_them_are_traced(start_server: StartServer, collector: Collector) -> None:
    server = start_server((*SANDBOX, "--otlp-endpoint", collector.endpoint))
    parent = ("traceparent", f"00-{TRACE_ID}-{PARENT_ID}-01")
    with RawCalls(server) as raw:
        accrue = RPCS["Accrue"].request(order_reference=CANARY)
        hostile = (*server.authorization, parent, ("tracestate", f"x={CANARY}"), ("baggage", f"name={CANARY}"))
        assert raw.call("Accrue", accrue, metadata=hostile).code == "OK"
        unknown = RPCS["GetBalance"].request(member=common_pb2.MemberReference(card=CANARY))
        assert raw.call("GetBalance", unknown).code == "NOT_FOUND"
        garbled = (*server.authorization, ("traceparent", CANARY))
        assert raw.call("Accrue", RPCS["Accrue"].request(), metadata=garbled).code == "OK"
        items = [transaction_pb2.BatchItem(accrue=RPCS["Accrue"].request())]
        streamed = RPCS["StreamTransactions"].request(items=items)
        assert raw.call("StreamTransactions", streamed).code == "OK"
    assert server.stop() == 0, "what is left is sent at the end"
    spans = collector.spans()
    calls = [span for span in spans if span.kind == Span.SPAN_KIND_SERVER]
    traced, refused, stray, stream = calls
    assert (traced.name, traced.trace_id.hex(), traced.parent_span_id.hex()) == ("Accrue", TRACE_ID, PARENT_ID)
    assert attributes(traced) == {"rpc.system": "grpc", "rpc.method": "Accrue", "rpc.response.status_code": "OK"}
    assert attributes(refused)["rpc.response.status_code"] == "NOT_FOUND"
    assert (stream.name, attributes(stream)["rpc.response.status_code"]) == ("StreamTransactions", "OK")
    assert [span.status.code for span in calls] == [Status.STATUS_CODE_UNSET] * 4, "callers' own mistakes"
    assert (stray.parent_span_id, stray.trace_id != traced.trace_id) == (b"", True)
    batches = [span for span in spans if span.name == "batch"]
    assert [(link.trace_id, link.span_id) for batch in batches for link in batch.links] == [
        (span.trace_id, span.span_id) for span in calls
    ]
    first = batches[0]
    assert attributes(first)["pointguard.requests"] == attributes(first)["pointguard.legs"] == 1
    assert [event.name for event in first.events] == ["decided", "appended", "committed"]
    assert traced.start_time_unix_nano <= first.start_time_unix_nano < first.end_time_unix_nano
    assert server.complaints() == []
    assert CANARY.encode() not in b"".join(collector.received)


def test_a_call_whose_caller_does_not_trace_it_leaves_no_span(start_server: StartServer, collector: Collector) -> None:
    server = start_server((*SANDBOX, "--otlp-endpoint", collector.endpoint))
    parent = ("traceparent", f"00-{TRACE_ID}-{PARENT_ID}-00")
    with RawCalls(server) as raw:
        metadata = (*server.authorization, parent)
        assert raw.call("Accrue", RPCS["Accrue"].request(), metadata=metadata).code == "OK"
    assert server.stop() == 0
    assert collector.spans() == []


def test_a_collector_that_is_away_costs_no_call_and_no_clean_end(start_server: StartServer) -> None:
    server = start_server((*SANDBOX, "--otlp-endpoint", "http://127.0.0.1:9"))
    with RawCalls(server) as raw:
        assert raw.call("Accrue", RPCS["Accrue"].request()).code == "OK"
    assert server.stop() == 0
    assert all(complaint.startswith('{"library": "opentelemetry') for complaint in server.complaints())


def test_an_endpoint_that_is_none_is_refused() -> None:
    ended = run_server("--sandbox", "--otlp-endpoint", "collector:4318")
    assert ended.returncode == 1
    assert ended.stderr.strip() == "pointguard-server: --otlp-endpoint must begin with http:// or https://"
