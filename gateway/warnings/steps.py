"""Steps that end well although the one who takes them is told to stop: a mark is told, a post is noted as accepted."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Steps:
    """The steps under way."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[Any]] = set()

    async def take(self, step: Coroutine[Any, Any, T]) -> T:
        """Give the step's result; a cancelled caller leaves it running."""
        task = asyncio.get_running_loop().create_task(step)
        self._open.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def end(self, timeout_seconds: float) -> None:
        """Wait for those under way, then cancel them."""
        if not self._open:
            return
        _, late = await asyncio.wait(self._open, timeout=timeout_seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._open.discard(task)
        if not task.cancelled():
            task.exception()  # the one who waits for it raises it


async def first_of(*works: Coroutine[Any, Any, Any]) -> None:
    """Have work done until the first of it ends, then cancel the rest. Raises what ended it."""
    tasks = [asyncio.get_running_loop().create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
