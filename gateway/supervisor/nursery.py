"""Where workers come from: the fork server, started at once and again as soon as it dies (its program: forking).

The rule that matters: the process that forks is not this one. A fork of a process with an event loop and open
connections takes both along, half-way through whatever they did.
"""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import structlog

from gateway.supervisor.forking import BORN, FORK, RECORD
from gateway.supervisor.heap import SETTINGS
from gateway.supervisor.patience import Deaths, Patience

log = structlog.get_logger("supervisor")

BIRTH_SECONDS = 60.0
END_SECONDS = 15.0
# The same program in the same place: what `-c` would put before sys.path is the directory we happen to be in.
_PROGRAM = "import sys; sys.path[:] = {path!r}; from gateway.supervisor.forking import main; main{arguments!r}"


class ForkFailed(Exception):
    """The fork server ended before it gave us a worker."""


class Nursery:
    """Gives birth to workers; `metrics` is where they count for Prometheus, `encodings` names what they count with."""

    def __init__(self, metrics: Path, encodings: Callable[[], tuple[str, ...]], patience: Patience) -> None:
        self._metrics = metrics
        self._encodings = encodings
        self._deaths = Deaths(patience)
        self._process: Process | None = None
        self._control: socket.socket | None = None
        self._births: asyncio.Queue[int | None] = asyncio.Queue()
        self._listening: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        """Start the fork server and, from now on, another when it dies. Raises ForkFailed."""
        await self._started()
        self._keeping = asyncio.get_running_loop().create_task(self._keep())

    async def _keep(self) -> None:
        """Have the next one load the vocabularies before it is needed, until too many have died early."""
        clock = asyncio.get_running_loop().time
        while self._listening is not None and not self._deaths.are_too_many:
            began = clock()
            await asyncio.wait({self._listening})
            self._deaths.add(clock() - began, clock())
            await asyncio.sleep(self._deaths.pause_seconds)
            async with self._one_at_a_time:
                try:
                    await self._started()
                except ForkFailed as exc:
                    log.error("fork_server_not_started", reason=str(exc))  # noqa: TRY400 - the reason is all there is
                else:
                    log.info("fork_server_restarted")

    async def _started(self) -> None:
        """Start the fork server, unless it is there; it loads the vocabularies meanwhile. Raises ForkFailed."""
        if self._listening is not None and not self._listening.done():
            return
        try:
            await self._start()
        except OSError as exc:
            raise ForkFailed(f"the fork server cannot be started: {exc.strerror}") from exc

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            arguments = (theirs.fileno(), str(self._metrics), self._encodings())
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _PROGRAM.format(path=sys.path, arguments=arguments)),
                stdin=DEVNULL,
                stdout=DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**SETTINGS, **os.environ, "PROMETHEUS_MULTIPROC_DIR": str(self._metrics)},
            )
        ours.setblocking(False)
        self._control = ours
        self._births = asyncio.Queue()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        self._listening = asyncio.get_running_loop().create_task(self._listen(reader, writer, self._births))

    async def birth(self, sockets: Sequence[socket.socket]) -> tuple[int, socket.socket]:
        """Give a new worker's process id and our end of the socket to it. Raises ForkFailed."""
        async with self._one_at_a_time:
            await self._started()
            ours, theirs = socket.socketpair()
            with ExitStack() as stack, theirs:
                stack.callback(ours.close)
                pid = await self._asked([theirs, *sockets])
                stack.pop_all()  # it is the caller's from here on
            return pid, ours

    async def _asked(self, sockets: Sequence[socket.socket]) -> int:
        assert self._control is not None
        assert self._process is not None
        try:
            socket.send_fds(self._control, [FORK], [one.fileno() for one in sockets])
        except OSError as exc:
            raise ForkFailed("the fork server has ended") from exc
        try:
            pid = await asyncio.wait_for(self._births.get(), BIRTH_SECONDS)
        except TimeoutError:
            self._process.kill()
            raise ForkFailed("the fork server hangs") from None
        if pid is None:
            raise ForkFailed("the fork server has ended")
        return pid

    async def end(self) -> None:
        """Let the fork server end, which takes its last children with it."""
        if self._process is None or self._listening is None or self._keeping is None:
            return
        self._keeping.cancel()
        await asyncio.wait({self._keeping})
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening
        try:
            await asyncio.wait_for(self._process.wait(), END_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _listen(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, births: asyncio.Queue[int | None]
    ) -> None:
        try:
            while True:
                pid, status = RECORD.unpack(await reader.readexactly(RECORD.size))
                if status == BORN:
                    births.put_nowait(pid)
                else:
                    log.info("worker_ended", pid=pid, exit_status=os.waitstatus_to_exitcode(status))
        except (asyncio.IncompleteReadError, ConnectionError):
            log.error("fork_server_died")  # noqa: TRY400 - the end of a socket has no more to say
        finally:
            births.put_nowait(None)
            writer.close()
