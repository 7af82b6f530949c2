"""A journal's file, written in the event loop and brought to the disk beside it.

The rule that matters: a file that the disk failed once is not trusted again. All that is open is written anew, into a
new file, and only when that is complete, with what was written meanwhile, the old one goes.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from gateway.journal import files
from gateway.journal.calls import Row, frames_of
from gateway.journal.files import File

log = structlog.get_logger("journal")

SYNC_SECONDS = 0.25
"""How long a record may be on its way to the disk: what a power cut takes along, but for calls that wait for `synced`.
`kill -9` takes nothing along."""
RETRY_SECONDS = 1.0
"""How often a disk that failed is tried again."""
MOST_BEHIND_BYTES = 64 << 20
"""What is kept in memory at most for a file that is being made: a disk may hang for as long as it likes."""

Rows = Callable[[], Sequence[Row]]


class Writing:
    """Appends to one file after the other. `rows` gives all that is open; `on_failure` is told of each failure."""

    def __init__(self, directory: Path, store: str, rows: Rows, on_failure: Callable[[], None]) -> None:
        self.is_failing = False
        self._directory = directory
        self._store = store
        self._rows = rows
        self._on_failure = on_failure
        self._file: File | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._timer: asyncio.TimerHandle | None = None
        self._working: asyncio.Future[File | None] | None = None
        self._behind: bytearray | None = None  # what was appended since a new file was begun
        self._waiters: list[asyncio.Future[bool]] = []
        self._renews = False
        self._is_dirty = False

    @property
    def size_bytes(self) -> int:
        """Give what is written of the file."""
        return self._file.size_bytes if self._file else 0

    def append(self, frame: bytes) -> None:
        """Write it; where the file is full or missing, into the next one."""
        if self._behind is not None and len(self._behind) < MOST_BEHIND_BYTES:
            self._behind += frame
        elif self._behind is not None:
            self._renews = True  # once more: what the new file then lacks is open, or over
        if self._file is None or not self._file.append(frame) or self._file.is_nearly_full:
            self.renew()
        elif not self._is_dirty:
            self._is_dirty = True
            self._go_on()

    async def synced(self) -> bool:
        """Wait until all so far is on the disk; False: the disk failed."""
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if self._working is None:
            self._plan(0.0)
        return await waiter

    def renew(self) -> None:
        """Have all that is open written into a new file: the old one holds little else any more."""
        if self._behind is None and not self._renews:
            self._renews = True
            self._go_on()

    async def close(self, *, removes: bool) -> None:
        """Write what is left, and end; `removes`, where nothing is open, leaves no file behind."""
        if not removes:
            await self.synced()
        while self._working is not None:
            await asyncio.wait({self._working})
            await asyncio.sleep(0)  # its callback may plan another
        if self._timer is not None:
            self._timer.cancel()
        if self._file is not None:
            self._executor.submit(self._file.remove if removes else self._file.close)
        await asyncio.to_thread(self._executor.shutdown)

    def _go_on(self) -> None:
        """Plan what is next."""
        if self._working is not None:
            return
        if self._waiters:
            self._plan(0.0)
        elif self.is_failing:
            self._plan(RETRY_SECONDS, may_wait=True)
        elif self._renews:
            self._plan(0.0)
        elif self._is_dirty:
            self._plan(SYNC_SECONDS, may_wait=True)

    def _plan(self, seconds: float, *, may_wait: bool = False) -> None:
        """Commit in so many seconds; `may_wait`: or when it is planned already."""
        if self._timer is not None:
            if may_wait:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._commit)

    def _commit(self) -> None:
        """Bring all so far to the disk."""
        self._timer, self._is_dirty = None, False
        waiters, self._waiters = self._waiters, []
        loop = asyncio.get_running_loop()
        if self._renews or self.is_failing or self._file is None:
            self._renews, self._behind = False, bytearray()
            self._working = loop.run_in_executor(self._executor, self._make, self._rows())
        else:
            self._working = loop.run_in_executor(self._executor, self._file.sync)
        self._working.add_done_callback(lambda done: self._committed(done, waiters))

    def _make(self, rows: Sequence[Row]) -> File:
        return files.make(self._directory, self._store, (frame for one in rows for frame in frames_of(one)))

    def _committed(self, done: "asyncio.Future[File | None]", waiters: "list[asyncio.Future[bool]]") -> None:
        self._working = None
        failure = done.exception()
        new = None if failure is not None else done.result()
        if new is not None:
            failure = self._replace(new, waiters)
            if failure is None:
                return
        self._behind = None
        self._note(failure)
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(failure is None)
        self._go_on()

    def _replace(self, new: File, waiters: "list[asyncio.Future[bool]]") -> OSError | None:
        """Go over to a new file, with what came while it was made; it takes the old one's name in the same moment.

        So whoever dies leaves one file with all that there is. The name is brought to the disk beside the loop.
        """
        old = self._file
        if self._behind and not new.append(self._behind):
            self._renews = True
        try:
            new.name_as(old.path if old is not None else new.path.with_suffix(files.SUFFIX))
        except OSError as error:
            self._executor.submit(new.remove)
            return error
        self._file, self._behind, self._is_dirty = new, None, True
        loop = asyncio.get_running_loop()
        self._working = loop.run_in_executor(self._executor, _named, new, old)
        self._working.add_done_callback(lambda done: self._committed(done, waiters))
        return None

    def _note(self, failure: BaseException | None) -> None:
        if failure is not None:
            if not self.is_failing:
                log.error("journal_failed", directory=str(self._directory), reason=str(failure))
            self._on_failure()
        elif self.is_failing:
            log.info("journal_works_again", directory=str(self._directory))
        self.is_failing = failure is not None


def _named(new: File, old: File | None) -> None:
    files.sync_names(new.path.parent)
    if old is not None:
        old.close()
