"""The request to the provider: our own encoding of the body, allow-listed headers, the provider's credential.

One kind of request is sent twice: an older server refuses a stream that asks for its usage (400, naming the field; it
has produced nothing). It is asked again without; if that helps it is remembered, for as long as the process lives.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from types import TracebackType

from gateway.errors import BadRequest
from gateway.pipeline.admission import Admitted
from gateway.pipeline.gateway import Gateway
from gateway.upstream import Answer, Exchange

_REFUSAL_BYTES = 1 << 16
_FIELD = b"stream_options"


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that has been read already."""

    status: int
    headers: dict[str, str]
    body: bytes

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body."""
        yield self.body

    async def read(self, _limit_bytes: int) -> bytes:
        """Give the body."""
        return self.body

    def buffered(self) -> bytes:
        """Give what was not read: nothing."""
        return b""


Heard = Answer | Told
"""What a provider answers."""


class Sending:
    """An admitted call on its way, as an async context manager: entering sends it and gives what the provider answers.

    Raises UpstreamError.
    """

    __slots__ = ("_admitted", "_exchange", "_gateway")

    def __init__(self, gateway: Gateway, admitted: Admitted) -> None:
        self._gateway = gateway
        self._admitted = admitted
        self._exchange: Exchange | None = None

    async def __aenter__(self) -> Heard:
        """Send, once more without asking for the usage where that was refused."""
        name, call = self._admitted.route.provider.name, self._admitted.call
        asks_usage = name not in self._gateway.mute
        answer = await self._ask(asks_usage=asks_usage)
        is_ours = asks_usage and call.stream and not call.wants_usage and not call.body.get("stream_options")
        if not (is_ours and answer.status == BadRequest.status):
            return answer
        try:
            refusal = Told(answer.status, dict(answer.headers), await answer.read(_REFUSAL_BYTES))
        finally:
            self._leave()
        if _FIELD not in refusal.body:
            return refusal
        again = await self._ask(asks_usage=False)
        if again.status < BadRequest.status:
            # Only now is it known to be the cause: a provider repeats what a client sent, these words too.
            self._gateway.mute.add(name)
        return again

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()

    async def _ask(self, *, asks_usage: bool) -> Answer:
        gateway, admitted = self._gateway, self._admitted
        call, route, dialect = admitted.call, admitted.route, admitted.dialect
        encode = partial(admitted.format.outgoing, call, route, cap=admitted.cap, asks_usage=asks_usage)
        outgoing = await gateway.aside.run(call.body_bytes, encode)
        traced = admitted.trace.sending(route.provider, call.endpoint.value, route.model)
        credential = dialect.auth_headers(route.provider)
        headers = {**call.headers, **traced, "content-type": outgoing.content_type, **credential}
        asked = time.perf_counter()
        exchange = gateway.upstream.send(route.provider, dialect.path(call, route), outgoing.body, headers)
        answer = await exchange.__aenter__()
        self._exchange = exchange
        admitted.timing.first_byte_ms = (time.perf_counter() - asked) * 1000
        return answer

    def _leave(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.leave()
