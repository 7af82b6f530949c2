"""Owns the data directory: one server at a time works on it, and others can learn where its socket is.

The rule that matters: the lock (flock(2)) is handed to the server process too, so it is free only when *both* are gone.
A gateway that starts right after a kill cannot open the data while the old server still writes it.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gateway.errors import StoreRefused

_PRIVATE_DIRECTORY = 0o700
_PRIVATE_FILE = 0o600
# A socket's path fits in 104 bytes on macOS, 108 on Linux, with a zero at its end: sun_path in unix(7).
_MAX_SOCKET_PATH_BYTES = 100
_SHORT_PREFIX = "gateway-store-"
# A reader may hold the lock for an instant; a server whose gateway was killed needs a moment to write and leave.
_PATIENCE_SECONDS = 0.5
_PATIENCE_WITH_THE_DEAD_SECONDS = 15.0
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Claim:
    """A data directory that is ours alone: the open lock file and where the server's socket goes."""

    directory: Path
    lock_fd: int
    socket: Path

    @property
    def url(self) -> str:
        """The store URL of the server on this directory."""
        return _url(self.socket)


@dataclass(frozen=True, slots=True)
class _Holder:
    """What the lock file says of the last who took the lock: the gateway's process id, the socket of its server."""

    pid: int
    socket: Path

    @property
    def is_alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


@asynccontextmanager
async def claimed(data_dir: Path) -> AsyncIterator[Claim]:
    """Hold a data directory, made with mode 0700 if it is absent.

    Raises:
        StoreRefused: another gateway holds it, or it cannot be used.

    """
    directory, lock_fd = _open_lock(data_dir)
    try:
        await _lock(lock_fd, directory)
        with _refusing(directory):
            _remove_socket(directory, _holder(lock_fd))
            socket = _socket(directory)
            os.ftruncate(lock_fd, 0)
            os.pwrite(lock_fd, os.fsencode(f"{os.getpid()}\n{socket}\n"), 0)
        try:
            yield Claim(directory, lock_fd, socket)
        finally:
            _remove_socket(directory, _Holder(os.getpid(), socket))
    finally:
        os.close(lock_fd)


def is_locked(data_dir: Path) -> bool:
    """Whether a gateway, or a server that is just leaving, works on this directory now."""
    return _look(data_dir)[0]


def socket_url(data_dir: Path) -> str | None:
    """Give the URL of the embedded server that runs on this directory now; None when there is none."""
    locked, holder = _look(data_dir)
    return _url(holder.socket) if locked and holder and holder.socket.is_socket() else None


def _look(data_dir: Path) -> tuple[bool, _Holder | None]:
    """Give whether the directory is locked, and what the lock file says."""
    if not (data_dir / "lock").exists():
        return False, None
    with _refusing(data_dir):
        lock_fd = os.open(data_dir / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        return not _is_taken(lock_fd, data_dir, fcntl.LOCK_SH), _holder(lock_fd)
    finally:
        os.close(lock_fd)


def _open_lock(data_dir: Path) -> tuple[Path, int]:
    with _refusing(data_dir):
        data_dir.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        directory = data_dir.resolve()
        lock_flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return directory, os.open(directory / "lock", lock_flags, _PRIVATE_FILE)


async def _lock(lock_fd: int, directory: Path) -> None:
    waited_seconds = 0.0
    while not _is_taken(lock_fd, directory, fcntl.LOCK_EX):
        holder = _holder(lock_fd)
        patience = _PATIENCE_SECONDS if holder and holder.is_alive else _PATIENCE_WITH_THE_DEAD_SECONDS
        if waited_seconds >= patience:
            who = f"process {holder.pid} or its server" if holder else "another process"
            raise StoreRefused(f"data directory {directory} is in use by {who}: stop it, or set another store.data_dir")
        await asyncio.sleep(_PAUSE_SECONDS)
        waited_seconds += _PAUSE_SECONDS


def _is_taken(lock_fd: int, directory: Path, kind: int) -> bool:
    with _refusing(directory):
        try:
            fcntl.flock(lock_fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _holder(lock_fd: int) -> _Holder | None:
    pid, _, rest = os.pread(lock_fd, 8192, 0).partition(b"\n")
    return _Holder(int(pid), Path(os.fsdecode(rest.rstrip(b"\n")))) if pid.isdigit() else None


def _socket(directory: Path) -> Path:
    path = directory / "v.sock"
    if len(os.fsencode(path)) <= _MAX_SOCKET_PATH_BYTES:
        return path
    return Path(tempfile.mkdtemp(prefix=_SHORT_PREFIX)) / "v.sock"


def _remove_socket(directory: Path, holder: _Holder | None) -> None:
    (directory / "v.sock").unlink(missing_ok=True)
    if holder and holder.socket.parent.name.startswith(_SHORT_PREFIX):
        shutil.rmtree(holder.socket.parent, ignore_errors=True)


def _url(socket: Path) -> str:
    return f"unix://{quote(os.fsencode(socket))}"


@contextmanager
def _refusing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StoreRefused(f"data directory {directory} cannot be used: {exc.strerror}") from exc
