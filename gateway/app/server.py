"""Requests to handlers, errors to answers: the outermost handler."""

from collections.abc import Mapping

import structlog
from aiohttp import web

from gateway import NAME
from gateway.api.answers import Speaker, error_in
from gateway.api.entry import Entry, Handler
from gateway.app.connection import Server
from gateway.app.paths import Paths
from gateway.app.table import TABLE
from gateway.app.unmetered import is_method, refusal, wire_of
from gateway.errors import BadRequest, GatewayError, MethodNotAllowed
from gateway.pipeline.gateway import Gateway
from gateway.pipeline.ids import new_id

log = structlog.get_logger("app")

KEEPALIVE_SECONDS = 75.0


class App:
    """Answers requests under the `gateway` it holds; a reload replaces that as a whole."""

    def __init__(self, gateway: Gateway, table: Mapping[str, Entry] = TABLE) -> None:
        self.gateway = gateway
        self._table = table
        self._paths = Paths(tuple(table))

    def server(self) -> Server:
        """Give the protocol factory to listen with. A client that leaves cancels its handler."""
        return Server(
            self.answer,
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
            keepalive_timeout=KEEPALIVE_SECONDS,
        )

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, under our own name."""
        answer = await self._answer(request)
        if not answer.prepared:
            answer.headers["Server"] = NAME
        return answer

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; every error becomes an answer here, once, in the words of its path's API family.

        Raises ConnectionResetError, which ends the connection, where an answer had begun: a second one inside it would
        be read as its text.
        """
        call_id = new_id()
        speak: Speaker = error_in(wire_of(request.raw_path))
        try:
            entry, params = self._find(request)
            speak = entry.speak
            return await _handler(entry, request)(self.gateway, request, call_id, params)
        except GatewayError as error:
            answer = speak(error, request, call_id)
        except ConnectionResetError:
            raise  # nobody is there to read an answer
        except Exception:
            log.exception("unexpected", request_id=call_id)
            answer = speak(GatewayError("Something went wrong in the gateway."), request, call_id)
        if request.writer.output_size > 0:
            raise ConnectionResetError
        return answer

    def _find(self, request: web.BaseRequest) -> tuple[Entry, Mapping[str, str]]:
        target = request.raw_path
        if not target.startswith("/"):
            raise BadRequest("The request target must be a path.")
        raw_path = target.partition("?")[0]
        found = None if is_method(raw_path) else self._paths.find(raw_path)
        if found is None:
            raise refusal(raw_path)
        path, params = found
        return self._table[path], params


def _handler(entry: Entry, request: web.BaseRequest) -> Handler:
    if request.method not in entry.methods:
        allow = ", ".join(entry.methods)
        raise MethodNotAllowed(f"This endpoint takes {allow}.", headers={"Allow": allow})
    return entry.methods[request.method]
