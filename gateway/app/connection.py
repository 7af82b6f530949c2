"""The connections of clients: what is not HTTP, what is too slow and what is too many is answered in our own words.

The rule that matters: aiohttp's own answer and log line repeat the bytes that it could not parse, and those may be a
key or a piece of a prompt. And no client is waited for without an end: once a second each connection is looked at.
"""

import asyncio
import socket
from functools import partial
from typing import Any, cast

import structlog
from aiohttp import http_parser, web

from gateway import NAME
from gateway.api.answers import openai_error
from gateway.app.canned import canned
from gateway.app.delays import Arrival, Unchanged
from gateway.config import Server as Terms
from gateway.errors import BadRequest, GatewayError, TooSlow, forget
from gateway.pipeline.ids import new_id

if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
    # What two parsers read differently is how requests are smuggled (CVE-2025-53643): we were tested with one.
    raise ImportError("aiohttp has no C parser here (AIOHTTP_NO_EXTENSIONS, or a build without it): refusing to serve")

log = structlog.get_logger("app")

UNSENT_BYTES = 1 << 17
"""What the system holds for a client beyond what is on the wire: else it is megabytes for each that does not read."""
UNSENT_HERE_BYTES = 1 << 13
"""What we hold ourselves beyond that before whoever writes has to wait."""
LINGER_SECONDS = 1.0
"""How long a client that still sends has to read our last answer: closed at once, its bytes would wipe it out (RST)."""

_BUSY = -1
_SLOW_HEADERS = "The request's headers did not arrive in time."
_SLOW_BODY = "The request's body did not arrive in time."


