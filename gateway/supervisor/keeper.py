"""The store, for as long as the gateway lives: an embedded one is started, and started again when it dies.

The rule that matters: the data directory stays ours in between, and the socket where it is. What the server answered is
on the disk (`appendfsync always`), so workers answer 503 while it is away and go on when it is back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from gateway.config import StoreConfig
from gateway.errors import StoreRefused
from gateway.store import EMBEDDED, Store, check, claimed, open_store, server_on
from gateway.store.directory import Claim
from gateway.store.tending import tended
from gateway.supervisor.patience import Deaths, Patience

log = structlog.get_logger("supervisor")


class KeptStore:
    """`url` is for the workers, `store` for the supervisor; `failed` ends with StoreRefused when it cannot be kept."""

    def __init__(self, url: str, store: Store, failed: "asyncio.Future[None]") -> None:
        self.url = url
        self.store = store
        self.failed = failed


@asynccontextmanager
async def kept_store(settings: StoreConfig, patience: Patience) -> AsyncIterator[KeptStore]:
    """Give a store that the gateway may start on. Raises StoreRefused, StoreUnavailable."""
    url = settings.url.reveal()
    if url != EMBEDDED:
        opened = open_store(url, settings.data_dir, allow_volatile=settings.allow_volatile)
        async with opened as store, tended(store):
            yield KeptStore(url, store, asyncio.get_running_loop().create_future())
        return
    async with claimed(settings.data_dir) as claim:
        up = asyncio.Event()
        keeping = asyncio.get_running_loop().create_task(_keep(claim, up, patience))
        store = Store.connect(claim.url)
        try:
            await _first(up, keeping)
            await check(store, allow_volatile=settings.allow_volatile)
            async with tended(store):
                yield KeptStore(claim.url, store, keeping)
        finally:
            await store.close()
            keeping.cancel()
            with suppress(asyncio.CancelledError, StoreRefused):
                await keeping


async def _first(up: asyncio.Event, keeping: "asyncio.Task[None]") -> None:
    """Wait until the server is there. Raises what ended it."""
    waiting = asyncio.get_running_loop().create_task(up.wait())
    await asyncio.wait({waiting, keeping}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if keeping.done():
        await keeping


async def _keep(claim: Claim, up: asyncio.Event, patience: Patience) -> None:
    """Run one server after the other. Raises StoreRefused: the first did not start, or too many died early."""
    clock = asyncio.get_running_loop().time
    deaths = Deaths(patience)
    while not deaths.are_too_many:
        await asyncio.sleep(deaths.pause_seconds)
        started = clock()
        try:
            async with server_on(claim) as server:
                if up.is_set():
                    log.info("store_server_restarted")
                up.set()
                await server.died.wait()
        except StoreRefused as exc:
            if not up.is_set():
                raise
            log.error("store_server_not_restarted", reason=str(exc))  # noqa: TRY400 - the reason is all there is
        deaths.add(clock() - started, clock())
    raise StoreRefused(f"The embedded store ends as soon as it is started; its log is in {claim.directory}.")
