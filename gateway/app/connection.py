"""The connections of clients: what is not HTTP is answered and logged in our own words.

The rule that matters: aiohttp's own answer and log line repeat the bytes that it could not parse, and those may be a
key or a piece of a prompt.
"""

import structlog
from aiohttp import web

from gateway import NAME
from gateway.api.answers import openai_error
from gateway.errors import BadRequest
from gateway.pipeline.ids import new_id

log = structlog.get_logger("app")


class Connection(web.RequestHandler):
    """One client's connection."""

    __slots__ = ()

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


class Server(web.Server):
    """Makes a Connection for each client."""

    def __call__(self) -> web.RequestHandler:
        """Give the protocol of a new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)
