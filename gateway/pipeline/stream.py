"""An answer that flows: each chunk leaves before the next arrives, and the hold grows before it is used up.

The charge is in the store before the frame that ends the answer is passed on; a client that leaves is charged for the
prompt and for what had arrived.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from typing import Any

from aiohttp import web

from gateway import NAME
from gateway.errors import GatewayError, UpstreamError, forget, ignoring
from gateway.model import OnDisconnect
from gateway.pipeline import reckoning
from gateway.pipeline.admission import Admitted
from gateway.pipeline.gateway import Gateway
from gateway.pipeline.growth import Growth
from gateway.pipeline.sending import Heard, Sending
from gateway.pipeline.whole import REFUSED_FROM, Reply, receive
from gateway.providers.headers import answer_headers

DRAIN_SECONDS = 120
"""How long a stream may be read on after its client has left, where the provider's `on_disconnect` is `drain`."""

CATCH_UP_TURNS = 64
"""How often to look for what has arrived for a stream that ends early: a buffer full each, all that a socket holds."""

BITE_BYTES = 1 << 14
"""A burst is metered in pieces of a millisecond's work, with other calls in between."""

LEAST_BITE_BYTES = 1 << 9
BYTES_PER_TOKEN = 64
"""Near the end of a hold pieces are smaller: no stream spends as little on a token, so none runs far past its hold."""

REUSE_SECONDS = 0.1
"""How long an upstream may take to close an answer that has ended, for its connection to be used again."""

LAST_SECONDS = 1.0
"""How long a client may keep each write waiting once its call has lasted `timeouts.total`."""

