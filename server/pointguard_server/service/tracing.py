"""Traces: a span for each call and one for each batch, linked to the calls that it answered. Needs the extra ``otel``.

Imported by ``bootstrap`` only when traces are asked for. A span carries names, codes, counts and times, and nothing of
a request. Of what a caller sends only ``traceparent`` is read: ``tracestate`` and baggage may hold anything.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pointguard_server.engine.engine import BATCH_REQUESTS_MAX, Engine, Observed

SERVERS_FAULT: Final = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)
"""Codes that make a call's span an error; by the others the caller is told about its own request."""
TRACES_PATH: Final = "/v1/traces"
EXPORT_S_MAX: Final = 3.0
NANOSECONDS: Final = 1_000_000_000

Answer = Awaitable[Any]


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
        self._waiting: list[tuple[asyncio.Future[Any], SpanContext]] = []

    @classmethod
    def to(cls, endpoint: str, version: str) -> "Tracing":
        """Return traces that go to a collector's OTLP/HTTP address, such as ``http://collector:4318``."""
        return cls(OTLPSpanExporter(endpoint.rstrip("/") + TRACES_PATH, timeout=EXPORT_S_MAX), version)

    def wrap(self, rpc: str, code_of: Callable[[Any], str], handle: Callable[[bytes, Any], Answer]) -> Any:
        """Return a handler that does the same within a span.

        ``rpc`` is the span's name; ``code_of`` gives the name of the status that a call's context was ended with.
        """
        attributes = {"rpc.system": "grpc", "rpc.method": rpc}

        async def traced(data: bytes, context: Any) -> Any:
            sent = {key: value for key, value in context.invocation_metadata() or () if key == "traceparent"}
            with self._calls.start_as_current_span(
                rpc,
                self._propagator.extract(sent),
                SpanKind.SERVER,
                attributes,
                record_exception=False,
                set_status_on_exception=False,
            ) as span:
                try:
                    return await handle(data, context)
                finally:
                    code = code_of(context)
                    span.set_attribute("rpc.response.status_code", code)
                    if code in SERVERS_FAULT:
                        span.set_status(StatusCode.ERROR)

        return traced

    def watch(self, engine: Engine) -> None:
        """Make a span for each of an engine's batches; whoever observed them before still does."""
        before = engine.observe

        def observe(batch: Observed) -> None:
            if before is not None:
                before(batch)
            self._end_batch(batch)

        engine.observe, engine.submitted = observe, self._submitted

    def _submitted(self, answer: "asyncio.Future[Any]") -> None:
        context = trace.get_current_span().get_span_context()
        if context.trace_flags.sampled:
            self._waiting.append((answer, context))

    def _end_batch(self, batch: Observed) -> None:
        """Make the span of the batch that has just answered: in it were those that waited and now have a result."""
        answered = [context for answer, context in self._waiting if answer.done() and _has_result(answer)]
        self._waiting = [(answer, context) for answer, context in self._waiting if not answer.done()]
        if not answered:
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
        links = [Link(context) for context in answered]
        span = self._batches.start_span("batch", attributes=attributes, links=links, start_time=moment)
        for name, seconds in stages.items():
            moment += int(seconds * NANOSECONDS)
            span.add_event(name, timestamp=moment)
        span.end(ended)

    def close(self) -> None:
        """Hand on what is left. Blocks for as long as the collector takes, but not for long."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


def _has_result(answer: "asyncio.Future[Any]") -> bool:
    return not answer.cancelled() and answer.exception() is None
