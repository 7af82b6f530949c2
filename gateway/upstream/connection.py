"""One connection: a request goes out, its answer comes in, parsed by aiohttp's C parser into aiohttp's stream reader.

The one rule that matters: an answer belongs to the request before it. A connection on which anything went wrong, was
left over, or arrived that nobody asked for is closed and never used again.

aiohttp's own client costs twice what a call costs here: it serves redirects, cookies, proxies and hooks, none of which
may happen on this side. What can be got wrong (parsing, framing, back-pressure) is still its code.
"""

import asyncio

from aiohttp import ClientOSError, ClientPayloadError, ServerDisconnectedError, SocketTimeoutError, StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpResponseParser, RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError

from gateway.model import Timeouts

# Per stream, reading from the socket stops at twice this (and what one read brings): a slow reader must not fill the
# memory.
READ_BUFFER_BYTES = 4_096
# A longer body goes out in pieces, with the loop in between.
ONE_WRITE_BYTES = 262_144
# What has come to the socket is here two turns of the loop later.
ARRIVAL_TURNS = 2
_INTERIM_BELOW = 200
_SWITCHING = 101


class NotHttp(Exception):
    """What came is no HTTP answer, or one that was not asked for."""


class Overdue(SocketTimeoutError):
    """The answer goes on for longer than a call may last."""


