"""One worker as the supervisor sees it: its process id, its socket, what it is doing."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

import structlog

from gateway.supervisor.messages import (
    Begin,
    Channel,
    Hurry,
    Leave,
    Leaving,
    Order,
    Ping,
    Pong,
    Reload,
    Serving,
    Standing,
)
from gateway.supervisor.patience import Patience

log = structlog.get_logger("supervisor")


Applied = asyncio.Future[str]
"""What came of a configuration: empty when the next call is under it, else what is wrong."""

GONE = "the worker has ended"


class State(StrEnum):
    """What a worker is doing."""

    STARTING = "starting"
    SERVING = "serving"
    LEAVING = "leaving"
    GONE = "gone"


class Child:
    """A worker. `generation` is that of the configuration its next call is under; `started` is in Unix seconds.

    `was_asked` says of one that is gone whether it was to go; `standing` how it stands with the store.
    """

    def __init__(self, pid: int, channel: Channel, begin: Begin, changed: Callable[["Child"], None]) -> None:
        self.pid = pid
        self.state = State.STARTING
        self.generation = begin.generation
        self.started = time.time()
        self.standing = Standing(everywhere=False, somewhere=False, without=False)
        self.unanswered_pings = 0
        self.was_asked = False
        self.gone = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._born = self._clock()
        self._end_by: float | None = None
        self._channel = channel
        self._changed = changed
        self._waiting: dict[int, Applied] = {}
        self._listening = asyncio.get_running_loop().create_task(self._listen())
        self.ready = self._ask(begin, begin.generation)

    @property
    def is_expected(self) -> bool:
        """Whether it takes new calls, or will in a moment."""
        return self.state in {State.STARTING, State.SERVING}

    @property
    def age_seconds(self) -> float:
        """How long it has been there."""
        return self._clock() - self._born

    def reload(self, generation: int, content: bytes) -> "Applied":
        """Hand it another configuration."""
        return self._ask(Reload(generation, content), generation)

    def ping(self) -> None:
        """Ask whether it is there; one that starts has no time for an answer."""
        if self.state is not State.STARTING:
            self.unanswered_pings += 1
            self._channel.send(Ping())

    def hangs(self, patience: Patience) -> bool:
        """Whether it has answered nothing for too long, starts for too long, or was to end and has not."""
        is_stuck = self.state is State.STARTING and self.age_seconds > patience.starting_seconds
        is_overdue = self._end_by is not None and self._clock() > self._end_by
        return is_stuck or is_overdue or self.unanswered_pings >= patience.hung_pings

    def leave(self, linger_seconds: float, within_seconds: float) -> None:
        """Let it end when its calls have."""
        if self.is_expected:
            self._is_leaving()
            self._channel.send(Leave(linger_seconds))
        self._end_by = self._clock() + within_seconds

    def hurry(self) -> None:
        """Let it wait for no call any more."""
        self._channel.send(Hurry())

    def kill(self) -> None:
        """End it now."""
        if self.state is not State.GONE:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _ask(self, order: Order, generation: int) -> "Applied":
        future: Applied = asyncio.get_running_loop().create_future()
        if self.state is State.GONE:
            future.set_result(GONE)
            return future
        self._waiting[generation] = future
        self._channel.send(order)
        return future

    async def _listen(self) -> None:
        while (word := await self._channel.word()) is not None:
            self.unanswered_pings = 0
            match word:
                case Serving():
                    self._is_serving(word)
                case Standing():
                    self.standing = word
                case Leaving():
                    self._is_leaving()
                case Pong():
                    pass
        self._channel.close()
        self.was_asked = self.state is State.LEAVING
        self.state = State.GONE
        for future in self._waiting.values():
            future.set_result(GONE)
        self._waiting.clear()
        self._reap()
        self.gone.set()
        self._changed(self)

    def _reap(self) -> None:
        # It is our child when its parent, the fork server, has died and we are process 1 of a container.
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)

    def _is_serving(self, word: Serving) -> None:
        if not word.problem:
            self.generation = word.generation
        if self.state is State.STARTING:
            self.state = State.SERVING
        future = self._waiting.pop(word.generation, None)
        if future is not None:
            future.set_result(word.problem)
        self._changed(self)

    def _is_leaving(self) -> None:
        self.state = State.LEAVING
        self._changed(self)
