"""`/healthz` and `/readyz`: the process lives; calls can be admitted."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.edge import Edge, edge_running
from tests.gateways import Limits
from tests.store.servers import DURABLE, VALKEY, ask, running
from tests.wire import CHAT, CHAT_TARGET, LAST, Reply, request

READY, ALIVE = b'{"status":"ready"}', b'{"status":"ok"}'


async def get(edge: Edge, target: str) -> Reply:
    """Ask without a key."""
    (reply,) = await edge.talk(request("GET", target, LAST, key=None))
    return reply


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Hold a process that this test started: it neither answers nor ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.asyncio(loop_scope="module")
async def test_health_needs_no_key_and_no_cache_keeps_it(edge: Edge) -> None:
    """A probe has no key, and must see the present."""
    for target, body in (("/healthz", ALIVE), ("/readyz", READY)):
        reply = await get(edge, target)
        assert (reply.status, reply.body, reply.headers["Cache-Control"]) == (200, body, "no-store")


async def test_a_store_that_is_away_makes_the_gateway_unready(far_address: tuple[int, int], tmp_path: Path) -> None:
    """503 that says to come back (never a 429), nothing is forwarded, the process lives on; then all is well again."""
    with running(VALKEY, *DURABLE) as url:
        info = await ask(url, "INFO", "server")
        pid = int(info["process_id"])
        async with edge_running(url, far_address, tmp_path, Limits()) as edge:
            assert (await get(edge, "/readyz")).status == 200
            with stopped(pid):
                for data in (request("GET", "/readyz", LAST), request("POST", CHAT_TARGET, LAST, body=CHAT)):
                    (reply,) = await edge.talk(data)
                    assert (reply.status, reply.error["code"]) == (503, "store_unavailable")
                    assert reply.headers["Retry-After"] == "1"
                assert (await get(edge, "/healthz")).body == ALIVE
                assert await edge.far.log() == []
            while (await get(edge, "/readyz")).status != 200:
                pass  # a server that goes on has old commands to answer first
            (reply,) = await edge.talk(request("POST", CHAT_TARGET, LAST, body=CHAT))
            assert reply.status == 200
            assert await edge.client.company() == (9 + 12, 0)  # the refused call left nothing behind
