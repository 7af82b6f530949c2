"""The request to the provider: our own encoding of the body, allow-listed headers, the provider's credential.

One kind of request is sent twice: an older server refuses a stream that asks for its usage (400, naming the field; it
has produced nothing). It is asked again without, and remembered for as long as the process lives.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from gateway.errors import BadRequest
from gateway.pipeline.admission import Admitted
from gateway.pipeline.gateway import Gateway
from gateway.upstream import Answer

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


@asynccontextmanager
async def send(gateway: Gateway, admitted: Admitted) -> AsyncIterator[Heard]:
    """Send an admitted call upstream. Raises UpstreamError."""
    name, call = admitted.route.provider.name, admitted.call
    asks_usage = name not in gateway.mute
    async with _sent(gateway, admitted, asks_usage=asks_usage) as answer:
        if not (asks_usage and call.stream and not call.wants_usage and answer.status == BadRequest.status):
            yield answer
            return
        refusal = Told(answer.status, dict(answer.headers), await answer.read(_REFUSAL_BYTES))
    if _FIELD not in refusal.body:
        yield refusal
        return
    gateway.mute.add(name)
    async with _sent(gateway, admitted, asks_usage=False) as answer:
        yield answer


@asynccontextmanager
async def _sent(gateway: Gateway, admitted: Admitted, *, asks_usage: bool) -> AsyncIterator[Answer]:
    call, route, dialect = admitted.call, admitted.route, admitted.dialect
    encode = partial(admitted.format.outgoing, call, route, cap=admitted.cap, asks_usage=asks_usage)
    outgoing = await gateway.aside.run(call.body_bytes, encode)
    traced = admitted.trace.sending(route.provider, call.endpoint.value, route.model)
    own = {"content-type": outgoing.content_type, **dialect.auth_headers(route.provider)}
    headers = {**call.headers, **traced, **own}
    asked = time.perf_counter()
    async with gateway.upstream.send(route.provider, dialect.path(call, route), outgoing.body, headers) as answer:
        admitted.timing.first_byte_ms = (time.perf_counter() - asked) * 1000
        yield answer
