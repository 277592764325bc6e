"""Traces: a span for each call and one for each batch, linked to the calls that it answered. Needs the extra ``otel``.

Imported by ``bootstrap`` only when traces are asked for. A span carries names, codes, counts and times, and nothing of
a request. Of what a caller sends only ``traceparent`` is read: ``tracestate`` and baggage may hold anything.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pointguard_server.engine.engine import BATCH_REQUESTS_MAX, Engine, Observed

SERVERS_FAULT: Final = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)
"""Codes that make a call's span an error; by the others the caller is told about its own request."""
TRACES_PATH: Final = "/v1/traces"
EXPORT_S_MAX: Final = 3.0
NANOSECONDS: Final = 1_000_000_000


class Tracing:
    """Makes spans and hands them to an exporter, from a thread of its own.

    Which calls are traced is up to their callers, and else to ``OTEL_TRACES_SAMPLER`` (by default all). A batch is
    traced when one of its calls is.
    """

    def __init__(self, exporter: SpanExporter, version: str) -> None:
        resource = Resource.create({"service.name": "pointguard", "service.version": version})
        limits = SpanLimits(max_links=BATCH_REQUESTS_MAX)
        calls = TracerProvider(resource=resource, shutdown_on_exit=False)
        batches = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, span_limits=limits)
        self._processor = BatchSpanProcessor(exporter)
        for provider in (calls, batches):
            provider.add_span_processor(self._processor)
        self._calls, self._batches = calls.get_tracer("pointguard", version), batches.get_tracer("pointguard", version)
        self._propagator = TraceContextTextMapPropagator()
        self._open: dict[int, Span] = {}  # by call

    @classmethod
    def to(cls, endpoint: str, version: str) -> "Tracing":
        """Return traces that go to a collector's OTLP/HTTP address, such as ``http://collector:4318``."""
        return cls(OTLPSpanExporter(endpoint.rstrip("/") + TRACES_PATH, timeout=EXPORT_S_MAX), version)

    @contextmanager
    def within(self, call: int, rpc: str, traceparent: str) -> Iterator[None]:
        """Do something for a call within its span, named ``rpc``: the first time begins it, ``end`` ends it."""
        span = self._open.get(call)
        if span is None:
            parent = self._propagator.extract({"traceparent": traceparent})
            attributes = {"rpc.system": "grpc", "rpc.method": rpc}
            span = self._open[call] = self._calls.start_span(rpc, parent, SpanKind.SERVER, attributes)
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield

    def end(self, call: int, code: str) -> None:
        """End a call's span, if it is still open; ``code`` is the name of the call's status."""
        span = self._open.pop(call, None)
        if span is None:
            return
        span.set_attribute("rpc.response.status_code", code)
        if code in SERVERS_FAULT:
            span.set_status(StatusCode.ERROR)
        span.end()

    def watch(self, engine: Engine) -> None:
        """Make a span for each of an engine's batches; whoever observed them before still does."""
        before = engine.observe

        def observe(batch: Observed) -> None:
            if before is not None:
                before(batch)
            self._end_batch(batch)

        engine.observe, engine.context = observe, _sampled_context

    def _end_batch(self, batch: Observed) -> None:
        """Make the span of a batch that has been answered."""
        if not batch.contexts:
            return
        report, ended = batch.report, time.time_ns()
        stages = {"decided": report.decide_s, "appended": report.append_s, "committed": report.commit_s}
        moment = ended - int(sum(stages.values()) * NANOSECONDS)
        attributes: dict[str, int | float] = {
            "pointguard.requests": report.requests,
            "pointguard.legs": report.legs,
            "pointguard.replays": report.replays,
            "pointguard.waited_s": batch.waited_s,
        }
        # A stream may have had several messages in it.
        links = [Link(context) for context in {context.span_id: context for context in batch.contexts}.values()]
        span = self._batches.start_span("batch", attributes=attributes, links=links, start_time=moment)
        for name, seconds in stages.items():
            moment += int(seconds * NANOSECONDS)
            span.add_event(name, timestamp=moment)
        span.end(ended)

    def close(self) -> None:
        """Hand on what is left. Blocks for as long as the collector takes, but not for long."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


def _sampled_context() -> SpanContext | None:
    """Return where the call that is being taken stands in its trace; None if it is not traced."""
    context = trace.get_current_span().get_span_context()
    return context if context.trace_flags.sampled else None
