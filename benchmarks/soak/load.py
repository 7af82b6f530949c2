"""Calls over raw sockets, light enough to leave the machine to what is measured: a callback each, no task."""

import asyncio
import math
import time
from collections import Counter
from typing import cast

from benchmarks.performance.load import BODY
from benchmarks.performance.servers import KEY

KINDS = ("whole", "whole", "stream", "whole", "whole", "stream", "whole", "left", "whole", "stream")
"""Ten calls, which come again and again."""
MOST_OPEN = 1_000
TICK_SECONDS = 0.005
_END = b"\r\n0\r\n\r\n"
_STEPS = 100
"""Latencies are counted in steps of 1 %: a day of them has no room."""


class Times:
    """How long calls took."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[round(math.log(max(seconds, 1e-6)) * _STEPS)] += 1

    def __len__(self) -> int:
        return self._counts.total()

    def percentile_ms(self, percent: float) -> float:
        """Give a percentile in milliseconds, to 1 %."""
        left = len(self) * percent / 100
        for step in sorted(self._counts):
            left -= self._counts[step]
            if left <= 0:
                return math.exp(step / _STEPS) * 1000
        return math.nan


def _request(*, stream: bool) -> bytes:
    text = str({**BODY, "stream": stream}).replace("'", '"').replace("True", "true").replace("False", "false")
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return (head + text).encode()


WHOLE, STREAM = _request(stream=False), _request(stream=True)


class Line(asyncio.Protocol):
    """A connection; one call at a time."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._kind = ""
        self._due = 0.0
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def call(self, kind: str, due: float) -> None:
        """Begin a call that should have begun at `due`."""
        self._kind, self._due, self._received = kind, due, b""
        self.transport.write(WHOLE if kind == "whole" else STREAM)

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is whole; of a stream only the ends are kept."""
        if not self._kind:
            return
        received = self._received = self._received + data
        head, blank, rest = received.partition(b"\r\n\r\n")
        if not blank:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._end(head[9:12].decode())
        elif self._kind == "left":
            self._end(None, leaves=True)
        elif self._kind == "stream":
            if received.endswith(_END):
                self._end(None)  # and the next call may have begun
            else:
                self._received = head + blank + rest[-len(_END) :]
        elif len(rest) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]):
            self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it ended
        """Note a call that was under way."""
        self._load.gone(self)
        if self._kind:
            self._end("connection lost")

    def _end(self, error: str | None, *, leaves: bool = False) -> None:
        kind, self._kind = self._kind, ""
        if leaves or error:
            self.transport.abort()
        self._load.ended(self, kind, time.perf_counter() - self._due, error, is_free=not (leaves or error))


class Load:
    """The lines, and what became of their calls since it was last asked."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[Line] = []
        self._open: set[Line] = set()
        self._dialling: set[asyncio.Task[None]] = set()
        self._made = 0
        self._again = False
        self.times = Times()
        self.errors: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """How many calls are under way."""
        return len(self._open) + len(self._dialling)

    def taken(self) -> tuple[Times, Counter[str]]:
        """Give the times and errors so far, and begin anew."""
        found = self.times, self.errors
        self.times, self.errors = Times(), Counter()
        return found

    async def at_once(self, count: int, seconds: float) -> float:
        """Make as many calls as can be, so many at a time; gives how many a second."""
        self.taken()
        self._again = True
        begun = time.perf_counter()
        for _ in range(count):
            self._begin(begun)
        await asyncio.sleep(seconds)
        self._again = False
        done = len(self.times)
        spent = time.perf_counter() - begun
        await self.rest(30)
        return done / spent

    async def paced(self, rate: float, seconds: float, begun: float) -> None:
        """Make so many calls a second; `begun` is the time to which they are counted."""
        first = time.perf_counter()
        made = round((first - begun) * rate)
        while (now := time.perf_counter()) < first + seconds:
            while made < (now - begun) * rate:
                due = begun + made / rate
                made += 1
                if self.open < MOST_OPEN:
                    self._begin(due)
                else:
                    self.errors["not made: too many under way"] += 1
            await asyncio.sleep(TICK_SECONDS)

    async def rest(self, seconds: float) -> int:
        """Wait for calls under way; gives how many are after all."""
        deadline = time.perf_counter() + seconds
        while self.open and time.perf_counter() < deadline:  # noqa: ASYNC110 - many calls end it
            await asyncio.sleep(0.1)
        return self.open

    def ended(self, line: Line, kind: str, seconds: float, error: str | None, *, is_free: bool) -> None:
        """Note how a call ended."""
        self._open.discard(line)
        if error is not None:
            self.errors[error] += 1
        elif kind != "left":
            self.times.add(seconds)
        if is_free:
            self._free.append(line)
        if self._again:
            self._begin(time.perf_counter())

    def gone(self, line: Line) -> None:
        """Forget a line that has ended."""
        if line in self._free:
            self._free.remove(line)

    def close(self) -> None:
        """End all lines."""
        for line in [*self._free, *self._open]:
            line.transport.abort()

    def _begin(self, due: float) -> None:
        kind = KINDS[self._made % len(KINDS)]
        self._made += 1
        if self._free:
            line = self._free.pop()
            self._open.add(line)
            line.call(kind, due)
        else:
            task = asyncio.get_running_loop().create_task(self._dialled(kind, due))
            self._dialling.add(task)
            task.add_done_callback(self._dialling.discard)

    async def _dialled(self, kind: str, due: float) -> None:
        try:
            _, line = await asyncio.get_running_loop().create_connection(lambda: Line(self), "127.0.0.1", self._port)
        except OSError as error:
            self.errors[f"no connection: {error.strerror}"] += 1
            return
        self._open.add(line)
        line.call(kind, due)
