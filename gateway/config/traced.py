"""Owns the section `tracing:`: its settings, and what they mean."""

from importlib.util import find_spec

from gateway.config import fields as f
from gateway.config.findings import Findings
from gateway.config.section import Section, required, setting
from gateway.config.value import TracingConfig
from gateway.model import Secret

_NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


class TracingSection(Section):
    """`tracing:`; needs the extra `otel`."""

    endpoint: f.BaseUrl = required("The collector's address for OTLP over HTTP, such as `http://127.0.0.1:4318`.")
    headers: dict[f.HeaderName, f.HeaderValue] = setting({}, "Sent to the collector; treated as secrets.")
    service_name: f.Label = setting("token-budget-gateway", "What the collector calls this installation.")
    sample_percent: f.Percent = setting(100, "How many calls are traced, unless the app's own trace decides.")
    interval_seconds: f.WebhookSeconds = setting(60, "How often token metrics are sent, 1 to 60.")
    timeout_seconds: f.WebhookSeconds = setting(10, "How long the collector may take, 1 to 60.")


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it is in
        return False


def build_tracing(section: TracingSection | None, findings: Findings) -> TracingConfig | None:
    """Make the value of the section."""
    if section is None:
        return None
    if not all(map(_is_installed, _NEEDED)):
        findings.add(("tracing",), "needs the extra otel: pip install 'token-budget-gateway[otel]'")
    return TracingConfig(
        endpoint=section.endpoint,
        headers=tuple((name, Secret(value)) for name, value in section.headers.items()),
        service_name=section.service_name,
        sample_ratio=section.sample_percent / 100,
        interval_seconds=section.interval_seconds,
        timeout_seconds=section.timeout_seconds,
    )
