"""Real servers for tests: each on a unix socket in a private directory, ended by the pid that was started."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from gateway.store import watchdog
from gateway.store.connection import Store
from gateway.store.embedded import Tie, embedded, find_binary

VALKEY = str(find_binary())
REDIS = shutil.which("redis-server")

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
READY_SECONDS = 20
TIES = [
    pytest.param(Tie.KERNEL, marks=pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")),
    Tie.WATCHED,
]


on_every_store = pytest.mark.parametrize("store", ["valkey", "redis7", "cluster"], indirect=True)
"""For tests of what has to hold in a cluster too."""


@contextmanager
def running(binary: str, *arguments: str) -> Iterator[str]:
    """Give the `unix://` URL of a fresh server; it and its directory are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gw-test-") as directory:
        path = Path(directory) / "v.sock"
        command = (binary, "--port", "0", "--unixsocket", str(path), "--dir", directory, *arguments)
        with (Path(directory) / "log").open("wb") as log, tied(command, log) as server:
            try:
                _wait_for_pong(path, server)
                yield f"unix://{path}"
            finally:
                os.killpg(server.pid, signal.SIGKILL)


def tied(command: Sequence[str], log: BinaryIO) -> "subprocess.Popen[bytes]":
    """Start a server that ends with this process, also when this process is killed."""
    tie = "kernel" if sys.platform == "linux" else "watched"
    tied = (sys.executable, "-I", "-S", watchdog.__file__, tie, str(os.getpid()), *command)
    return subprocess.Popen(tied, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)


def _wait_for_pong(path: Path, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _is_answering(path):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((path.parent / "log").read_text())
        time.sleep(0.01)


def _is_answering(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            # An error reply (NOAUTH, LOADING ...) starts with a minus.
            return client.recv(64)[:5] in {b"+PONG", b"-NOAU"}
        except OSError:
            return False


async def ask(url: str, *command: str | int) -> object:
    """Give the reply to one command over a connection of its own."""
    store = Store.connect(url)
    try:
        return await store.execute(*command)
    finally:
        await store.close()


async def until(condition: Callable[[], bool]) -> None:
    """Return when it holds; the test's own timeout is the limit."""
    while not condition():  # noqa: ASYNC110 - other processes set no event
        await asyncio.sleep(0.01)


@asynccontextmanager
async def holder(data_dir: Path, tie: Tie) -> AsyncIterator[tuple[Process, int]]:
    """Run a process that owns a server and counts in it; gives it and the server's process id."""
    command = (sys.executable, "-m", "tests.store.holder", str(data_dir), tie)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        yield process, int(await process.stdout.readline())
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def open_and_count(data_dir: Path) -> int:
    """Start a server on the directory, read the counter, stop."""
    async with embedded(data_dir) as server:
        return int(await ask(server.url, "GET", "n") or 0)
