"""The fork server's program: it has loaded what workers need, forks one when asked, and tells how each ended.

It has no event loop and no threads, so that a child has none that were cut in the middle. What it holds (the programs,
the vocabularies) its children share, page by page, until one of them writes there.

The rule that matters: when the supervisor is gone, the workers end by themselves; this process sees to it, and then
ends too. Without this process they go on: it is started anew when the next one is needed.
"""

import os
import select
import shutil
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gateway.app.lifecycle import load_into
from gateway.supervisor.cycles import settle
from gateway.supervisor.heap import trimmer
from gateway.supervisor.worker import ORPHAN_SECONDS, work
from gateway.telemetry import Redactor, configure
from gateway.tokens import Vocabularies

FORK = b"F"
RECORD = struct.Struct("!ii")
"""Child's process id and wait status; a status of -1 means that it was just born."""
BORN = -1
MOST_SOCKETS = 64
_PATIENCE_SECONDS = 2 * ORPHAN_SECONDS + 2.0
_PAUSE_SECONDS = 0.1


def main(control_fd: int, metrics: str, encodings: tuple[str, ...]) -> None:
    """Serve until the supervisor's end of the socket `control_fd` is closed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a terminal sends them to everybody; our end is the socket's
    configure(Redactor(frozenset()))
    vocabularies = Vocabularies()
    load_into(vocabularies, encodings)
    settle()  # and so no look for cycles writes to shared pages
    trimmer()()
    with socket.socket(fileno=control_fd) as control, _children_noticed() as noticed:
        server = ForkServer(control, noticed, vocabularies)
        with suppress(ConnectionError):
            while server.serve_once():
                pass
    server.end_children()
    shutil.rmtree(metrics, ignore_errors=True)


class ForkServer:
    """Forks on demand; knows its children."""

    def __init__(self, control: socket.socket, noticed: socket.socket, vocabularies: Vocabularies) -> None:
        self._control = control
        self._noticed = noticed
        self._vocabularies = vocabularies
        self._children: set[int] = set()

    def serve_once(self) -> bool:
        """Wait for something to do, and do it; False when there is nobody to do it for. Raises ConnectionError."""
        ready, _, _ = select.select([self._control, self._noticed], [], [])
        if self._noticed in ready:
            self._noticed.recv(4096)
            for pid, status in self._ended():
                self._control.sendall(RECORD.pack(pid, status))
        if self._control not in ready:
            return True
        asked, fds, _, _ = socket.recv_fds(self._control, 1, MOST_SOCKETS)
        sockets = [socket.socket(fileno=fd) for fd in fds]
        if asked == FORK:
            self._control.sendall(RECORD.pack(self._fork(sockets), BORN))
        for one in sockets:
            one.close()
        return asked == FORK

    def end_children(self) -> None:
        """Wait until every child has ended by itself; kill those that do not."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._children:
            for _ in self._ended():
                pass
            if time.monotonic() > deadline:
                for pid in self._children:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_PAUSE_SECONDS)

    def _fork(self, sockets: list[socket.socket]) -> int:
        pid = os.fork()
        if pid:
            self._children.add(pid)
            return pid
        status = 1
        try:
            self._control.close()  # the supervisor must see its end when the parent dies
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            status = work(sockets[0], sockets[1:], self._vocabularies)
        finally:
            os._exit(status)  # never back into the parent's program

    def _ended(self) -> Iterator[tuple[int, int]]:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._children.discard(pid)
            yield pid, status


@contextmanager
def _children_noticed() -> Iterator[socket.socket]:
    """Give a socket that has something to read when a child has ended."""
    there, here = socket.socketpair()
    with there, here:
        there.setblocking(False)
        here.setblocking(False)
        signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        yield here
        signal.set_wakeup_fd(-1)