class Connection(web.RequestHandler):
    """One client's connection."""

    __slots__ = (
        "_arrival",
        "_ends_at",
        "_head_since",
        "_idle",
        "_is_last",
        "_made_at",
        "_received",
        "_unsent",
        "_was_paused",
        "_wire",
    )

    def __init__(self, *parts: Any, **settings: Any) -> None:
        super().__init__(*parts, **settings)
        self._made_at = self._loop.time()
        self._head_since: float | None = None
        self._received = 0
        self._arrival: Arrival | None = None
        self._unsent = Unchanged()
        self._idle = Unchanged(_BUSY)
        self._is_last = False
        self._was_paused = False
        self._ends_at: float | None = None
        self._wire: asyncio.Transport | None = None

    @property
    def is_busy(self) -> bool:
        """Whether it does anything but wait for the next request."""
        return self._waiter is None or self._waiter.done()

    @property
    def is_ending(self) -> bool:
        """Whether what it is doing is the last thing that it does."""
        return self._close or self._force_close

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - holds the client's bytes
    ) -> web.StreamResponse:
        """Answer what is not HTTP, or what a handler failed at, and close: nothing that follows it can be trusted.

        Raises ConnectionResetError where an answer had begun.
        """
        call_id = new_id()
        if request.writer.output_size > 0:
            error: Exception = ConnectionResetError()
            forget_at_the_end(request, error, exc)
            raise error from exc
        if status == BadRequest.status:
            log.info("malformed_request", request_id=call_id, reason=type(exc).__name__)
            told: GatewayError = BadRequest("The request is not valid HTTP.")
        else:
            log.error("unexpected", request_id=call_id, exc_info=exc)
            told = GatewayError("Something went wrong in the gateway.")
        forget(exc)
        answer = openai_error(told, request, call_id)
        answer.headers["Server"] = NAME
        answer.force_close()
        self._is_last = True
        return answer

    def take_no_more(self) -> None:
        """Have the answer that is due be the last one, and take in nothing of what is still on its way."""
        if self._current_request is not None:
            self._break_off(self._current_request, web.RequestPayloadError("the body is not taken"))

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer to its end; after one that breaks a request off, the rest of that is not waited for."""
        finished = await super().finish_response(request, resp, start_time)
        if self._is_last:
            self._linger()
        return finished

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self._wire = cast("asyncio.Transport", transport)  # uvloop's is one, without saying so
        self._wire.set_write_buffer_limits(high=UNSENT_HERE_BYTES)
        if self._task_handler is not None:
            self._task_handler.add_done_callback(_forget_end)
        wire_socket = transport.get_extra_info("socket")
        if wire_socket is not None and wire_socket.family in {socket.AF_INET, socket.AF_INET6}:
            wire_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End, and leave nothing that only a garbage collection would find: a crowd's would stay long after it."""
        request = self._current_request
        super().connection_lost(exc)
        if request is not None:
            forget_at_the_end(request, request.content.exception())
        self._wire = self._arrival = None

    def data_received(self, data: bytes) -> None:
        """Take bytes in; a body whose chunks are framed wrongly fails at once.

        aiohttp's parser forgets who reads that body, who would wait for the rest for as long as the client stays.
        """
        super().data_received(data)
        self._received += len(data)
        request = self._current_request
        # Before a body has ended nothing else can follow it: what is queued behind it is the parser's complaint.
        if request is not None and self._messages and not request.content.is_eof():
            self._break_off(request, web.RequestPayloadError("the body is framed wrongly"))
        if self.is_busy:
            self._head_since = None
        elif self._head_since is None:
            self._head_since = self._loop.time()

    def pause_reading(self) -> None:
        """Take nothing in for a while."""
        self._was_paused = True
        super().pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's own
        """Go on where reading was paused; aiohttp asks for it at each piece that is taken.

        Once it was, the parser may hold back bytes at any time: it is paused on its own, and only told to go on.
        """
        if self._was_paused:
            super().resume_reading(resume_parser)

    def look(self, now: float, terms: Terms) -> str | None:
        """End it if its client takes too long; gives what for (TURNED_AWAY_REASONS)."""
        wire = self._wire
        if wire is None:
            return None
        if self._ends_at is not None:
            if now >= self._ends_at:
                wire.abort()
            return None
        unsent = wire.get_write_buffer_size()
        if self._unsent.seconds(unsent, now) >= terms.stall_seconds and unsent:
            wire.abort()
            return "stalled"
        if self.is_ending:
            return None
        if self.is_busy:
            self._idle.seconds(_BUSY, now)
            return self._look_at_body(now, terms)
        return self._look_at_head(now, terms)

    def _look_at_head(self, now: float, terms: Terms) -> str | None:
        """Look at one that waits for a request: the first, or one of which a part is there; else for the next."""
        since = self._made_at if self._request_count == 0 else self._head_since
        if since is None:
            if self._idle.seconds(self._request_count, now) >= terms.keepalive_seconds:
                self.force_close()
            return None
        if now - since <= terms.header_seconds:
            return None
        # One that has sent nothing is closed without a word, as at the end of keep-alive: it may ask at this moment.
        # The first bytes may come before the handler has begun to wait: then nobody has noted when.
        is_silent = self._head_since is None and self._received == 0
        if is_silent or self._wire is None:
            self.force_close()
        else:
            self._wire.write(canned(TooSlow(_SLOW_HEADERS)))
            self.close()
            self._linger()
        return "headers"

    def _look_at_body(self, now: float, terms: Terms) -> str | None:
        request = self._current_request
        if request is None or request.content.is_eof():
            self._arrival = None
            return None
        if self._arrival is None or self._arrival.body is not request.content:
            self._arrival = Arrival(request.content, self._received, now)
        if not self._arrival.is_late(self._received, now, terms.body_seconds):
            return None
        self._break_off(request, TooSlow(_SLOW_BODY))
        return "body"

    def _break_off(self, request: web.BaseRequest, error: Exception) -> None:
        """Have the reader of a body fail, and take nothing more after it."""
        request.content.set_exception(error)
        request.content.feed_eof()
        forget_at_the_end(request, error)
        self._is_last = True
        self.close()

    def _linger(self) -> None:
        """Send nothing more, take nothing more in, and be gone in a second."""
        if self._wire is not None and not self._wire.is_closing():
            self._wire.write_eof()
            self._ends_at = self._loop.time() + LINGER_SECONDS
            self.transport = None  # which aiohttp would close at once


def forget_at_the_end(request: web.BaseRequest, *errors: BaseException | None) -> None:
    """Have errors forget where they were raised, when all is over: they are still on their way."""
    for error in errors:
        if error is not None:
            request.task.add_done_callback(partial(_forget, error))


def _forget(error: BaseException, _: object) -> None:
    forget(error)


def _forget_end(handling: "asyncio.Task[None]") -> None:
    """Have the end of a connection's task forget what it came through: aiohttp keeps the task in there."""
    try:
        error = handling.exception()
    except asyncio.CancelledError as cancelled:
        error = cancelled
    forget(error)
