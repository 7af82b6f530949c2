"""The reaper: walks the shards' names and has expired leases charged, so that a dead gateway leaves no hold behind."""

import asyncio

import structlog

from gateway.budget import keys
from gateway.budget.batch import LedgerFault
from gateway.budget.ledger import Ledger
from gateway.errors import StoreUnavailable
from gateway.store.connection import Store
from gateway.store.shards import prefixes

log = structlog.get_logger("reaper")


async def sweep(ledger: Ledger, store: Store) -> int:
    """Reap every shard empty, by the store's clock; gives how many leases had expired."""
    clocks = await store.on_every_node("TIME")  # the latest is only a hint: each server reaps by its own
    now_ms = max(int(seconds) * 1000 + int(microseconds) // 1000 for seconds, microseconds in clocks)
    names = prefixes()
    waiting = await store.pipeline([("ZCOUNT", prefix + keys.DEADLINES, "-inf", now_ms) for prefix in names])
    reaped = [await _emptied(ledger, prefix) for prefix, count in zip(names, waiting, strict=True) if count]
    return sum(reaped)


async def _emptied(ledger: Ledger, prefix: str) -> int:
    total = 0
    try:
        while count := await ledger.reap(prefix):
            total += count
    except LedgerFault as exc:  # one lease that cannot be read must not keep the other shards' from ending
        log.error("lease_not_reaped", shard=prefix, reason=str(exc))  # noqa: TRY400 - the reason is all there is
    return total


async def keep_sweeping(ledger: Ledger, store: Store, every_seconds: float) -> None:
    """Sweep for ever; a store that is away is tried again at the next turn."""
    while True:
        await asyncio.sleep(every_seconds)
        try:
            count = await sweep(ledger, store)
        except StoreUnavailable as exc:
            log.warning("sweep_failed", reason=exc.message)
        else:
            if count:
                log.info("leases_expired", count=count)
