"""A directory of journals, one file a process: making one, and taking over those whose owner has died.

The rule that matters: a file is its owner's as long as that lives, by a lock (flock(2)) that ends with the process. It
gets its name only when it is locked and complete, so what has a name and no lock was left behind.
"""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import structlog

from gateway.journal.calls import Calls
from gateway.journal.frames import Kind, frame, read

log = structlog.get_logger("journal")

SUFFIX = ".journal"
UNNAMED = ".new"
VERSION = 1
_PRIVATE_DIRECTORY = 0o700
_PRIVATE_FILE = 0o600


@dataclass(slots=True)
class File:
    """An open, locked journal."""

    path: Path
    fd: int
    size_bytes: int = 0

    def append(self, data: bytes) -> None:
        """Write all of it. OSError: perhaps a part of it."""
        while data:
            written = os.write(self.fd, data)
            self.size_bytes += written
            data = data[written:]

    def sync(self) -> None:
        """Have it on the disk."""
        os.fdatasync(self.fd) if hasattr(os, "fdatasync") else os.fsync(self.fd)

    def remove(self) -> None:
        """End it and its lock."""
        self.path.unlink(missing_ok=True)
        os.close(self.fd)


@dataclass(slots=True)
class Inherited:
    """A journal whose owner has died, locked by us: what it left open."""

    file: File
    calls: Calls = field(default_factory=Calls)


def make(directory: Path, store: str, content: bytes = b"") -> File:
    """Make a locked file that names its store, with some frames in it, on the disk. OSError: there is none."""
    directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    name = f"{os.getpid()}-{uuid4().hex[:12]}"
    unnamed = directory / (name + UNNAMED)
    file = File(unnamed, os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE))
    is_made = False
    try:
        fcntl.flock(file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.append(frame(Kind.ORIGIN, store, VERSION) + content)
        file.sync()
        file.path = unnamed.rename(directory / (name + SUFFIX))
        is_made = True
    finally:
        if not is_made:
            file.remove()
    return file


def left_behind(directory: Path, store: str) -> Iterator[Inherited]:
    """Take over the files of this store whose owners have died."""
    for path in sorted(directory.glob("*" + UNNAMED)):
        unfinished = _locked(path)
        if unfinished is not None:
            unfinished.remove()
    for path in sorted(directory.glob("*" + SUFFIX)):
        file = _locked(path)
        found = _read(file, store) if file else None
        if found is not None:
            yield found


def _read(file: File, store: str) -> Inherited | None:
    """Read a file back; None where it is of another store, and stays as it is."""
    data = file.path.read_bytes()
    records, size_bytes = read(data)
    if size_bytes < len(data):
        log.warning("journal_torn", file=str(file.path), bytes=len(data) - size_bytes)
    origin = records[0] if records else None
    if origin is not None and origin != (Kind.ORIGIN, store, VERSION):
        log.error("journal_of_another_store", file=str(file.path), store=origin[1], version=origin[2])
        os.close(file.fd)
        return None
    found = Inherited(file)
    found.calls.take(records)
    return found


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
