"""What may wait while others wait for the loop: so much of it in each turn, first come, first served.

The one rule: what a crowd leaves behind costs each turn of the loop a few milliseconds, and no less is done in it. One
after the other, each that waits for some turns of its own, a late loop would be outrun by those that come: and each of
them keeps its connection, its buffers and its hold.
"""

import asyncio
from collections import deque

TURN_BYTES = 1 << 14
"""What is metered in a turn: a millisecond where it is text."""

LEAST_BYTES = 1 << 11
"""A piece counts as so much at least: to read on, count tokens and charge takes as long. So eight end in a turn."""


AT_ONCE = 8
"""So many have more of their answers come in: each takes 8 KiB of a turn from its socket, and keeps up to 128 KiB."""


class Turns:
    """Hands out `TURN_BYTES` of work in each turn of the loop; `places` are those that have begun."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(AT_ONCE)
        self._left_bytes = TURN_BYTES
        self._is_counting = False
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    async def take(self, size_bytes: int) -> None:
        """Wait until work on so many bytes may be done in this turn; the last piece of a turn may go beyond it."""
        cost, loop = max(LEAST_BYTES, size_bytes), asyncio.get_running_loop()
        if not self._waiting and self._left_bytes > 0:
            self._left_bytes -= cost
            self._count(loop)
            return
        waiter = loop.create_future()
        self._waiting.append((waiter, cost))
        self._count(loop)
        await waiter

    def _count(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have a turn begin: the next one, while there is anything to wait for."""
        if not self._is_counting:
            self._is_counting = True
            loop.call_soon(self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_counting, self._left_bytes = False, TURN_BYTES
        while self._waiting and self._left_bytes > 0:
            waiter, cost = self._waiting.popleft()
            if not waiter.done():  # whoever waited may be gone
                waiter.set_result(None)
                self._left_bytes -= cost
        if self._waiting or self._left_bytes < TURN_BYTES:
            self._count(loop)
