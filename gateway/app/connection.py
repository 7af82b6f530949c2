"""The connections of clients: what is not HTTP is answered and logged in our own words.

The rule that matters: aiohttp's own answer and log line repeat the bytes that it could not parse, and those may be a
key or a piece of a prompt.
"""

import asyncio
from typing import Any

import structlog
from aiohttp import web

from gateway import NAME
from gateway.api.answers import openai_error
from gateway.errors import BadRequest
from gateway.pipeline.ids import new_id

log = structlog.get_logger("app")

LOOK_SECONDS = 0.05


class Connection(web.RequestHandler):
    """One client's connection."""

    __slots__ = ()

    @property
    def is_busy(self) -> bool:
        """Whether it does anything but wait for the next request."""
        return self._waiter is None or self._waiter.done()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - holds the client's bytes
    ) -> web.StreamResponse:
        """Answer what is not HTTP, and close: nothing that follows it can be trusted.

        Raises ConnectionResetError where a handler failed: it does so only when its answer had begun.
        """
        if status != BadRequest.status:
            raise ConnectionResetError from exc
        call_id = new_id()
        log.info("malformed_request", request_id=call_id, reason=type(exc).__name__)
        answer = openai_error(BadRequest("The request is not valid HTTP."), request, call_id)
        answer.headers["Server"] = NAME
        answer.force_close()
        return answer

    def data_received(self, data: bytes) -> None:
        """Take bytes in; a body whose chunks are framed wrongly fails at once.

        aiohttp's parser forgets who reads that body, who would wait for the rest for as long as the client stays.
        """
        super().data_received(data)
        request = self._current_request
        # Before a body has ended nothing else can follow it: what is queued behind it is the parser's complaint.
        if request is not None and self._messages and not request.content.is_eof():
            request.content.set_exception(web.RequestPayloadError("the body is framed wrongly"))
            request.content.feed_eof()
            self.close()


class Request(web.BaseRequest):
    """A request to a server that may be leaving."""

    def __init__(self, server: "Server", *parts: Any) -> None:
        super().__init__(*parts)
        self._server = server

    @property
    def keep_alive(self) -> bool:
        """Whether the connection goes on: a server that leaves says in its answer that it does not."""
        return not (self._message.should_close or self._server.is_leaving)


class Server(web.Server):
    """Makes a Connection for each client, and takes leave of them."""

    is_leaving = False

    def __call__(self) -> web.RequestHandler:
        """Give the protocol of a new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)

    async def leave(self, linger_seconds: float) -> None:
        """Return when no connection is left; to be called when no new ones are taken.

        An idle connection stays for `linger_seconds`, and who uses it meanwhile is told with the answer that it ends.
        To close it at once would cut the call that is on its way to us.
        """
        self.is_leaving = True
        clock = self._loop.time
        busy_at: dict[web.RequestHandler, float] = {}
        while self._connections:
            now = clock()
            for connection in self.connections:
                if connection.is_busy:  # type: ignore[attr-defined]  # made above
                    busy_at[connection] = now
                elif now - busy_at.setdefault(connection, now) >= linger_seconds:
                    connection.force_close()
            await asyncio.sleep(LOOK_SECONDS)

    def _make_request(self, *parts: Any) -> Request:
        return Request(self, *parts, self._loop)
