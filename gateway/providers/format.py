"""What the wire format of an operation answers: questions about bytes, and nothing else.

The rule that matters: a format is pure. It knows where things stand in bodies, nothing of budgets, callers or sockets.
"""

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from gateway.errors import GatewayError
from gateway.model import Call, Request, Route, Usage

JSON = "application/json"
FORM = "multipart/form-data"


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A request body for a provider."""

    body: bytes
    content_type: str = JSON


class Meter(Protocol):
    """Meters one stream; `gateway.providers.metering` says what each member means."""

    usage: Usage | None
    ended: bool
    last: bytes
    error_seen: bool
    template: bytes | None
    thinking_told: bool
    bound_tokens: int
    unread_tokens: int

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk, give what to forward now."""

    def finish(self) -> bytes:
        """Give what is left at the end of the stream."""

    def closing(self, frames: bytes) -> bytes:
        """Give the bytes that end a stream with these frames of ours."""

    def take_texts(self) -> list[str]:
        """Give the texts generated since the last call."""


class Format(Protocol):
    """The questions that a wire format answers; a module of such functions is one."""

    @property
    def TAKES(self) -> str | tuple[str, ...]:  # noqa: N802 - a module's constant
        """The media type of its requests, `JSON` or `FORM`; or both."""

    def read(self, request: Request) -> Call:
        """Decode and understand a request. Raises BadRequest naming the field."""

    def outgoing(self, call: Call, route: Route, *, cap: int | None, asks_usage: bool) -> Outgoing:
        """Encode the request for the upstream.

        `cap` bounds the completion tokens per choice, never above the client's own bound; `asks_usage` is False for an
        upstream that is known to refuse being asked for the usage of a stream.
        """

    def is_visible(self, call: Call, route: Route) -> bool:
        """Say whether every token of the answer can be watched as it flows."""

    def prompt(self, call: Call) -> Any:
        """Give what the model is to read, as JSON without the bytes of media: for counting near a limit."""

    def prompt_texts(self, call: Call) -> Iterable[str]:
        """Give the prompt's own texts: message contents, inputs; for counting the characters of imports."""

    def usage_of(self, call: Call, body: bytes) -> Usage | None:
        """Read the usage of an answer that came in one piece; None where the provider did not say, or not credibly."""

    def answer_texts(self, call: Call, body: bytes) -> list[str]:
        """Give the generated texts of an answer that came in one piece."""

    def is_stream(self, content_type: str) -> bool:
        """Say whether an answer of this media type (in lower case) flows."""

    def meter(self, call: Call) -> Meter:
        """Make the meter of one stream."""

    def cut_frame(self, call: Call, template: bytes | None) -> bytes:
        """Give the last chunk of a stream that is cut for its length; `template` is the first chunk's data."""

    def error_event(self, call: Call, error: GatewayError) -> bytes:
        """Give what tells an error in a stream that has begun, so that the client's SDK raises it."""
