"""What a wire dialect answers, and the dialects there are.

The rule that matters: a dialect is pure. It knows where things stand in bytes, nothing of budgets, callers or sockets.
A further dialect is one more module with these functions, and one more line in `DIALECTS`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from gateway.errors import GatewayError
from gateway.model import Call, Endpoint, Provider, Route, Usage
from gateway.providers import openai


class Meter(Protocol):
    """Meters one stream; `gateway.providers.meter` says what each member means."""

    usage: Usage | None
    ended: bool
    last: bytes
    error_seen: bool
    template: bytes | None
    bound_tokens: int
    unread_tokens: int

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk, give what to forward now."""

    def finish(self) -> bytes:
        """Give what is left at the end of the stream."""

    def take_texts(self) -> list[str]:
        """Give the texts generated since the last call."""


class Dialect(Protocol):
    """The questions that a wire format answers."""

    def read(
        self, endpoint: Endpoint, body: bytes, *, call_id: str, session: str | None, headers: Mapping[str, str]
    ) -> Call:
        """Decode and understand a request body. Raises BadRequest."""

    def understand(
        self,
        endpoint: Endpoint,
        decoded: Mapping[str, Any],
        *,
        body_bytes: int,
        call_id: str,
        session: str | None,
        headers: Mapping[str, str],
    ) -> Call:
        """Make the Call of a decoded body. Raises BadRequest."""

    def path(self, endpoint: Endpoint) -> str:
        """Give what follows the provider's base URL."""

    def auth_headers(self, provider: Provider) -> dict[str, str]:
        """Give the provider's credential and extra headers."""

    def outgoing(self, call: Call, route: Route, *, cap: int | None) -> bytes:
        """Encode the body for the upstream; `cap` bounds the completion tokens per choice."""

    def is_visible(self, call: Call, route: Route) -> bool:
        """Say whether every token of the answer can be watched as it flows."""

    def thinks(self, route: Route) -> bool:
        """Say whether the model is known to produce tokens that it does not show."""

    def usage_of(self, endpoint: Endpoint, body: bytes) -> Usage | None:
        """Read the usage of an answer that was not streamed."""

    def answer_texts(self, endpoint: Endpoint, body: bytes) -> list[str]:
        """Give the generated texts of an answer that was not streamed."""

    def meter(self, endpoint: Endpoint, *, hide_usage: bool) -> Meter:
        """Make the meter of one stream."""

    def error_body(self, error: GatewayError) -> dict[str, Any]:
        """Give the body of a refusal."""

    def error_event(self, error: GatewayError) -> bytes:
        """Give the frame that tells an error in a stream."""

    def cut_frame(self, endpoint: Endpoint, template: bytes | None) -> bytes:
        """Give the last chunk of a stream that is cut for its length."""


DIALECTS: Mapping[str, Dialect] = MappingProxyType({"openai": openai, "demo": openai})