_OURS = {"Server": NAME, "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class Relay:
    """One stream from its provider to its client. `outcome` is how it ended, in a word."""

    def __init__(self, gateway: Gateway, admitted: Admitted, request: web.BaseRequest) -> None:
        self.outcome = "ok"
        self._gateway = gateway
        self._admitted = admitted
        self._request = request
        self._hold = admitted.hold
        self._meter = admitted.format.meter(admitted.call)
        self._growth = Growth(gateway, admitted, self._meter)
        self._response: web.StreamResponse | None = None
        self._direct: asyncio.WriteTransport | None = None
        self._is_whole = False
        self._rest = b""
        self._settling: asyncio.Task[None] | None = None
        self._ends_at = asyncio.get_running_loop().time() + admitted.route.provider.timeouts.total

    async def run(self, headers: Mapping[str, str]) -> web.StreamResponse | Reply:
        """Relay the stream; a Reply where the provider answered in one piece.

        Raises UpstreamError before the first byte; CancelledError or ConnectionResetError, after everything is settled,
        when the client has left.
        """
        async with self._hold:
            try:
                return await self._exchange(headers)
            except UpstreamError as error:
                if not error.sent:
                    self._hold.release()
                await self._settle()
                if self._response is None:
                    raise
                ended = await self._end_with(error)
                forget(error)
                return ended
            except (asyncio.CancelledError, ConnectionResetError):
                self.outcome = "client_left"
                await self._settle()
                raise

    async def _exchange(self, headers: Mapping[str, str]) -> web.StreamResponse | Reply:
        try:
            async with Sending(self._gateway, self._admitted) as answer:
                if answer.status >= REFUSED_FROM or not self._is_stream(answer):
                    return await self._receive(answer)
                cut = await self._flow(answer, headers)
            # The provider has stopped: what it said while the charge is on its way would be charged to nobody.
            return await self._ended(cut)
        except asyncio.CancelledError:
            # Left before the provider answered: it stops, and the prompt is charged. One that bills on: all of it.
            if self._response is None and self._admitted.route.provider.on_disconnect is OnDisconnect.DRAIN:
                self._hold.settle(self._hold.all_of_it())
            raise

    def _is_stream(self, answer: Heard) -> bool:
        return self._admitted.format.is_stream(answer.headers.get("Content-Type", "").lower())

    async def _receive(self, answer: Heard) -> Reply:
        """Take an answer in one piece; where it does not arrive as one, the hold is charged."""
        try:
            return await receive(self._gateway, self._admitted, answer)
        finally:
            self._hold.settle(self._hold.all_of_it())

    async def _flow(self, answer: Heard, headers: Mapping[str, str]) -> GatewayError | None:
        """Pass a stream to its end, settled before its last frame; gives the error that cuts it, not told yet."""
        fields = {**answer_headers(answer.headers), **_OURS, **headers}
        self._response = web.StreamResponse(status=answer.status, headers=fields)
        try:
            await self._response.prepare(self._request)
            cut = await self._pump(answer)
        except (asyncio.CancelledError, ConnectionResetError):
            await self._undisturbed(self._read_on(answer))
            raise
        if cut is not None:
            await self._catch_up(answer)
            return cut
        rest = self._finish()
        await self._settle()
        await self._write(self._meter.last or rest)
        await self._response.write_eof()
        await _read_out(answer)
        return None

    async def _ended(self, cut: GatewayError | None) -> web.StreamResponse:
        assert self._response is not None
        if cut is None:
            return self._response
        await self._settle()
        return await self._end_with(cut)

    async def _pump(self, answer: Heard) -> GatewayError | None:
        """Pass chunks until the answer ends; gives the error that cuts it."""
        meter, growth = self._meter, self._growth
        async for chunk in answer.chunks():
            piece, self._rest = (chunk, b"") if len(chunk) <= LEAST_BITE_BYTES else self._bitten(chunk)
            while piece:
                passed = meter.feed(piece)
                if passed and not self._is_written(passed):
                    await self._write(passed)
                if meter.ended:
                    return None
                if growth.is_due:
                    cut = await growth.advance()
                    if cut is not None:
                        return cut
                if self._rest:
                    await asyncio.sleep(0)
                piece, self._rest = self._bitten(self._rest)
        return None

    def _bitten(self, data: bytes) -> tuple[bytes, bytes]:
        """Cut off what may be metered in one go."""
        most = min(BITE_BYTES, max(LEAST_BITE_BYTES, self._growth.room_tokens * BYTES_PER_TOKEN))
        return (data, b"") if len(data) <= most else (data[:most], data[most:])

    def _is_written(self, data: bytes) -> bool:
        """Write to a client that takes all it gets, framed as a chunk (RFC 9112 section 7.1); say whether it was done.

        aiohttp does the same by way of seven calls; what has begun through it and is chunked can go on without it.
        """
        transport = self._direct
        if transport is None or transport.is_closing() or transport.get_write_buffer_size():
            return False
        transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        return True

    async def _write(self, data: bytes) -> None:
        """Write to the client. One that takes nothing for `stall_seconds` has left: it would keep its hold for ever.

        So has one that is behind when the call has lasted its time: who reads a little now and then would keep it too.
        """
        response, transport = self._response, self._request.transport
        assert response is not None
        if transport is None or transport.get_write_buffer_size() == 0:
            await response.write(data)
            if data and transport is not None and response.headers.get("Transfer-Encoding") == "chunked":
                self._direct = transport
            return
        try:
            left_seconds = max(LAST_SECONDS, self._ends_at - asyncio.get_running_loop().time())
            async with asyncio.timeout(min(self._gateway.config.server.stall_seconds, left_seconds)):
                await response.write(data)
                await self._request.writer.drain()  # aiohttp waits once in 64 KiB
        except TimeoutError as exc:
            transport.abort()
            raise ConnectionResetError("the client does not read") from exc

    def _arrived(self, answer: Heard) -> bytes:
        """Give what has come and was not metered."""
        arrived, self._rest = self._rest + answer.buffered(), b""
        return arrived

    async def _undisturbed(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what its own end bounds: a client that was found to have left may cancel us once more when it is gone."""
        task = self._gateway.tasks.spawn(work, name=f"rest of {self._admitted.call.id}")
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})

    async def _read_on(self, answer: Heard) -> None:
        """Read what the provider has produced for a client that has left; or to the end, where the provider says so."""
        if self._admitted.route.provider.on_disconnect is OnDisconnect.DRAIN:
            await self._drain(answer)
        else:
            await self._catch_up(answer)

    async def _catch_up(self, answer: Heard) -> None:
        """Meter what has arrived: in bites and in turn, as a thousand may be left or cut at once."""
        try:
            async with self._gateway.turns.places:
                await self._gateway.turns.take(0)
                await self._catch_up_now(answer)
        finally:
            if not self._meter.ended:
                self._meter.feed(self._arrived(answer))

    async def _catch_up_now(self, answer: Heard) -> None:
        for _ in range(CATCH_UP_TURNS):
            await self._meter_rest()
            if self._meter.ended:
                self._finish()
                return
            # What has arrived at the socket is in the buffer two turns of the loop later.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self._rest = self._arrived(answer)
            if not self._rest:
                return

    async def _meter_rest(self) -> None:
        while self._rest and not self._meter.ended:
            await self._gateway.turns.take(min(len(self._rest), BITE_BYTES))
            piece, self._rest = self._rest[:BITE_BYTES], self._rest[BITE_BYTES:]
            self._meter.feed(piece)

    async def _drain(self, answer: Heard) -> None:
        self._meter.feed(self._arrived(answer))
        chunks = answer.chunks()
        with ignoring(TimeoutError, UpstreamError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self._meter.ended and (chunk := await anext(chunks, b"")):
                    self._meter.feed(chunk)
                self._finish()

    def _finish(self) -> bytes:
        """Note that the stream came to its end; gives the bytes that were held back."""
        self._is_whole = not self._meter.error_seen
        if self._meter.error_seen:
            self.outcome = "upstream_error"
        return self._meter.finish()

    async def _settle(self) -> None:
        """Settle, once, in a task that nobody can cancel, and wait for it."""
        if self._settling is None:
            self._settling = self._gateway.tasks.spawn(self._settled(), name=f"settle {self._admitted.call.id}")
        await asyncio.shield(self._settling)

    async def _settled(self) -> None:
        if not self._hold.is_closed:
            usage = await reckoning.of_stream(
                self._gateway, self._admitted, self._meter, self._growth.counted_tokens, whole=self._is_whole
            )
            self._hold.settle(usage)
        await self._hold.closed()

    async def _end_with(self, error: GatewayError) -> web.StreamResponse:
        """End a stream that has begun with an error the client's SDK raises; one without words for it breaks off."""
        self.outcome = error.code or error.type
        call, wire_format, response = self._admitted.call, self._admitted.format, self._response
        assert response is not None
        is_cut = not isinstance(error, UpstreamError)
        ending = wire_format.cut_frame(call, self._meter.template) if is_cut else b""
        told = self._meter.closing(ending + wire_format.error_event(call, error))
        if told:
            await self._write(told)
            await response.write_eof()
        elif self._request.transport is not None:
            self._request.transport.close()  # before the body's end is written: so the client sees that more was due
        return response


async def _read_out(answer: Heard) -> None:
    """Read the end of an answer that has ended, so that its connection can be used again."""
    with ignoring(TimeoutError, UpstreamError):
        async with asyncio.timeout(REUSE_SECONDS):
            await answer.read(1 << 16)
