"""Bad clients in a process of their own, so that they do not disturb the good ones: raw sockets, one loop.

    python -m benchmarks.siege.crowd PORT COUNT headers|bodies|streams

Prints `ready` when all are there, and how many the gateway has ended when the pipe closes. One that drips sends a byte
a second, and comes back when it is ended; one that asked for a stream reads nothing and stays away then.
"""

import select
import socket
import sys
import time
from contextlib import suppress

from benchmarks.siege.words import HEAD, STREAM, TYPE

STARTS = {
    "headers": HEAD + b"X-A: ",
    "bodies": HEAD + TYPE + b"Content-Length: 100000\r\n\r\n",
    "streams": HEAD + TYPE + b"Content-Length: %d\r\n\r\n" % len(STREAM) + STREAM,
}
BACK_SECONDS = 4
"""A crowd that was ended at once does not come back at once: connections made a second are another measurement."""
TICKS = 50
"""A second has so many: all drips at once would be a wave, which no crowd is."""


class Crowd:
    """The sockets, and how many of them were ended."""

    def __init__(self, port: int, count: int, kind: str) -> None:
        self.ended = 0
        self._port = port
        self._kind = kind
        self._coming = 0
        self._most_back = 1 + count // (TICKS * BACK_SECONDS)
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        for number in range(count):
            self._join()
            if number % 20 == 0:
                time.sleep(0.01)

    def _join(self) -> None:
        one = socket.socket()
        if self._kind == "streams":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect(("127.0.0.1", self._port))
        one.setblocking(False)
        one.send(STARTS[self._kind])
        self._sockets[one.fileno()] = one
        # Whoever asked for a stream wants to know of its end, not of what it brings.
        self._poll.register(one, select.EPOLLRDHUP | (0 if self._kind == "streams" else select.EPOLLIN))

    def tick(self, number: int) -> None:
        """Do what a fiftieth of a second brings; who was ended comes back, in the seconds that follow."""
        for _ in range(min(self._coming, self._most_back)):
            self._coming -= 1
            self._join()
        for descriptor, _ in self._poll.poll(0):
            self._left(descriptor)
        if self._kind != "streams":
            for descriptor in list(self._sockets)[number % TICKS :: TICKS]:
                with suppress(OSError):
                    self._sockets[descriptor].send(b"x")

    def _left(self, descriptor: int) -> None:
        one = self._sockets[descriptor]
        with suppress(OSError):
            if self._kind != "streams" and one.recv(4096):
                return  # why it is ended; the end comes after it
        self.ended += 1
        del self._sockets[descriptor]
        one.close()
        if self._kind != "streams":
            self._coming += 1


def main() -> None:
    """Be a crowd until the pipe closes."""
    crowd = Crowd(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    print("ready", flush=True)
    number = 0
    while not select.select([sys.stdin], [], [], 1 / TICKS)[0]:
        crowd.tick(number)
        number += 1
    print(crowd.ended, flush=True)


if __name__ == "__main__":
    main()
