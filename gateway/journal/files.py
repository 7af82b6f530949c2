"""A directory of journals, one file a process: making one, and taking over those whose owner has died.

The rule that matters: a file is its owner's as long as that lives, by a lock (flock(2)) that ends with the process. It
gets its name only when it is locked and complete, so what has a name and no lock was left behind.

A file is mapped into memory and has its whole length, of zeros, from the start: to write a record is to copy it, it
is the kernel's from that instant on and outlives the process, and no disk that is full can be met while writing.
"""

import fcntl
import mmap
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import structlog

from gateway.journal.calls import Calls
from gateway.journal.frames import Kind, frame, read

log = structlog.get_logger("journal")

SUFFIX = ".journal"
UNNAMED = ".new"
VERSION = 1
SPACE_BYTES = 16 << 20
"""A file's length; more where more is open."""
_PRIVATE_DIRECTORY = 0o700
_PRIVATE_FILE = 0o600
_ZEROS = bytes(1 << 20)
_BUFFER_BYTES = 1 << 16
_MOST_RESIDENT_BYTES = 1 << 19
"""What is written before its pages are given back: some two hundred calls."""


@dataclass(slots=True)
class File:
    """A locked journal; one of ours is mapped. `size_bytes` is what is written of it."""

    path: Path
    fd: int
    size_bytes: int = 0
    _space: mmap.mmap | None = None
    _given_back_bytes: int = 0

    def append(self, data: bytes | bytearray) -> bool:
        """Write all of it; False: there is no room, and nothing is written."""
        end = self.size_bytes + len(data)
        if self._space is None or end > len(self._space):
            return False
        self._space[self.size_bytes : end] = data
        self.size_bytes = end
        if end - self._given_back_bytes > _MOST_RESIDENT_BYTES:
            self._give_back(self._space)
        return True

    @property
    def is_nearly_full(self) -> bool:
        """Whether three quarters are written."""
        return self._space is not None and 4 * self.size_bytes > 3 * len(self._space)

    def name_as(self, path: Path) -> None:
        """Give it its name, in the place of whatever has that. OSError: it keeps the one it has."""
        self.path = self.path.rename(path)

    def fill(self, frames: Iterable[bytes]) -> None:
        """Write the beginning of a new file, and zeros up to its full length; then map it. OSError: it has no room."""
        with os.fdopen(self.fd, "wb", _BUFFER_BYTES, closefd=False) as file:
            for one in frames:
                self.size_bytes += file.write(one)
        space_bytes = max(SPACE_BYTES, 2 * self.size_bytes)
        for at in range(self.size_bytes, space_bytes, len(_ZEROS)):
            _write(self.fd, _ZEROS[: space_bytes - at])
        self.sync()
        self._space = mmap.mmap(self.fd, space_bytes)
        self._given_back_bytes = self.size_bytes // mmap.PAGESIZE * mmap.PAGESIZE

    def sync(self) -> None:
        """Have it on the disk, mapped pages too."""
        os.fdatasync(self.fd) if hasattr(os, "fdatasync") else os.fsync(self.fd)

    def close(self) -> None:
        """End its lock; what is written stays."""
        if self._space is not None:
            self._space.close()
        os.close(self.fd)

    def remove(self) -> None:
        """End it and its lock."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _give_back(self, space: mmap.mmap) -> None:
        """Have the pages that are full no longer count as this process's; they stay the kernel's, as the file's."""
        full = self.size_bytes // mmap.PAGESIZE * mmap.PAGESIZE
        if hasattr(mmap, "MADV_DONTNEED"):
            space.madvise(mmap.MADV_DONTNEED, self._given_back_bytes, full - self._given_back_bytes)
        self._given_back_bytes = full


@dataclass(slots=True)
class Inherited:
    """A journal whose owner has died, locked by us: what it left open."""

    file: File
    calls: Calls = field(default_factory=Calls)


def make(directory: Path, store: str, frames: Iterable[bytes] = ()) -> File:
    """Make a locked file that names its store, with some frames in it, on the disk, not named yet. OSError: none."""
    directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    unnamed = directory / f"{os.getpid()}-{uuid4().hex[:12]}{UNNAMED}"
    file = File(unnamed, os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE))
    is_made = False
    try:
        fcntl.flock(file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.fill(chain((frame(Kind.ORIGIN, store, VERSION),), frames))
        is_made = True
    finally:
        if not is_made:
            file.remove()
    return file


def sync_names(directory: Path) -> None:
    """Have the names of files on the disk, too. OSError: perhaps they are not."""
    fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True)
class Passed:
    """Files that were passed over: another store's, not read again, and those that cannot be read, told of once."""

    foreign: set[Path] = field(default_factory=set)
    unreadable: set[Path] = field(default_factory=set)


def left_behind(directory: Path, store: str, passed: Passed) -> Iterator[Inherited]:
    """Take over the files of this store whose owners have died."""
    for path in sorted(directory.glob("*" + UNNAMED)):
        unfinished = _locked(path)
        if unfinished is not None:
            unfinished.remove()
    for path in sorted(set(directory.glob("*" + SUFFIX)) - passed.foreign):
        found = _taken_over(path, store, passed)
        if found is not None:
            yield found


def _taken_over(path: Path, store: str, passed: Passed) -> Inherited | None:
    """Lock and read a file; one that cannot be read is told of, and keeps nobody from the others."""
    file = None
    try:
        file = _locked(path)
        return _read(file, store, passed) if file else None
    except OSError as error:
        if path not in passed.unreadable:
            log.error("journal_unreadable", file=str(path), reason=error.strerror)  # noqa: TRY400 - that is all
        passed.unreadable.add(path)
        if file is not None:
            file.close()
        return None


def _read(file: File, store: str, passed: Passed) -> Inherited | None:
    """Read a file back; None where it is of another store, and stays as it is."""
    with os.fdopen(file.fd, "rb", _BUFFER_BYTES, closefd=False) as source:
        records = read(source)
        origin = next(records, None)
        if origin is not None and origin != (Kind.ORIGIN, store, VERSION):
            log.error("journal_of_another_store", file=str(file.path), store=origin[1], version=origin[2])
            passed.foreign.add(file.path)
            file.close()
            return None
        found = Inherited(file)
        found.calls.take(records)
        torn_bytes = _written(source)
    if torn_bytes:
        log.warning("journal_torn", file=str(file.path), bytes=torn_bytes)
    return found


def _written(source: BinaryIO) -> int:
    """Give how many bytes there are from here on to the last one that is not zero."""
    at = end = 0
    while piece := source.read(len(_ZEROS)):
        if piece != _ZEROS[: len(piece)]:
            end = at + len(piece.rstrip(b"\0"))
        at += len(piece)
    return end


def _locked(path: Path) -> File | None:
    """Lock a file that nobody holds; None where its owner lives, or has just removed it."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    if os.fstat(fd).st_nlink == 0:
        os.close(fd)
        return None
    return File(path, fd)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
