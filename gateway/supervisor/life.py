"""A gateway's life once its store and its sockets are there: workers, their configuration, and their end.

The rule that matters: no call fails because a configuration changes. Calls in flight end under the one they began with.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog

from gateway.supervisor.patience import Patience
from gateway.supervisor.pool import Pool
from gateway.supervisor.reload import Editions
from gateway.supervisor.secrets import Secrets
from gateway.supervisor.signals import Signals

log = structlog.get_logger("supervisor")


class Life:
    """From the first worker to the last."""

    def __init__(self, editions: Editions, secrets: Secrets, pool: Pool, signals: Signals, patience: Patience) -> None:
        self._editions = editions
        self._secrets = secrets
        self._pool = pool
        self._signals = signals
        self._patience = patience
        self._is_everywhere = True
        self._looking = asyncio.Lock()

    async def live(
        self, store_failed: "asyncio.Future[None]", sockets: Sequence[socket.socket], announce: Callable[[], None]
    ) -> None:
        """Keep workers until asked to end, then let them finish. Raises WorkersFailed, StoreRefused."""
        self._say_how_many()
        async with _running(self._pool.watch(), self._pool.full()) as (watched, full):
            lasting = (self._pool.keep(), self._keep_polling(), self._keep_renewing())
            async with _running(self._signals.stop.wait(), *lasting) as tasks:
                endings = {*tasks, watched, store_failed}
                await asyncio.wait({*endings, full}, return_when=asyncio.FIRST_COMPLETED)
                if full.done():
                    announce()
                    await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
                ended = [one for one in endings if one.done()]
            for listener in sockets:
                listener.close()
            log.info("draining", seconds=self._drain_seconds)
            await self._pool.end(self._signals.hurry)
        for one in ended:
            one.result()

    @property
    def _drain_seconds(self) -> float:
        return self._editions.current.config.server.drain_seconds

    def _say_how_many(self) -> None:
        self._pool.want(self._editions.current.config.server.workers, self._drain_seconds)

    async def _keep_polling(self) -> None:
        while True:
            await asyncio.sleep(self._patience.poll_seconds)
            if await self._reload():
                self._editions.warn_of_old_workers()

    async def _keep_renewing(self) -> None:
        while True:
            await self._signals.renew.wait()
            self._signals.renew.clear()
            await self._reload()
            if not self._editions.is_right:
                log.error("restart_refused", reason="the configuration is wrong")
                continue
            edition = self._editions.current
            if await self._pool.restart():
                self._editions.workers_follow(edition)
                self._is_everywhere = True
                log.info("workers_restarted", workers=edition.config.server.workers, generation=edition.generation)

    async def _reload(self) -> bool:
        """Have every worker follow the file; whether it had changed. One look at a time, be it asked or in turn."""
        async with self._looking:
            return await self._followed()

    async def _followed(self) -> bool:
        is_new = await self._editions.look()
        if is_new:
            edition = self._editions.current
            self._secrets.hide(edition.config)
            self._is_everywhere = await self._pool.reload(edition.generation, edition.content)
            self._say_how_many()
            log.info("reloaded", generation=edition.generation)
        self._pool.counted.refused(is_refused=not (self._editions.is_right and self._is_everywhere))
        return is_new


@asynccontextmanager
async def _running(*works: Coroutine[Any, Any, Any]) -> "AsyncIterator[list[asyncio.Task[Any]]]":
    """Have work done for the length of the block."""
    tasks = [asyncio.get_running_loop().create_task(work) for work in works]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
