"""Heartbeats of many holds: all are kept alive, and no call waits for all of them."""

import asyncio

from gateway.budget import Ledger
from gateway.model import Tariff, Weights
from gateway.pipeline.hold import BEATS_AT_ONCE, Hold, Holds
from gateway.store.connection import Store
from tests.budget.clock import Clock, stoppable
from tests.budget.orders import NO_ROLLUP, SHARD, budget, hold

MANY = 5 * BEATS_AT_ONCE + 1
LEASE_MS = 60_000
BUDGET = budget(1000)


async def deadlines(store: Store) -> dict[str, int]:
    """Give each call's, in ms, in the order that the store has them in."""
    found = await store.execute("ZRANGE", f"{SHARD}D", 0, -1, "WITHSCORES")
    return {call.decode(): int(score) for call, score in zip(found[::2], found[1::2], strict=True)}


async def test_a_call_waits_for_a_few_heartbeats_only(valkey_store: Store) -> None:
    """The store gets a few at once, and a call that comes meanwhile is admitted before the last ones beat."""
    clock, sizes, began, done = Clock(valkey_store), list[int](), asyncio.Event(), asyncio.Event()
    await clock.move_to(clock.now_ms)

    def on_batch(_seconds: float, operations: int) -> None:
        sizes.append(operations)
        began.set()
        if sum(sizes) > MANY:  # the call is one, too
            done.set()

    ledger = Ledger(valkey_store, stoppable(), lease_seconds=LEASE_MS // 1000, clock=clock.local, on_batch=on_batch)
    holds = Holds(ledger, every_seconds=0.01)
    for number in range(MANY):
        holds.add(Hold(holds, await hold(ledger, f"call-{number}", BUDGET), Tariff(Weights()), 0, lambda *_: NO_ROLLUP))
    sizes.clear()
    began.clear()
    done.clear()
    await clock.advance(LEASE_MS // 3)
    beating = asyncio.ensure_future(holds.keep_beating())
    await began.wait()
    await hold(ledger, "new", BUDGET)
    assert len(sizes) < MANY // BEATS_AT_ONCE
    await done.wait()
    beating.cancel()
    assert max(sizes) <= BEATS_AT_ONCE + 1
    found = await deadlines(valkey_store)
    assert len(found) == MANY + 1
    assert set(found.values()) == {clock.now_ms + LEASE_MS}
