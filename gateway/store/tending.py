"""Looking after the breakers of a store, each part by itself: one that is open is probed, one that is back recovers.

The rule that matters: the order. A probe that is answered, then `recover` (what this process knows is brought there),
and only then is the breaker closed, so that calls are admitted. Whatever ends a part's care, it begins again.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from gateway.errors import StoreUnavailable
from gateway.store.border import CommandRefused, StoreFull
from gateway.store.breaker import State
from gateway.store.connection import Store
from gateway.store.part import Part

log = structlog.get_logger("store")

LOOK_SECONDS = 1.0
"""How often a part that is well is asked, so that an outage is seen where nobody calls."""
PROBE_SECONDS = 0.5
JITTER = 0.25
AWAY = (StoreUnavailable, CommandRefused)
"""A server that does not understand us is of no more use than none."""

Care = Callable[[Part], Awaitable[None]]
"""What is done for a part. Raises StoreUnavailable or CommandRefused where that fails."""


async def nothing(_part: Part) -> None:
    """Do nothing for a part."""


class Tending:
    """Arms the breakers of a store. `recover` is done before a breaker closes, `look_after` each second afterwards."""

    def __init__(self, store: Store, recover: Care = nothing, look_after: Care = nothing) -> None:
        self._store = store
        self._recover = recover
        self._look_after = look_after
        self._tasks: dict[Part, asyncio.Task[None]] = {}
        self._epochs: dict[Part, str] = {}
        store.arm()
        store.on_new_epoch.append(self._meet)

    async def run(self) -> None:
        """Do it for ever."""
        try:
            while True:
                self._store.changed.clear()
                self._follow_parts()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._store.changed.wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            self._tasks.clear()

    def _follow_parts(self) -> None:
        """Have every part of now tended, and no other."""
        parts = self._store.parts()
        for part in self._tasks.keys() - set(parts):
            self._tasks.pop(part).cancel()
            self._epochs.pop(part, None)
            part.breaker.close()  # nothing lives there: who waits for it looks where its keys are now
        for part in parts:
            task = self._tasks.get(part)
            if task is not None and task.done():
                _tell_of_end(part, task)
            if task is None or task.done():
                self._tasks[part] = asyncio.get_running_loop().create_task(self._tend(part))

    def _meet(self, _epoch: str) -> None:
        """Meet other memories of parts, before anything is asked of them; the first of all has nothing to forget."""
        for part in self._store.parts():
            known = self._epochs.get(part, "")
            if known and part.epoch != known and part.breaker.is_closed:
                part.breaker.recover()
            self._epochs[part] = part.epoch

    async def _tend(self, part: Part) -> None:
        breaker = part.breaker
        while True:
            match breaker.state:
                case State.CLOSED:
                    await self._look(part)
                case State.RECOVERING:
                    await self._recovered(part)
                case State.OPEN:
                    pause = PROBE_SECONDS * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
                    await asyncio.sleep(pause)
                    await self._probe(part)

    async def _look(self, part: Part) -> None:
        """Wait for a disturbance; after a second without one, ask."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await part.breaker.disturbed.wait()
                return
        try:
            await self._asked(part)
            await self._look_after(part)
        except AWAY as error:
            log.warning("store_away", part=part.name, reason=str(error))

    async def _probe(self, part: Part) -> None:
        try:
            await self._asked(part)
        except AWAY:
            return
        part.breaker.recover()

    async def _recovered(self, part: Part) -> None:
        try:
            await self._asked(part)
            await self._store.meet(part)
            epoch = part.epoch
            await self._recover(part)
        except AWAY as error:
            part.breaker.trip()
            log.warning("store_away", part=part.name, reason=str(error))
            return
        if part.epoch == epoch and not part.breaker.is_open:
            part.breaker.close()

    async def _asked(self, part: Part) -> None:
        with suppress(StoreFull):  # it is there, and takes what ends
            await self._store.probe(part)


def _tell_of_end(part: Part, task: asyncio.Task[None]) -> None:
    """Tell of a defect that ended a part's care, which begins again; not in the middle of bringing it everything."""
    error = None if task.cancelled() else task.exception()
    log.error("store_care_failed", part=part.name, exc_info=error)
    if part.breaker.state is State.RECOVERING:
        part.breaker.trip()


@asynccontextmanager
async def tended(store: Store) -> AsyncIterator[None]:
    """Tend a store for the length of the block, by one who has nothing to bring it."""
    task = asyncio.get_running_loop().create_task(Tending(store).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
