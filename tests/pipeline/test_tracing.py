"""Spans and token metrics as a collector gets them, over OTLP and HTTP: nothing of what was said is in them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from gateway.store.connection import Store
from tests.gateways import ADA_KEY, PROVIDER_SECRET, Limits, gateway_running
from tests.provider.process import ProviderProcess

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
SAID = "a-prompt-that-nobody-may-see"


@dataclass
class Collector:
    """Takes what exporters send."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    metrics: list[bytes] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.seen.append(body)
        if request.path == "/v1/traces":
            sent = ExportTraceServiceRequest.FromString(body)
            self.spans += [span for r in sent.resource_spans for s in r.scope_spans for span in s.spans]
        else:
            self.metrics.append(body)
        assert request.headers["x-collector-key"] == "collector-secret"
        return web.Response()

    def counters(self) -> dict[str, float]:
        """Give each counter's newest sum over all its labels."""
        sums: dict[str, float] = {}
        for body in self.metrics:
            sent = ExportMetricsServiceRequest.FromString(body)
            for metric in (m for r in sent.resource_metrics for s in r.scope_metrics for m in s.metrics):
                if metric.HasField("sum"):
                    sums[metric.name] = sum(point.as_int for point in metric.sum.data_points)
        return sums


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    """Give a collector on a free port."""
    taken = Collector()
    app = web.Application()
    app.router.add_post("/v1/{kind}", taken.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    taken.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield taken
    await runner.cleanup()


def attributes(pairs: list[KeyValue]) -> dict[str, str | int | bool]:
    """Give attributes as Python values."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


async def exchange(
    store: Store, directory: Path, far: ProviderProcess, collector: Collector, *models: str, stream: bool = False
) -> None:
    """Call some models through a gateway that traces, and let it end, which sends all spans."""
    tracing = (
        f"tracing: {{endpoint: '{collector.url}', headers: {{x-collector-key: collector-secret}}, timeout_seconds: 1}}"
    )
    async with gateway_running(store, directory, far.base_url, Limits(credits=f"{{}}\n{tracing}")) as client:
        for model in models:
            body = {"messages": [{"role": "user", "content": SAID}], "stream": stream}
            async with client.chat(model, headers={"traceparent": TRACEPARENT}, **body) as answer:
                await answer.read()


async def test_a_call_leaves_two_spans_in_its_caller_s_trace(
    valkey_store: Store, tmp_path: Path, far: ProviderProcess, collector: Collector
) -> None:
    """A server span under the app's, a client span under that, and the provider is told of the client span."""
    await exchange(valkey_store, tmp_path, far, collector, "m:tokens-7")
    server, client = sorted(collector.spans, key=lambda span: span.kind)
    assert (server.kind, client.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT)
    assert (server.trace_id.hex(), server.parent_span_id.hex()) == (TRACE, PARENT)
    assert (client.trace_id.hex(), client.parent_span_id) == (TRACE, server.span_id)
    (asked,) = await far.log()
    sent = {name.lower(): value for name, value in asked["headers"]}
    assert sent["traceparent"] == f"00-{TRACE}-{client.span_id.hex()}-01"
    told = attributes(list(client.attributes))
    assert (client.name, told["gen_ai.operation.name"], told["gen_ai.provider.name"]) == (
        "chat m:tokens-7",
        "chat",
        "openai",
    )
    assert (told["gen_ai.usage.output_tokens"], told["gateway.usage.estimated"]) == (7, False)
    of_call = attributes(list(server.attributes))
    assert (of_call["http.response.status_code"], of_call["gateway.company"]) == (200, "acme")


async def test_tokens_are_counted_by_today_s_names(
    valkey_store: Store, tmp_path: Path, far: ProviderProcess, collector: Collector
) -> None:
    """The token counters hold what the provider reported, of streams too, by the model's name in the configuration."""
    await exchange(valkey_store, tmp_path, far, collector, "m:tokens-7", "m:tokens-5", stream=True)
    counters = collector.counters()
    assert counters["gen_ai.client.inference.usage.output_tokens"] == 12
    assert counters["gen_ai.client.inference.usage.input_tokens"] == sum(
        attributes(list(span.attributes))["gen_ai.usage.input_tokens"]
        for span in collector.spans
        if span.kind == Span.SPAN_KIND_CLIENT
    )
    assert not [body for body in collector.metrics if b"tokens-7" in body]


async def test_nothing_that_was_said_leaves(
    valkey_store: Store, tmp_path: Path, far: ProviderProcess, collector: Collector
) -> None:
    """Neither prompt nor credential stands in any byte that a collector gets, of calls that fail neither."""
    await exchange(valkey_store, tmp_path, far, collector, "m:tokens-7", "m:status-500", "off-model")
    everything = b"".join(collector.seen)
    assert len(collector.spans) == 5
    for secret in (SAID, ADA_KEY, PROVIDER_SECRET):
        assert secret.encode() not in everything
    failed = [span for span in collector.spans if span.status.code == 2]
    assert {span.kind for span in failed} == {Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT}


async def test_a_collector_that_is_away_costs_no_call(
    valkey_store: Store, tmp_path: Path, far: ProviderProcess, collector: Collector
) -> None:
    """Calls go on, and the gateway ends in time."""
    gone = Collector(url="http://127.0.0.1:9")
    async with asyncio.timeout(60):
        await exchange(valkey_store, tmp_path, far, gone, "m:tokens-7")
    assert [entry["outcome"] for entry in await far.log()] == ["finished"]
