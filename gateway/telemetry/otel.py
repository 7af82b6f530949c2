"""Spans and token metrics for an OpenTelemetry collector, over OTLP and HTTP; needs the extra `otel`.

A server span for each call, and inside it a client span from the moment its provider is asked. The provider gets the
client span as its parent (W3C Trace Context, https://www.w3.org/TR/trace-context/).
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Counter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway import __version__
from gateway.config.value import TracingConfig
from gateway.model import Provider, Usage
from gateway.telemetry import semantics as names
from gateway.telemetry.calls import CallRecord
from gateway.telemetry.tracing import Trace, Tracing

_CONTEXT = TraceContextTextMapPropagator()
_FAILED_FROM = 500
_REFUSED_FROM = 400
_USAGE = (
    (names.INPUT_TOKENS, names.METRIC_INPUT, "input_tokens"),
    (names.OUTPUT_TOKENS, names.METRIC_OUTPUT, "output_tokens"),
    (names.CACHE_READ_TOKENS, names.METRIC_CACHE_READ, "cache_read_tokens"),
    (names.CACHE_CREATION_TOKENS, names.METRIC_CACHE_WRITE, "cache_creation_tokens"),
    (names.REASONING_TOKENS, names.METRIC_REASONING, "reasoning_tokens"),
)


class OtelTracing(Tracing):
    """Traces of one process, sent by a thread of the SDK's; a collector that is away costs nothing but its spans."""

    def __init__(self, config: TracingConfig) -> None:
        resource = Resource.create({"service.name": config.service_name, "service.version": __version__})
        base, headers = config.endpoint.rstrip("/"), {name: value.reveal() for name, value in config.headers}
        self._spans = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(config.sample_ratio)), resource=resource, shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(endpoint=f"{base}/v1/traces", headers=headers, timeout=config.timeout_seconds)
        self._spans.add_span_processor(BatchSpanProcessor(exporter))
        counts = OTLPMetricExporter(endpoint=f"{base}/v1/metrics", headers=headers, timeout=config.timeout_seconds)
        reader = PeriodicExportingMetricReader(counts, export_interval_millis=config.interval_seconds * 1000)
        self._numbers = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        self._tracer = self._spans.get_tracer("gateway", __version__)
        self._instruments = Instruments(self._numbers)

    def begin(self, endpoint: str, headers: Mapping[str, str]) -> Trace:
        """Begin a call's trace, inside the caller's where its headers name one."""
        carrier = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        parent = _CONTEXT.extract(carrier)
        span = self._tracer.start_span(f"POST {endpoint}", parent, SpanKind.SERVER, {names.HTTP_METHOD: "POST"})
        return OtelTrace(self._tracer, self._instruments, span)

    def close(self) -> None:
        """Send what is left."""
        self._spans.shutdown()
        self._numbers.shutdown()


class Instruments:
    """The metrics of calls to models."""

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter("gateway", __version__)
        self.duration = meter.create_histogram(names.METRIC_DURATION, unit="s")
        self.first_chunk = meter.create_histogram(names.METRIC_FIRST_CHUNK, unit="s")
        self.tokens: dict[str, Counter] = {
            field: meter.create_counter(metric, unit="{token}") for _, metric, field in _USAGE
        }


class OtelTrace(Trace):
    """One call's spans."""

    __slots__ = ("_attributes", "_client", "_instruments", "_server", "_tracer")

    def __init__(self, tracer: Tracer, instruments: Instruments, server: Span) -> None:
        self._tracer = tracer
        self._instruments = instruments
        self._server = server
        self._client: Span | None = None
        self._attributes: dict[str, str | int] = {}

    def sending(self, provider: Provider, endpoint: str, model: str) -> Mapping[str, str]:
        """Begin the client span; gives the headers that tell the provider of the trace."""
        address = urlsplit(provider.base_url)
        operation = names.operation(endpoint)
        self._attributes = {
            names.OPERATION: operation,
            names.PROVIDER: names.provider(provider.dialect),
            names.REQUEST_MODEL: model,
            names.SERVER_ADDRESS: address.hostname or "",
        }
        if address.port is not None:
            self._attributes[names.SERVER_PORT] = address.port
        inside: Context = set_span_in_context(self._server)
        if self._client is not None:
            self._client.end()  # the provider is asked a second time
        self._client = self._tracer.start_span(f"{operation} {model}", inside, SpanKind.CLIENT, self._attributes)
        headers: dict[str, str] = {}
        _CONTEXT.inject(headers, set_span_in_context(self._client))
        return headers

    def end(self, record: CallRecord) -> None:
        """Note how the call ended."""
        failure = record.outcome if record.status >= _FAILED_FROM or record.outcome == "upstream_refused" else None
        if self._client is not None:
            self._count(record, failure)
            _finish(self._client, _usage_attributes(record.usage), failure)
        caller = record.caller
        attributes: dict[str, str | int | bool] = {
            names.HTTP_STATUS: record.status,
            names.CALL_ID: record.request_id,
            names.OUTCOME: record.outcome,
            names.REQUEST_STREAM: record.stream,
        }
        found = (
            (names.COMPANY, caller and caller.company and caller.company.name),
            (names.PURPOSE, record.purpose),
            (names.BUDGET, record.budget),
        )
        attributes.update({name: value for name, value in found if value})
        if record.status >= _REFUSED_FROM:
            attributes[names.ERROR_TYPE] = record.outcome
        _finish(self._server, attributes, record.outcome if record.status >= _FAILED_FROM else None)

    def _count(self, record: CallRecord, failure: str | None) -> None:
        """Count by the model's name in the configuration: a request's own may be anything."""
        listed = {names.REQUEST_MODEL: record.listed_model or "", **({names.ERROR_TYPE: failure} if failure else {})}
        labels = {**self._attributes, **listed}
        self._instruments.duration.record(record.duration_ms / 1000, labels)
        if record.first_byte_ms is not None:
            self._instruments.first_chunk.record(record.first_byte_ms / 1000, labels)
        if record.usage is not None:
            for _, _, field in _USAGE:
                if tokens := getattr(record.usage, field):
                    self._instruments.tokens[field].add(tokens, labels)


def _usage_attributes(usage: Usage | None) -> dict[str, str | int | bool]:
    if usage is None:
        return {}
    counted: dict[str, str | int | bool] = {name: getattr(usage, field) for name, _, field in _USAGE}
    return {**{name: tokens for name, tokens in counted.items() if tokens}, names.ESTIMATED: usage.estimated}


def _finish(span: Span, attributes: Mapping[str, str | int | bool], failure: str | None) -> None:
    span.set_attributes(attributes)
    if failure is not None:
        span.set_attribute(names.ERROR_TYPE, failure)
        span.set_status(Status(StatusCode.ERROR, failure))
    span.end()
