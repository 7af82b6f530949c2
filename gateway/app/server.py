"""Requests to handlers, errors to answers: the outermost handler."""

from collections.abc import Mapping

import structlog
from aiohttp import HttpVersion10, HttpVersion11, web

from gateway import NAME
from gateway.api.answers import Speaker, error_in
from gateway.api.entry import Entry, Handler
from gateway.app.connection import Connection, forget_at_the_end
from gateway.app.doorkeeper import Doorkeeper
from gateway.app.hosts import Hosts
from gateway.app.listener import Server
from gateway.app.paths import Paths
from gateway.app.table import TABLE
from gateway.app.turned import TurnedAway
from gateway.app.unmetered import is_method, refusal, wire_of
from gateway.errors import (
    BadRequest,
    GatewayError,
    MethodNotAllowed,
    Overloaded,
    TooManyTries,
    Unauthenticated,
    WrongHost,
    forget,
)
from gateway.pipeline.arrival import ARRIVED, LOAD
from gateway.pipeline.gateway import Gateway
from gateway.pipeline.ids import new_id

log = structlog.get_logger("app")

_VERSIONS = frozenset({HttpVersion10, HttpVersion11})  # the parser takes a request line of HTTP/0.9 too
_TURNED_AWAY: Mapping[type[GatewayError], str] = {WrongHost: "host", TooManyTries: "keys", Overloaded: "in_flight"}


class App:
    """Answers requests under the `gateway` it holds; a reload replaces that as a whole."""

    def __init__(self, gateway: Gateway, table: Mapping[str, Entry] = TABLE) -> None:
        self._door = Doorkeeper(gateway.config.server)
        self.gateway = gateway
        self._table = table
        self._paths = Paths(tuple(table))
        self.turned_away = TurnedAway(gateway.metrics.turned_away)
        self._places = _Places(self)

    @property
    def gateway(self) -> Gateway:
        """Give what requests are answered under."""
        return self._gateway

    @gateway.setter
    def gateway(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._hosts = Hosts.of(gateway.config)
        self._door.set_terms(gateway.config.server)

    def server(self) -> Server:
        """Give the protocol factory to listen with. A client that leaves cancels its handler."""
        return Server(self.answer, lambda: self._gateway.config.server, self.turned_away, handler_cancellation=True)

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
        speak: Speaker | None = None
        try:
            entry, params = self._find(request)
            speak = entry.speak
            self._hosts.check(request, is_probe=entry.is_probe)
            handler = _handler(entry, request)
            if entry.is_probe:
                return await handler(self._gateway, request, call_id, params)
            self._door.check(self._gateway, request, entry, params)
            return await self._in_turn(handler, request, call_id, params)
        except GatewayError as error:
            self._note(request, error)
            _end_with(request, error)
            answer = (speak or _speaker(request))(error, request, call_id)
            forget(error)
        except ConnectionResetError as error:
            forget_at_the_end(request, error)
            raise  # nobody is there to read an answer
        except Exception as error:
            log.exception("unexpected", request_id=call_id)
            unexpected = GatewayError("Something went wrong in the gateway.")
            answer = (speak or _speaker(request))(unexpected, request, call_id)
            forget(error)
        if request.writer.output_size > 0:
            raise ConnectionResetError
        return answer

    def _note(self, request: web.BaseRequest, error: GatewayError) -> None:
        """Count what is told of the edge as a whole."""
        if isinstance(error, Unauthenticated):
            self._door.note(request)
        elif isinstance(error, tuple(_TURNED_AWAY)):
            self.turned_away.add(next(reason for kind, reason in _TURNED_AWAY.items() if isinstance(error, kind)))

    async def _in_turn(
        self, handler: Handler, request: web.BaseRequest, call_id: str, params: Mapping[str, str]
    ) -> web.StreamResponse:
        """Have a request answered, if not too many are; one whose body is on its way is none yet."""
        turn = _Turn(self._places)
        if request.content.is_eof():
            turn.take()
        else:
            request[ARRIVED] = turn.take
        try:
            return await handler(self._gateway, request, call_id, params)
        finally:
            turn.end()
            if (load := request.get(LOAD)) is not None:
                load.end()

    def _find(self, request: web.BaseRequest) -> tuple[Entry, Mapping[str, str]]:
        if request.version not in _VERSIONS:
            raise BadRequest("The gateway speaks HTTP/1.1 and HTTP/1.0.")
        target = request.raw_path
        if not target.startswith("/"):
            raise BadRequest("The request target must be a path.")
        raw_path = target.partition("?")[0]
        found = None if is_method(raw_path) else self._paths.find(raw_path)
        if found is None:
            raise refusal(raw_path)
        path, params = found
        return self._table[path], params


def _end_with(request: web.BaseRequest, error: GatewayError) -> None:
    """End a connection with an error that says so: what its client still sends is not taken in."""
    if "Connection" in error.headers and isinstance(request.protocol, Connection):
        request.protocol.take_no_more()


def _speaker(request: web.BaseRequest) -> Speaker:
    """Give who tells errors to a client whose path is not known."""
    return error_in(wire_of(request.raw_path))


class _Places:
    """How many requests are being answered."""

    def __init__(self, app: App) -> None:
        self.taken = 0
        self._app = app

    def check(self) -> None:
        """Refuse one more, if there are as many as may be; a call that goes on without its client is one of them."""
        gateway = self._app.gateway
        if max(self.taken, gateway.holds.count) >= gateway.config.server.max_in_flight:
            raise Overloaded("The gateway answers as many requests as it takes at a time.")


class _Turn:
    """One request's place among them, from when its body is there to its end."""

    __slots__ = ("_is_taken", "_places")

    def __init__(self, places: _Places) -> None:
        self._places = places
        self._is_taken = False

    def take(self) -> None:
        """Begin. Raises Overloaded."""
        self._places.check()
        self._places.taken += 1
        self._is_taken = True

    def end(self) -> None:
        """End, if it has begun."""
        self._places.taken -= self._is_taken


def _handler(entry: Entry, request: web.BaseRequest) -> Handler:
    if request.method not in entry.methods:
        allow = ", ".join(entry.methods)
        raise MethodNotAllowed(f"This endpoint takes {allow}.", headers={"Allow": allow})
    return entry.methods[request.method]
