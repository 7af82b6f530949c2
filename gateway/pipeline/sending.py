"""The request to the provider: our own encoding of the body, allow-listed headers, the provider's credential."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from gateway.pipeline.admission import Admitted
from gateway.pipeline.gateway import Gateway
from gateway.upstream import Answer


@asynccontextmanager
async def send(gateway: Gateway, admitted: Admitted) -> AsyncIterator[Answer]:
    """Send an admitted call upstream. Raises UpstreamError."""
    call, route, dialect = admitted.call, admitted.route, admitted.dialect
    body = await gateway.aside.run(call.body_bytes, partial(dialect.outgoing, call, route, cap=admitted.cap))
    headers = {**call.headers, **dialect.auth_headers(route.provider)}
    async with gateway.upstream.send(route.provider, dialect.path(call.endpoint), body, headers) as answer:
        yield answer
