"""The workers: as many as wanted, replaced when they die, restarted one after the other.

The rule that matters: there are never fewer than wanted. A successor serves before its predecessor is told to leave.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence

import structlog

from gateway.supervisor.child import GONE, Child, State
from gateway.supervisor.messages import Begin, Channel
from gateway.supervisor.nursery import ForkFailed, Nursery
from gateway.supervisor.patience import Deaths, Patience
from gateway.telemetry.metrics import Supervision

log = structlog.get_logger("supervisor")


class WorkersFailed(Exception):
    """Workers die as soon as they are started."""


class Pool:
    """Keeps as many workers as are wanted; `begin` gives what a new one is told first."""

    def __init__(
        self,
        nursery: Nursery,
        sockets: Sequence[socket.socket],
        begin: Callable[[], Begin],
        patience: Patience,
        buried: Callable[[int], None],
    ) -> None:
        self.counted = Supervision()
        self.children: list[Child] = []
        self._wanted = 0
        self._drain_seconds = 0.0
        self._is_restarting = False
        self._nursery = nursery
        self._sockets = sockets
        self._begin = begin
        self._patience = patience
        self._buried = buried
        self._changed = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._deaths = Deaths(patience)
        self._full = asyncio.Event()

    def want(self, wanted: int, drain_seconds: float) -> None:
        """Have so many from now on; the calls of one that is not wanted any more have `drain_seconds` to end."""
        self._wanted, self._drain_seconds = wanted, drain_seconds
        self._changed.set()

    async def keep(self) -> None:
        """Keep as many workers as are wanted, for ever. Raises WorkersFailed."""
        while True:
            self._changed.clear()
            await self._fill()
            if not self._is_restarting:
                self._trim()
            await self._changed.wait()

    async def watch(self) -> None:
        """Kill workers that hang or outstay their leave, for ever."""
        while True:
            await asyncio.sleep(self._patience.ping_seconds)
            for child in self.children:
                if child.hangs(self._patience):
                    doing, unanswered = child.state.value, child.unanswered_pings
                    log.error("worker_hangs", pid=child.pid, state=doing, unanswered_pings=unanswered)
                    child.kill()
                else:
                    child.ping()

    async def full(self) -> None:
        """Return when as many workers serve as are wanted, for the first time."""
        await self._full.wait()

    async def reload(self, generation: int, content: bytes) -> bool:
        """Hand every worker another configuration; whether the next call of each is under it."""
        # Those that leave too: a connection that lingers there may bring another call.
        asked = [child.reload(generation, content) for child in self.children]
        problems = [problem for problem in await asyncio.gather(*asked) if problem and problem != GONE]
        for problem in problems:
            log.error("reload_failed_in_worker", generation=generation, problem=problem)
        return not problems

    async def restart(self) -> bool:
        """Replace every worker in turn; False: a new one failed, and the old stay."""
        self._is_restarting = True  # a successor is one more than wanted
        try:
            return await self._restarted()
        finally:
            self._is_restarting = False
            self._changed.set()

    async def _restarted(self) -> bool:
        for old in self._expected():
            if len(self._expected()) <= self._wanted:
                fresh = await self._born()
                if fresh is None or await fresh.ready:
                    log.error("restart_stopped", pid=old.pid)
                    return False
            self._let_leave(old, self._patience.linger_seconds)
            await old.gone.wait()
        return True

    def _trim(self) -> None:
        for surplus in self._expected()[self._wanted :]:
            self._let_leave(surplus, self._patience.linger_seconds)

    async def end(self, hurry: asyncio.Event) -> None:
        """Let every worker leave when its calls have ended, or sooner when it hurries."""
        self._wanted = 0
        for child in self.children:
            self._let_leave(child, 0.0)
        hurried = asyncio.get_running_loop().create_task(self._hurried(hurry))
        while self.children:
            self._changed.clear()
            await self._changed.wait()
        hurried.cancel()

    async def _hurried(self, hurry: asyncio.Event) -> None:
        await hurry.wait()
        log.info("hurrying", workers=len(self.children))
        for child in self.children:
            child.hurry()

    def _let_leave(self, child: Child, linger_seconds: float) -> None:
        child.leave(linger_seconds, self._drain_seconds + self._patience.leaving_seconds)

    def _expected(self) -> list[Child]:
        return [child for child in self.children if child.is_expected]

    async def _fill(self) -> None:
        while len(self._expected()) < self._wanted:
            if self._deaths.are_too_many:
                raise WorkersFailed("workers end as soon as they are started; the log says why")
            await asyncio.sleep(self._deaths.pause_seconds)
            await self._born()

    async def _born(self) -> Child | None:
        """Give a new worker, told what to do first; None where there is none."""
        try:
            pid, end = await self._nursery.birth(self._sockets)
        except ForkFailed as exc:
            log.error("worker_not_born", reason=str(exc))  # noqa: TRY400 - the reason is all there is
            self._deaths.add(0.0, self._clock())
            return None
        channel = await Channel.on(end)
        child = Child(pid, channel, self._begin(), self._on_change)
        self.children.append(child)
        self.counted.workers(len(self.children))
        log.info("worker_started", pid=pid)
        return child

    def _on_change(self, child: Child) -> None:
        if child.state is State.GONE:
            self._bury(child)
            self.counted.workers(len(self.children))
        elif sum(one.state is State.SERVING for one in self.children) >= self._wanted:
            self._full.set()
        self._changed.set()

    def _bury(self, child: Child) -> None:
        self.children.remove(child)
        self._buried(child.pid)
        if child.was_asked:
            log.info("worker_left", pid=child.pid)
        else:
            log.error("worker_died", pid=child.pid, age_seconds=round(child.age_seconds, 3))
            self._deaths.add(child.age_seconds, self._clock())
            self.counted.restarted()
