"""An OTLP receiver on this machine: what it was sent over HTTP, as spans that know their parents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from deploy.local.ports import HOST, free
from deploy.local.receiver import serving


@dataclass(frozen=True)
class Span:
    """One span; `process` is the service.name of its resource, `links` are the trace ids it links to."""

    trace: str
    id: str
    parent: str
    name: str
    process: str
    start: int
    links: tuple[str, ...]


@dataclass
class Collector:
    endpoint: str
    spans: list[Span] = field(default_factory=list)

    def tree(self, trace: str) -> str:
        """A trace as indented lines `name (process)`, brothers in alphabetical order."""
        own = [span for span in self.spans if span.trace == trace]
        ids = {span.id for span in own}
        below: dict[str, list[Span]] = {}
        for span in own:
            below.setdefault(span.parent if span.parent in ids else "", []).append(span)

        def lines(parent: str, depth: int) -> list[str]:
            branches = [
                "\n".join([f"{'  ' * depth}{span.name} ({span.process})", *lines(span.id, depth + 1)])
                for span in below.get(parent, ())
            ]
            return sorted(branches)

        return "\n".join(lines("", 0)) + "\n"


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A receiver for the block, on a free port."""
    (port,) = free(1)
    collector = Collector(f"http://{HOST}:{port}")
    app = FastAPI()

    @app.post("/v1/traces")
    async def take(request: Request) -> Response:
        sent = ExportTraceServiceRequest.FromString(await request.body())
        for resource in sent.resource_spans:
            process = next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
            for scope in resource.scope_spans:
                collector.spans += [
                    Span(
                        trace=span.trace_id.hex(),
                        id=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                        name=span.name,
                        process=process,
                        start=span.start_time_unix_nano,
                        links=tuple(link.trace_id.hex() for link in span.links),
                    )
                    for span in scope.spans
                ]
        return Response(media_type="application/x-protobuf")

    async with serving(app, port):
        yield collector
