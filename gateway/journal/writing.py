"""A journal's file, written beside the event loop: what comes together is written together.

The rule that matters: a write that failed is never followed by another into the same file, whose end may be torn. All
that is open is written anew, into a new file, and only then the old one goes.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from gateway.journal import files
from gateway.journal.calls import Row, frames_of
from gateway.journal.files import File

log = structlog.get_logger("journal")

WRITE_SECONDS = 0.005
"""How long a record may wait in memory: what `kill -9` takes along."""
SYNC_SECONDS = 0.25
"""How long it may be on its way to the disk: what a power cut takes along, but for calls that wait for `synced`."""
RETRY_SECONDS = 1.0
"""How often a disk that failed is tried again."""

Rows = Callable[[], Sequence[Row]]


class Writing:
    """Appends to one file after the other. `rows` gives all that is open; `on_failure` is told of each failed write."""

    def __init__(self, directory: Path, store: str, rows: Rows, on_failure: Callable[[], None]) -> None:
        self.is_failing = False
        self._directory = directory
        self._store = store
        self._rows = rows
        self._on_failure = on_failure
        self._file: File | None = None
        self._buffer = bytearray()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self._waiters: list[asyncio.Future[bool]] = []
        self._renews = True
        self._is_dirty = False
        self._is_idle = False
        self._synced_at = 0.0

    @property
    def size_bytes(self) -> int:
        """Give the file's size."""
        return self._file.size_bytes if self._file else 0

    def append(self, frame: bytes) -> None:
        """Have it written in a moment."""
        self._buffer += frame
        self._soon()

    async def synced(self) -> bool:
        """Wait until all so far is on the disk; False: the write failed."""
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if self._writing is None:
            self._plan(0.0)
        return await waiter

    def renew(self) -> None:
        """Have all that is open written into a new file: the old one holds little else any more."""
        self._renews = True
        self._soon()

    async def close(self, *, removes: bool) -> None:
        """Write what is left, and end; `removes`, where nothing is open, leaves no file behind."""
        if self._timer is not None:
            self._timer.cancel()
        while self._writing is not None:
            await asyncio.wait({self._writing})
            await asyncio.sleep(0)  # its callback may begin another
            if self._timer is not None:
                self._timer.cancel()
        if removes:
            self._executor.submit(self._end)
        else:
            await self.synced()
            self._executor.submit(self._release)
        await asyncio.to_thread(self._executor.shutdown)

    def _soon(self) -> None:
        if self._writing is None and (self._timer is None or self._is_idle):
            self._plan(RETRY_SECONDS if self.is_failing else WRITE_SECONDS)

    def _plan(self, seconds: float, *, is_idle: bool = False) -> None:
        self._is_idle = is_idle
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._commit)

    def _commit(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        data, waiters, self._waiters = bytes(self._buffer), self._waiters, []
        self._buffer.clear()
        # A commit without data is the one that has what was written before brought to the disk.
        syncs = bool(waiters) or not data or loop.time() - self._synced_at >= SYNC_SECONDS
        rows = self._rows() if self._renews or self.is_failing else None
        self._writing = loop.run_in_executor(self._executor, self._write, data, rows, syncs)
        self._is_dirty = not syncs and rows is None
        if not self._is_dirty:
            self._synced_at = loop.time()
        self._renews = False
        self._writing.add_done_callback(lambda done: self._written(done, waiters))

    def _write(self, data: bytes, rows: Sequence[Row] | None, syncs: bool) -> None:  # noqa: FBT001
        if rows is not None:
            content = b"".join(frame for one in rows for frame in frames_of(one))
            old, self._file = self._file, files.make(self._directory, self._store, content)
            if old is not None:
                old.remove()
            return
        assert self._file is not None
        if data:
            self._file.append(data)
        if syncs:
            self._file.sync()

    def _written(self, done: "asyncio.Future[None]", waiters: "list[asyncio.Future[bool]]") -> None:
        self._writing = None
        failure = done.exception()
        if failure is not None and not isinstance(failure, OSError):
            raise failure
        if failure is not None:
            if not self.is_failing:
                log.error("journal_failed", directory=str(self._directory), reason=failure.strerror)
            self._on_failure()
        elif self.is_failing:
            log.info("journal_works_again", directory=str(self._directory))
        self.is_failing = failure is not None
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(failure is None)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiters:
            self._plan(0.0)
        elif self.is_failing:
            self._plan(RETRY_SECONDS)
        elif self._buffer or self._renews:
            self._plan(WRITE_SECONDS)
        elif self._is_dirty:
            self._plan(SYNC_SECONDS, is_idle=True)

    def _end(self) -> None:
        if self._file is not None:
            self._file.remove()

    def _release(self) -> None:
        if self._file is not None:
            os.close(self._file.fd)
