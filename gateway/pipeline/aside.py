"""Work that others would wait for: long work on JSON goes to a thread.

A megabyte of messages would take the event loop for 50 ms, and it belongs to all calls.

The one rule: one thread. Decoding holds the interpreter lock, so more threads would not be faster, and whoever waits
for the lock would wait for all of them.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

INLINE_BYTES = 1 << 17
"""A body of this size takes the loop 3 ms, one that was made to take long 30 ms, and a thread would take longer to hand
it over than most do. What a longer one may take is bounded where it is decoded (`gateway.providers.decoding`)."""


class Aside:
    """The thread. Make one a process."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="aside")

    async def run(self, size_bytes: int, work: Callable[[], T]) -> T:
        """Do work on so many bytes, at once or in the thread."""
        if size_bytes <= INLINE_BYTES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Take no more work; what is being done ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
