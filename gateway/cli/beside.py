"""Owns reading the store from a command, beside a running gateway or without one.

The rule that matters: nothing is written and nothing is made. Where no gateway has been yet, there is nothing to read.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from gateway.budget import SlicedLedger
from gateway.budget.script import load
from gateway.config import Config
from gateway.model import Budget, Level
from gateway.store import EMBEDDED, Store, embedded, socket_url


@dataclass(frozen=True, slots=True)
class Levels:
    """Budgets' numbers at an instant of the store's clock."""

    now_ms: int
    levels: tuple[Level, ...]


@asynccontextmanager
async def store_beside(config: Config) -> AsyncIterator[Store | None]:
    """Give the store of a configuration; None where its data directory does not exist, so that nothing was ever used.

    The embedded server of a running gateway is shared; where none runs, one is started for the length of the block.
    Raises StoreRefused, StoreUnavailable.
    """
    async with AsyncExitStack() as stack:
        url = await _url(config, stack)
        if url is None:
            yield None
            return
        store = Store.connect(url)
        stack.push_async_callback(store.close)
        await store.ping()
        yield store


async def _url(config: Config, stack: AsyncExitStack) -> str | None:
    url = config.store.url.reveal()
    if url != EMBEDDED:
        return url
    directory = config.store.data_dir
    if not directory.exists():
        return None
    return socket_url(directory) or (await stack.enter_async_context(embedded(directory))).url


async def read_levels(store: Store | None, config: Config, company_id: str, budgets: Sequence[Budget]) -> Levels:
    """Read the numbers that the ledger would decide by; without a store nothing is used. Raises StoreUnavailable."""
    if store is None:
        return Levels(time.time_ns() // 1_000_000, tuple(Level(budget, budget.limit, 0, 0, None) for budget in budgets))
    ledger = SlicedLedger(store, load(), lease_seconds=config.ledger.lease_seconds)
    levels = await ledger.read(company_id, budgets)
    return Levels(ledger.now_ms(), levels)
