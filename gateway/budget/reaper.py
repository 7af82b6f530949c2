"""The reaper: walks the shards' names and has expired leases charged, so that a dead gateway leaves no hold behind."""

import asyncio

import structlog

from gateway.budget import keys
from gateway.budget.batch import LedgerFault
from gateway.budget.ledger import Ledger
from gateway.errors import StoreUnavailable
from gateway.store.connection import CommandRefused, Store
from gateway.store.part import Part

log = structlog.get_logger("reaper")


async def sweep(ledger: Ledger, store: Store) -> int:
    """Reap every shard empty, by the store's clock; gives how many leases had expired.

    A part of the store that is away is told in the log, and keeps no other part's leases from ending.
    """
    return sum(await asyncio.gather(*(_swept(ledger, store, part) for part in store.parts())))


async def _swept(ledger: Ledger, store: Store, part: Part) -> int:
    total = 0
    try:
        now_ms = await store.clock_ms(part)  # only a hint: the script reaps by the server's own
        names = store.shards_of(part)
        waiting = await store.pipeline([("ZCOUNT", prefix + keys.DEADLINES, "-inf", now_ms) for prefix in names])
        for prefix, count in zip(names, waiting, strict=True):
            total += await _emptied(ledger, prefix) if count else 0
    except (StoreUnavailable, CommandRefused) as exc:
        log.warning("sweep_failed", part=part.name, reason=str(exc))
    return total


async def _emptied(ledger: Ledger, prefix: str) -> int:
    total = 0
    try:
        while count := await ledger.reap(prefix):
            total += count
    except LedgerFault as exc:  # one lease that cannot be read must not keep the other shards' from ending
        log.error("lease_not_reaped", shard=prefix, reason=str(exc))  # noqa: TRY400 - the reason is all there is
    return total


async def keep_sweeping(ledger: Ledger, store: Store, every_seconds: float) -> None:
    """Sweep for ever; what is away is tried again at the next turn."""
    while True:
        await asyncio.sleep(every_seconds)
        if count := await sweep(ledger, store):
            log.info("leases_expired", count=count)
