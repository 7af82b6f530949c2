"""The breaker: whether the store may be asked. Closed, it is; open, it is not, and who asks fails at once.

The rule that matters: after an outage, and where the store's memory is another one, nothing new is admitted before
what this process knows has been brought there (`recovering`): then only operations of calls that are in flight pass.
"""

import asyncio
import time
from collections.abc import Callable
from enum import IntEnum

MOST_FAILURES = 3
SAME_FAILURE_SECONDS = 0.05
"""Batches that fail together failed of the same."""


class State(IntEnum):
    """As the metric tells it."""

    CLOSED = 0
    RECOVERING = 1
    OPEN = 2


class Breaker:
    """Opens after three failures in a row. One that is not `armed` never opens: nobody would close it.

    Armed, it begins as `recovering`: what an earlier process left behind comes first.
    """

    def __init__(self, *, armed: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.disturbed = asyncio.Event()
        self._armed = armed
        self._clock = clock
        self._state = State.RECOVERING if armed else State.CLOSED
        self._changed = asyncio.Event()
        self._failures = 0
        self._counted_at = -SAME_FAILURE_SECONDS

    @property
    def state(self) -> State:
        """What it is."""
        return self._state

    @property
    def is_open(self) -> bool:
        """Whether nothing may be asked."""
        return self._state is State.OPEN

    @property
    def is_closed(self) -> bool:
        """Whether calls may be admitted."""
        return self._state is State.CLOSED

    def failed(self) -> None:
        """Count a failure; while recovering, one is enough."""
        if not self._armed or self._state is State.OPEN:
            return
        now = self._clock()
        if now - self._counted_at >= SAME_FAILURE_SECONDS:
            self._failures += 1
            self._counted_at = now
        if self._failures >= MOST_FAILURES or self._state is State.RECOVERING:
            self.trip()

    def answered(self) -> None:
        """Note that the store answered."""
        self._failures = 0

    def trip(self) -> None:
        """Open."""
        self._become(State.OPEN)

    def recover(self) -> None:
        """Let operations of calls in flight pass; nothing is admitted until `close`."""
        if self._armed:
            self._become(State.RECOVERING)

    def close(self) -> None:
        """Let everything pass."""
        self._failures = 0
        self._become(State.CLOSED)

    async def recovered(self, timeout_seconds: float) -> None:
        """Return when it is not recovering, at the latest after so long."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        while self._state is State.RECOVERING and (left_seconds := deadline - loop.time()) > 0:
            try:
                async with asyncio.timeout(left_seconds):
                    await self._changed.wait()
            except TimeoutError:
                return

    def _become(self, state: State) -> None:
        self._state = state
        if state is State.CLOSED:
            self.disturbed.clear()
        else:
            self.disturbed.set()
        self._changed.set()
        self._changed.clear()  # wakes who waits now, and nobody later