class Connection(BaseProtocol):
    """One exchange at a time: `ask`, then the body from `payload`, then `release` or `close`."""

    __slots__ = (
        "_ends_at",
        "_head",
        "_heard_at",
        "_is_spent",
        "_is_waiting",
        "_late",
        "_limit",
        "_lost",
        "_rings_at",
        "_timeouts",
        "_timer",
        "_was_paused",
        "idle_since",
        "payload",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.payload: StreamReader | None = None
        self.idle_since = 0.0
        self._head: asyncio.Future[RawResponseMessage] | None = None
        self._late: RawResponseMessage | None = None
        self._timeouts = Timeouts()
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = self._limit = self._rings_at = self._ends_at = 0.0
        self._is_waiting = False
        self._lost: BaseException | None = None
        self._is_spent = False
        self._was_paused = False

    async def ask(self, head: bytes, body: bytes, timeouts: Timeouts, deadline: float) -> RawResponseMessage:
        """Send a request and give the head of its answer; from the last byte it has `first_byte` seconds for it.

        From now on the whole answer has `total` seconds.

        `deadline` (loop time) ends a stuck upload too. Raises what the border knows.
        """
        self._parser = HttpResponseParser(
            self,
            self._loop,
            READ_BUFFER_BYTES,
            payload_exception=ClientPayloadError,
            read_until_eof=True,
            auto_decompress=False,
        )
        self._was_paused = False
        self._timeouts, self._ends_at = timeouts, self._loop.time() + timeouts.total
        waiting: asyncio.Future[RawResponseMessage] = self._loop.create_future()
        self._head, self._late = waiting, None
        if self.transport is None:
            raise ServerDisconnectedError
        if len(body) <= ONE_WRITE_BYTES:
            self.transport.write(head + body)
        else:
            self._wait_until(deadline)
            await self._upload(head, body)
        if not waiting.done():
            self._wait_until(min(deadline, self._loop.time() + timeouts.first_byte))
        try:
            return await waiting
        except asyncio.CancelledError:
            return await self._late_head(waiting)

    async def _late_head(self, waiting: "asyncio.Future[RawResponseMessage]") -> RawResponseMessage:
        """Give the head that came in the moment in which its asker left: what stands behind it is charged.

        The asker is cancelled again, at what it waits for next; where nothing came, at once.
        """
        for _ in range(ARRIVAL_TURNS):
            await asyncio.sleep(0)
        if not waiting.cancelled() and waiting.exception() is None:
            self._late = waiting.result()
        if self._late is None:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
            task.cancel()
        return self._late

    @property
    def is_reusable(self) -> bool:
        """Whether the answer came whole and nothing else did."""
        payload, transport = self.payload, self.transport
        if self._is_spent or payload is None or transport is None or transport.is_closing():
            return False
        return payload.is_eof() and payload.exception() is None and not (self._reading_paused or self._paused)

    @property
    def is_idle(self) -> bool:
        """Whether a kept connection can still take a request."""
        return not self._is_spent and self.transport is not None and not self.transport.is_closing()

    def release(self) -> None:
        """End an exchange; what arrives from now on was not asked for."""
        self._is_waiting = False
        self._head = self.payload = self._parser = None
        self.idle_since = self._loop.time()

    def abandon(self) -> None:
        """End the connection with its exchange; what holds it from within is let go, else it would stay for a while."""
        self.close()
        self._head = self.payload = self._parser = None

    def close(self) -> None:
        """End the connection; nobody hears of it."""
        self._is_spent = True
        self._stop_the_clock()
        transport = self.transport
        if transport is not None:
            if transport.get_write_buffer_size():
                transport.abort()  # a graceful end would first send the rest of a request that nobody wants
            else:
                transport.close()

    def pause_reading(self) -> None:
        """Take nothing in for a while."""
        self._was_paused = True
        super().pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's own
        """Go on, once reading was paused (from then on the parser may hold bytes back); aiohttp asks at each piece."""
        if self._was_paused:
            super().resume_reading(resume_parser)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; empty ones ask to go on with what was held back."""
        parser = self._parser
        if parser is None:
            if data:
                self.close()
            return
        if self.payload is not None:
            self._heard_at = self._loop.time()
        try:
            messages, upgraded, _ = parser.feed_data(data)
        except HttpProcessingError as exc:
            self._fail(exc)
            return
        for message, payload in messages:
            self._take(message, payload)
        if upgraded:
            self._fail(NotHttp("an upgrade"))
        elif self.payload is not None:
            self._follow(self.payload)
        if self._lost is not None and not self._reading_paused:
            self._end(self._lost)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End: what was held back while the reader was slow is still to be parsed."""
        self._is_spent = True
        super().connection_lost(exc)
        self._lost = exc or ServerDisconnectedError()
        if not self._reading_paused:
            self._end(self._lost)

    def _take(self, message: RawResponseMessage, payload: StreamReader) -> None:
        if message.code < _INTERIM_BELOW and message.code != _SWITCHING:
            return
        head = self._head
        if head is None or self.payload is not None or (head.done() and not head.cancelled()):
            self._is_spent = True  # a second answer
            return
        self._is_spent = self._is_spent or message.should_close
        self.payload = payload
        # The head counts as the beginning of the body's silence: some send it at once and think afterwards.
        self._heard_at, self._limit = self._loop.time(), self._timeouts.first_byte
        if head.cancelled():
            self._late = message
        else:
            head.set_result(message)
        self._wake_writer()

    def _follow(self, payload: StreamReader) -> None:
        if payload.is_eof():
            self._is_waiting = False
        elif payload.total_bytes and self._limit != self._timeouts.between_bytes:
            self._limit = self._timeouts.between_bytes
            self._wait_until(self._heard_at + self._limit)

    async def _upload(self, head: bytes, body: bytes) -> None:
        assert self.transport is not None
        self.transport.write(head)
        view = memoryview(body)
        for at in range(0, len(body), ONE_WRITE_BYTES):
            if self._head is None or self._head.done() or self.transport is None:
                self._is_spent = True  # answered before all of it was sent, or lost
                return
            self.transport.write(view[at : at + ONE_WRITE_BYTES])
            await asyncio.sleep(0)
            if self._paused and not self._head.done() and self.transport is not None:
                await self._drain_helper()

    def _wake_writer(self) -> None:
        waiter, self._drain_waiter = self._drain_waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _wait_until(self, deadline: float) -> None:
        """Look at the time then; a clock that an earlier wait or exchange left running rings before, and goes on."""
        if self.payload is None:
            self._heard_at = self._loop.time()
            self._limit = deadline - self._heard_at
        self._is_waiting = True
        due = min(deadline, self._ends_at)
        if self._timer is None or due < self._rings_at:
            self._ring_at(due)

    def _ring_at(self, due: float) -> None:
        self._stop_the_clock()
        self._rings_at = due
        self._timer = self._loop.call_at(due, self._look_at_the_time)

    def _stop_the_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at_the_time(self) -> None:
        self._timer = None
        if not self._is_waiting:
            return
        now = self._loop.time()
        if self._reading_paused:
            self._heard_at = now  # the silence is ours
        due = min(self._heard_at + self._limit, self._ends_at)
        if now < due:
            self._ring_at(due)
        elif now >= self._ends_at:
            self._fail(Overdue("it goes on"))
        else:
            self._fail(SocketTimeoutError("silence"))

    def _fail(self, exc: Exception) -> None:
        self.close()
        self._tell(exc if isinstance(exc, SocketTimeoutError) else NotHttp(str(exc)), exc)

    def _end(self, exc: BaseException) -> None:
        self._stop_the_clock()
        payload = self.payload
        if payload is not None and not payload.is_eof() and isinstance(exc, ServerDisconnectedError):
            try:
                if self._parser is not None:
                    self._parser.feed_eof()  # the end of a body whose length was not told
            except HttpProcessingError as broken:
                self._tell(exc, broken)
        self._tell(ClientOSError(*exc.args) if isinstance(exc, OSError) else exc, exc)

    def _tell(self, exc: BaseException, cause: BaseException) -> None:
        """Tell who waits for the head or reads the body, unless that has come whole or has failed."""
        payload = self.payload
        if self._head is not None and not self._head.done():
            self._head.set_exception(exc)
        elif payload is not None and not payload.is_eof() and payload.exception() is None:
            is_silence = isinstance(exc, SocketTimeoutError)
            payload.set_exception(exc if is_silence else ClientPayloadError("the body was cut"), cause)
        self._wake_writer()
