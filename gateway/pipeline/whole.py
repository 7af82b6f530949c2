"""An answer that comes in one piece. The exchange runs in a task of its own: it settles itself, client or no client."""

import asyncio
from collections.abc import Mapping

import msgspec

from gateway.errors import UpstreamError
from gateway.model import Provider
from gateway.pipeline import reckoning
from gateway.pipeline.admission import Admitted
from gateway.pipeline.gateway import Gateway
from gateway.pipeline.sending import Heard, Sending
from gateway.providers.headers import answer_headers

LIMIT_BYTES = 64 << 20
DETACHED_SECONDS = 120
"""How long an exchange may go on whose client has left; then it is charged for all that it holds."""

REFUSED_FROM = 400


class Reply(msgspec.Struct, frozen=True):
    """A whole answer, settled: what the client gets."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def exchange(gateway: Gateway, admitted: Admitted) -> Reply:
    """Send a call, wait for its whole answer, settle. Raises UpstreamError, settled too."""
    async with admitted.hold as hold:
        try:
            async with Sending(gateway, admitted) as answer:
                return await receive(gateway, admitted, answer)
        except UpstreamError as error:
            if not error.sent:
                hold.release()
            raise


async def receive(gateway: Gateway, admitted: Admitted, answer: Heard) -> Reply:
    """Read an answer to its end and settle it: a refusal is free, an answer is charged."""
    headers = answer_headers(answer.headers)
    if answer.status >= REFUSED_FROM:
        admitted.hold.release()
        return Reply(answer.status, headers, _scrubbed(await answer.read(LIMIT_BYTES), admitted.route.provider))
    body = await answer.read(LIMIT_BYTES)
    admitted.hold.settle(await reckoning.of_whole(gateway, admitted, body))
    return Reply(answer.status, headers, body)


def _scrubbed(body: bytes, provider: Provider) -> bytes:
    """Give a provider's words without our credential, should it repeat it."""
    secrets = [provider.api_key, *(value for _, value in provider.headers)]
    for secret in secrets:
        if secret:
            body = body.replace(secret.reveal().encode(), b"***")
    return body


async def detached(task: "asyncio.Task[Reply]") -> Reply:
    """Wait for an exchange; a client that leaves does not take it along, but it may not go on for ever."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        ending = asyncio.get_running_loop().call_later(DETACHED_SECONDS, task.cancel)
        # A timer that went on would keep the answer of each call that was left, for two minutes.
        task.add_done_callback(lambda _: ending.cancel())
        raise
