"""The breaker: whether a part of the store may be asked. Closed, it is; open, it is not, and who asks fails at once.

The rule that matters: after an outage, and where the store's memory is another one, nothing new is admitted before
what this process knows has been brought there (`recovering`): then only operations of calls that are in flight pass.
"""

import asyncio
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from gateway.errors import StoreUnavailable
from gateway.store.border import is_away, unavailable

MOST_FAILURES = 3
SAME_FAILURE_SECONDS = 0.05
"""What fails together failed of the same."""
_SILENT = "it has not answered several times, and is tried again in a moment"


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
        self.on_change: Callable[[], None] = _nothing
        self._armed = False
        self._clock = clock
        self._state = State.CLOSED
        self._changed = asyncio.Event()
        self._failures = 0
        self._counted_at = -SAME_FAILURE_SECONDS
        if armed:
            self.arm()

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

    def arm(self) -> None:
        """Open from now on when the store is away: somebody is there who closes it again."""
        self._armed = True
        self.recover()

    def check(self) -> None:
        """Return if the store may be asked. Raises StoreUnavailable."""
        if self._state is State.OPEN:
            raise silent()

    def heard(self, failure: BaseException | None) -> None:
        """Note what came of asking: an answer, or an error; only a store that is away is a failure."""
        if isinstance(failure, StoreUnavailable) and is_away(failure):
            self.failed()
        else:
            self.answered()

    def failed_by(self, reply: "asyncio.Future[Any]") -> None:
        """Note a reply that is an error."""
        failure = None if reply.cancelled() else reply.exception()
        if failure is not None:
            self.heard(failure)

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
        self.on_change()


def silent() -> StoreUnavailable:
    """Give the error of who asks while it is open."""
    return unavailable(_SILENT)


def _nothing() -> None:
    """Tell nobody."""
