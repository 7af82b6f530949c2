"""Owns the search for servers, of a set (sentinel.py) or of a cluster (cluster.py): one task, as long as it is needed.

The rule that matters: what was not sent yet waits for one round of the search, no longer, and fails with its failure.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from gateway.errors import StoreUnavailable
from gateway.store.border import unavailable
from gateway.store.link import Sent

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 0.5
"""Between two rounds, twice as long each time: how soon a failover is seen, how often servers are asked meanwhile."""


class Seeker(ABC):
    """Looks for servers in rounds, until all is well."""

    def __init__(self) -> None:
        self._queued: list[Sent] = []
        self._task: asyncio.Task[None] | None = None
        self._round: asyncio.Future[None] | None = None
        self._wanted = asyncio.Event()
        self._is_closed = False
        self._failure: BaseException | None = None
        self._leaving: set[asyncio.Task[Any]] = set()

    @abstractmethod
    async def look(self) -> None:
        """Search once; raises nothing."""

    @abstractmethod
    async def is_well(self) -> bool:
        """Whether nothing has to be searched any more."""

    @abstractmethod
    def is_sent(self, sent: Sent) -> bool:
        """Send it if it is known whereto."""

    def send(self, sent: Sent) -> None:
        """Send it now, or after a round of the search."""
        if not self.is_sent(sent):
            self._queued.append(sent)
            self.seek()

    def seek(self) -> None:
        """See to it that a round begins from now on."""
        self._wanted.set()
        if self._is_closed:
            self._flush()
        elif self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._seek())

    async def sought(self) -> None:
        """Return when a round has ended."""
        self.seek()
        if self._round is None and not self._is_closed:
            self._round = asyncio.get_running_loop().create_future()
        if self._round is not None:
            await asyncio.shield(self._round)

    def lost(self, words: str) -> StoreUnavailable:
        """Give the error of a search that found nothing, with what came in its way as its cause."""
        failure = unavailable(words)
        failure.__cause__ = self._failure
        return failure

    def leave(self, closing: Coroutine[Any, Any, None]) -> None:
        """Let a server's connections end in their own time."""
        self.behind(asyncio.get_running_loop().create_task(closing))

    def behind(self, *tasks: asyncio.Task[Any]) -> None:
        """Let tasks end that nobody waits for."""
        for task in tasks:
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def end(self) -> None:
        """Search no more; what waits fails."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._flush()
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _seek(self) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        try:
            while self._wanted.is_set() or not await self.is_well() or self._wanted.is_set():
                self._wanted.clear()
                await self.look()
                self._flush()
                await self._pause(pause_seconds)
                pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        finally:
            self._task = None
            self._flush()

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or, after the shortest pause, until another round is wanted."""
        await asyncio.sleep(_FIRST_PAUSE_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds - _FIRST_PAUSE_SECONDS):
                await self._wanted.wait()

    def _flush(self) -> None:
        queued, self._queued = self._queued, []
        for sent in queued:
            if (self._is_closed or not self.is_sent(sent)) and not sent.reply.done():
                sent.reply.set_exception(unavailable("no server of it can be found"))
        if self._round is not None:
            self._round.set_result(None)
            self._round = None
