"""What a process tells of itself while it serves."""

import asyncio
import time

import pytest

from gateway.app.pulse import EVERY_SECONDS
from tests.edge import Edge

pytestmark = pytest.mark.asyncio(loop_scope="module")


def sampled(edge: Edge, name: str) -> float:
    """Give a gauge of the gateway's own registry."""
    value = edge.client.app.gateway.metrics.registry.get_sample_value(name)
    assert value is not None, name
    return value


async def shown(edge: Edge, holds: int) -> None:
    """Wait until so many holds are told of."""
    while sampled(edge, "gateway_holds_open") != holds:  # noqa: ASYNC110 - the gauge knows no events
        await asyncio.sleep(EVERY_SECONDS / 5)


async def test_a_blocked_loop_shows(edge: Edge) -> None:
    """A third of a second in which nothing else ran is seen as lag."""
    async with asyncio.timeout(20):
        while sampled(edge, "gateway_loop_lag_max_seconds") < 0.1:
            time.sleep(0.3)  # noqa: ASYNC251 - the loop is blocked on purpose
            await asyncio.sleep(EVERY_SECONDS / 3)
    assert sampled(edge, "gateway_loop_lag_seconds_count") > 0


async def test_open_holds_show(edge: Edge) -> None:
    """A call in flight is one hold, and none is left once it has ended."""
    async with asyncio.timeout(20), edge.client.chat("m:tokens-3.gate-1", stream=True) as answer:
        await shown(edge, 1)
        await edge.far.open()
        await answer.read()
        await shown(edge, 0)
    assert sampled(edge, "gateway_holds_open") == 0


async def test_calls_of_the_store_show(edge: Edge) -> None:
    """Each batch that the store answered is timed, with how much it carried."""
    before = sampled(edge, "gateway_store_batch_operations_sum")
    async with edge.client.chat("m:tokens-3") as answer:
        await answer.read()
    assert await edge.client.company() is not None
    assert sampled(edge, "gateway_store_batch_operations_sum") >= before + 2
    assert sampled(edge, "gateway_store_call_duration_seconds_count") > 0
