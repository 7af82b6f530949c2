"""A ledger whose store's clock stands still until a test moves it."""

import json

from gateway.budget import script
from gateway.budget.ledger import Ledger
from gateway.store.address import Layout
from gateway.store.connection import Script, Store
from gateway.store.shards import prefixes

_TIME = "redis.call('TIME')"
START_MS = 1_764_547_200_000  # 2025-12-01T00:00:00Z, a Monday


def stoppable(*, in_cluster: bool = False) -> Script:
    """Give the ledger's script reading its time from the key `clock`; in a cluster, each shard has its own."""
    text = script.load().text
    assert text.count(_TIME) == 1
    tag = "string.match(KEYS[1], '^{q%d+}:') .. " if in_cluster else ""
    return Script(text.replace(_TIME, f"cjson.decode(redis.call('GET', {tag}'clock'))"))


class Clock:
    """The store's time, and a gateway clock that may be wrong by `skew_ms`."""

    def __init__(self, store: Store, now_ms: int = START_MS) -> None:
        self.store = store
        self.now_ms = now_ms
        self.skew_ms = 0

    async def move_to(self, now_ms: int) -> None:
        self.now_ms = now_ms
        names = [f"{shard}clock" for shard in prefixes()] if is_cluster(self.store) else ["clock"]
        time = json.dumps([now_ms // 1000, now_ms % 1000 * 1000])
        await self.store.pipeline([("SET", name, time) for name in names])

    async def advance(self, by_ms: int) -> None:
        await self.move_to(self.now_ms + by_ms)

    def local(self) -> float:
        return (self.now_ms + self.skew_ms) / 1000


def is_cluster(store: Store) -> bool:
    """Whether keys of different shards live on different servers."""
    return store.layout is Layout.CLUSTER


async def ledger_at(store: Store, now_ms: int = START_MS, *, lease_seconds: int = 60) -> tuple[Ledger, Clock]:
    """Give a ledger and the clock it lives by."""
    clock = Clock(store, now_ms)
    await clock.move_to(now_ms)
    return Ledger(store, stoppable(in_cluster=is_cluster(store)), lease_seconds=lease_seconds, clock=clock.local), clock
