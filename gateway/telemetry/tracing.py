"""Owns what a call leaves as spans: nothing, unless the configuration names a collector; then `telemetry.otel` does it.

The rule that matters: a span never holds a prompt, an answer or a credential; and without a collector a call pays
nothing for this.
"""

from collections.abc import Mapping

from gateway.model import Provider
from gateway.telemetry.calls import CallRecord

NO_HEADERS: Mapping[str, str] = {}


class Trace:
    """One call's spans; this one has none. Begun as the request arrives, ended once, when the charge is known."""

    __slots__ = ()

    def sending(self, provider: Provider, endpoint: str, model: str) -> Mapping[str, str]:  # noqa: ARG002 - for spans
        """Note that the provider is asked; gives the headers that tell it of the trace."""
        return NO_HEADERS

    def end(self, record: CallRecord) -> None:
        """Note how the call ended."""


NO_TRACE = Trace()


class Tracing:
    """Makes traces; this one makes none."""

    def begin(self, endpoint: str, headers: Mapping[str, str]) -> Trace:  # noqa: ARG002 - for the caller's trace
        """Begin a call's trace, inside the caller's where its headers name one."""
        return NO_TRACE

    def close(self) -> None:
        """Send what is left."""
