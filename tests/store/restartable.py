"""A real server that a test kills, whose files it may cut, and starts again on them; and a TCP proxy before it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tests.store.servers import VALKEY, _wait_for_pong, tied


class Restartable:
    """One server's directory; `appendfsync` as given. Its socket stays where it is."""

    def __init__(self, directory: Path, appendfsync: str, binary: str) -> None:
        self.socket = directory / "v.sock"
        self.url = f"unix://{self.socket}"
        self._directory = directory
        self._appendfsync = appendfsync
        self._binary = binary
        self._process = None

    def start(self) -> None:
        """Start it on what is there, and wait until it answers."""
        self.begin()
        _wait_for_pong(self.socket, self._process)

    def begin(self, *more: str) -> None:
        """Start it on what is there, with more options."""
        options = ("--appendonly", "yes", "--appendfsync", self._appendfsync, "--save", "")
        place = ("--port", "0", "--unixsocket", str(self.socket), "--dir", str(self._directory))
        with (self._directory / "log").open("ab") as log:
            self._process = tied((self._binary, *place, *options, *more), log)

    def kill(self) -> None:
        """Kill it, with -9."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.stdin.close()
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it neither answer nor end for a while."""
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    @property
    def log_bytes(self) -> int:
        """Give the length of what it has appended to its file."""
        return self._appended().stat().st_size

    def appended(self) -> bytes:
        """Give what it has appended to its file."""
        return self._appended().read_bytes()

    def cut(self, size_bytes: int) -> None:
        """Have it forget what it appended after that length, as a power cut would."""
        os.truncate(self._appended(), size_bytes)

    def _appended(self) -> Path:
        (path,) = (self._directory / "appendonlydir").glob("*.incr.aof")
        return path


@contextmanager
def restartable(directory: Path, appendfsync: str = "always", binary: str = VALKEY) -> Iterator[Restartable]:
    """Give a server that runs; it is gone afterwards."""
    directory.mkdir(parents=True, exist_ok=True)
    server = Restartable(directory, appendfsync, binary)
    server.start()
    try:
        yield server
    finally:
        server.kill()


class Eater:
    """Stands before a server and passes everything on; while `eats`, replies to what holds that are lost.

    `seen` is what clients sent.
    """

    def __init__(self, path: Path) -> None:
        self.eats = b""
        self.eaten = 0
        self.seen: list[bytes] = []
        self._path = path

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, until either side ends it."""
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self._path)
        except OSError:  # the server was killed
            writer.close()
            return
        try:
            while command := await reader.read(1 << 20):
                self.seen.append(command)
                server_writer.write(command)
                reply = await server_reader.read(1 << 20)
                if self.eats and self.eats in command:
                    self.eaten += 1
                    break
                writer.write(reply)
        except ConnectionError:
            pass  # the server was killed
        finally:
            server_writer.close()
            writer.close()


@asynccontextmanager
async def eating(server: Restartable) -> AsyncIterator[tuple[Eater, str]]:
    """Give such a proxy and the URL of the server behind it."""
    eater = Eater(server.socket)
    listener = await asyncio.start_server(eater.serve, "127.0.0.1", 0)
    try:
        yield eater, f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
