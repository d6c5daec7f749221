"""Traces, metrics and logs, for every process alike."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from fastapi import FastAPI
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter("shuangqian_events_handled", "Events that a consumer handled", ["topic"])
PARKED = Counter("shuangqian_events_parked", "Events that a consumer could not handle and parked", ["topic"])
STREAMS_PARKED = Gauge("shuangqian_streams_parked", "Streams of which an event waits to be mended", ["topic"])
RELAYED = Counter("shuangqian_events_relayed", "Events that the relay sent and the broker acknowledged", ["topic"])
RELAY_LAG = Gauge("shuangqian_relay_lag_seconds", "How far the relay is behind, or since when it does not get on")
CONSUMER_LAG = Gauge("shuangqian_consumer_lag_events", "Events that wait for this process", ["topic"])
BATCH = Histogram("shuangqian_consume_batch_seconds", "Time to handle one batch of events", ["topic"])

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("shuangqian")
#: Set with the provider: asking for that instead reads the environment each time, for each event.
_tracing = False


def set_up(process: str, otlp_endpoint: str | None) -> None:
    """Log JSON lines to stdout, and send spans to `otlp_endpoint` (OTLP over HTTP) where there is one.

    `process` names this process in logs and traces: "review-worker".
    """
    global _tracing
    added: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace_id,
        structlog.processors.format_exc_info,
    ]
    as_json = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*added, as_json],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    # What libraries log comes as JSON lines too.
    handler = logging.StreamHandler(sys.stdout)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[remove_meta, as_json], foreign_pre_chain=added)
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.captureWarnings(True)
    if otlp_endpoint:
        provider = TracerProvider(resource=Resource.create({SERVICE_NAME: process}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{otlp_endpoint}/v1/traces")))
        trace.set_tracer_provider(provider)
        _tracing = True


def instrument(app: FastAPI) -> None:
    """Give each request a span, where spans are made; what machines ask every few seconds gets none."""
    if tracing():
        FastAPIInstrumentor.instrument_app(
            app,
            excluded_urls="livez,readyz,metrics,static",
            exclude_spans=["receive", "send"],
            server_request_hook=_without_query,
        )


def _without_query(span: trace.Span, _scope: Any) -> None:
    """Queries hold tokens and what people search for: they are nobody's business but the request's."""
    recorded = getattr(span, "attributes", None) or {}
    for name in ("http.url", "http.target", "url.full", "url.query"):
        if name in recorded:
            span.set_attribute(name, "" if name == "url.query" else str(recorded[name]).partition("?")[0])


def flush() -> None:
    """Send the spans that wait: the last thing a lifespan does (a signal ends the process right after it)."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


@contextmanager
def span(
    name: str, *, parent: str | None = None, kind: SpanKind = SpanKind.INTERNAL, **attributes: Any
) -> Iterator[str | None]:
    """A span around a block; yields its `traceparent` (W3C Trace Context), or None where nothing is traced.

    `parent` is a traceparent; without one the current span is the parent, with one the current span is linked.
    """
    if not tracing():
        yield parent
        return
    current = trace.get_current_span().get_span_context()
    links = [Link(current)] if parent and current.is_valid else []
    with _tracer.start_as_current_span(name, context=_context(parent), kind=kind, links=links, attributes=attributes):
        yield current_traceparent()


@contextmanager
def within(traceparent: str | None) -> Iterator[None]:
    """Have the span called `traceparent` be the current one for a block; None changes nothing."""
    if traceparent is None or not tracing():
        yield
        return
    token = context.attach(_propagator.extract({"traceparent": traceparent}, Context()))
    try:
        yield
    finally:
        context.detach(token)


def current_traceparent() -> str | None:
    """The current span as a `traceparent` header's value."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def tracing() -> bool:
    """Whether spans are made at all: then, and only then, is it worth preparing them."""
    return _tracing


def _context(traceparent: str | None) -> Context | None:
    return _propagator.extract({"traceparent": traceparent}) if traceparent else None


def _add_trace_id(_logger: object, _method: str, event: Any) -> Any:
    current = trace.get_current_span().get_span_context()
    if current.is_valid:
        event["trace_id"] = trace.format_trace_id(current.trace_id)
    return event
