"""The load: callers that never stop, each call for a user of its own and with its number in the prompt."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector

from benchmarks.faults.site import KEY

PROMPT = "Call {number:07d}. Tell me something about the weather in the mountains, please."
PATIENCE_SECONDS = 40.0
PAUSE_SECONDS = 0.4
END_OF_FRAME = b"\n\n"
DONE = b"data: [DONE]" + END_OF_FRAME


@dataclass(frozen=True, slots=True)
class Plan:
    """How a call will go. `seconds` is what the far end takes at least.

    `is_exact`: its provider reports what it used, and whoever asks hears it. `is_served`: it ends with a whole answer.
    `leaves_after` are the seconds after which the client goes away, `leaves_at` the bytes of the answer, `resets` by a
    reset; `sends` is the part of its request that it sends at all. `tells_usage`: a stream's client wants to hear it.
    """

    kind: str
    model: str
    seconds: float = 0.0
    stream: bool = False
    most_tokens: int | None = None
    leaves_after: float | None = None
    is_exact: bool = True
    is_served: bool = True
    leaves_at: int | None = None
    resets: bool = False
    sends: float = 1.0
    tells_usage: bool = False

    @property
    def is_left(self) -> bool:
        """Whether its client goes away."""
        return self.leaves_after is not None or self.leaves_at is not None or self.sends < 1

    @property
    def is_cut(self) -> bool:
        """Whether either end breaks it off."""
        return self.is_left or not self.is_served


def whole(dice: Random) -> Plan:
    """Give an answer in one piece, bounded by its client."""
    tokens, delay = dice.randint(20, 200), dice.randint(0, 2)
    return Plan("whole", f"gpt-4o/m:tokens-{tokens}.delay-{delay}", tokens * delay / 1000, most_tokens=tokens)


def stream(dice: Random) -> Plan:
    """Give a stream that one tranche covers."""
    tokens = dice.randint(20, 120)
    return Plan("stream", f"gpt-4o/m:tokens-{tokens}.delay-2", tokens * 0.002, stream=True)


def slow_stream(dice: Random) -> Plan:
    """Give a stream whose hold grows on the way."""
    tokens, delay = dice.randint(150, 400), dice.randint(6, 10)
    return Plan("slow stream", f"gpt-4o/m:tokens-{tokens}.delay-{delay}", tokens * delay / 1000, stream=True)


def left_stream(dice: Random) -> Plan:
    """Give a stream whose client leaves in the middle."""
    leaves = dice.uniform(0.1, 0.8)
    return Plan("left stream", "gpt-4o/m:tokens-150.delay-12", 1.8, stream=True, leaves_after=leaves, is_exact=False)


def left_whole(dice: Random) -> Plan:
    """Give an answer in one piece whose client does not wait for it: it is read to its end all the same."""
    tokens, leaves = dice.randint(50, 100), dice.uniform(0.02, 0.2)
    return Plan(
        "left whole", f"gpt-4o/m:tokens-{tokens}.delay-4", tokens * 0.004, most_tokens=tokens, leaves_after=leaves
    )


def cut_stream(dice: Random) -> Plan:
    """Give a stream that its provider ends too early, by a reset or by an orderly end."""
    model = f"gpt-4o/m:tokens-100.delay-2.{dice.choice(('cut', 'fin'))}-{dice.randint(100, 12_000)}"
    return Plan("cut stream", model, 0.2, stream=True, is_exact=False, is_served=False)


def cut_whole(dice: Random) -> Plan:
    """Give an answer in one piece that its provider ends too early."""
    model = f"gpt-4o/m:tokens-50.{dice.choice(('cut', 'fin'))}-{dice.randint(0, 300)}"
    return Plan("cut whole", model, most_tokens=50, is_exact=False, is_served=False)


def refused(_dice: Random) -> Plan:
    """Give a call that its provider refuses: free."""
    return Plan("refused", "gpt-4o/m:status-500", most_tokens=50, is_served=False)


def probe() -> Plan:
    """Give the smallest call there is."""
    return Plan("probe", "gpt-4o/m:tokens-1", most_tokens=1)


Mix = Sequence[tuple[Callable[[Random], Plan], int]]
"""What makes a plan, and how often it comes up beside the others."""

MIX: Mix = (
    (whole, 6),
    (stream, 5),
    (slow_stream, 4),
    (left_stream, 2),
    (left_whole, 2),
    (cut_stream, 2),
    (cut_whole, 1),
    (refused, 1),
)


@dataclass(slots=True)
class Made:
    """A call as its client saw it, in seconds of the monotonic clock; `status` is 0 where it got no answer.

    `saw_usage`: the answer told it what was used, whatever came of the rest; `saw_end`: a stream's last words came.
    """

    number: int
    plan: Plan
    began: float
    ended: float = 0.0
    status: int = 0
    problem: str = ""
    saw_usage: bool = False
    saw_end: bool = False

    @property
    def has_come(self) -> bool:
        """Whether a gateway was there to take it, as far as its client can tell."""
        return bool(self.status) or self.problem == "left"

    @property
    def is_delivered(self) -> bool:
        """Whether its client has the whole answer."""
        return self.status == 200 and not self.problem

    @property
    def is_well(self) -> bool:
        """Whether it went as planned."""
        if self.plan.is_left:
            return self.problem in {"", "left"}
        return not self.plan.is_served or self.is_delivered

    @property
    def until(self) -> float:
        """Until when it may have gone on, be it without its client."""
        return max(self.ended, self.began + self.plan.seconds) + 0.5


class Load:
    """All calls that were made. `url` gives where the gateway is now."""

    def __init__(self, url: Callable[[], str], seed: int, mix: Mix = MIX) -> None:
        self.made: list[Made] = []
        self.in_flight: set[int] = set()
        self._url = url
        self._dice = Random(seed)
        self._mix = mix
        self._numbers = count(1)

    @property
    def taken(self) -> int:
        """How many calls a gateway has taken."""
        return sum(one.has_come for one in self.made)

    async def probe(self) -> int:
        """Make the smallest call on a new connection; gives its status, 0 for none."""
        async with _session(keep=False) as session:
            return (await self.call(session, probe())).status

    async def call(self, session: ClientSession, plan: Plan) -> Made:
        """Make a call and note what became of it."""
        made = Made(next(self._numbers), plan, time.monotonic())
        self.made.append(made)
        self.in_flight.add(made.number)
        try:
            async with asyncio.timeout(plan.leaves_after or PATIENCE_SECONDS):
                made.status, made.problem = await self._answer(session, made)
        except TimeoutError:
            made.problem = "late" if plan.leaves_after is None else "left"
        except (ClientError, OSError) as error:
            made.problem = repr(error) if plan.sends == 1 else "left"
        made.ended = time.monotonic()
        self.in_flight.discard(made.number)
        return made

    async def _answer(self, session: ClientSession, made: Made) -> tuple[int, str]:
        plan = made.plan
        body = json.dumps(_body(made)).encode()
        headers = {
            "Authorization": f"Bearer {KEY}",
            "X-Gateway-User": user_of(made.number),
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        data = body if plan.sends == 1 else _half_sent(body[: int(plan.sends * len(body))])
        async with session.post(f"{self._url()}/v1/chat/completions", data=data, headers=headers) as answer:
            if not await _is_read(answer, made):
                return answer.status, "left"
            is_cut = plan.stream and answer.status == 200 and not made.saw_end
            return answer.status, "cut" if is_cut else ""

    @asynccontextmanager
    async def running(self, callers: int) -> AsyncIterator[None]:
        """Keep callers busy for the length of the block; then let their calls end."""
        stop = asyncio.Event()
        dice = [Random(self._dice.random()) for _ in range(callers)]
        tasks = [asyncio.create_task(self._keep_calling(one, stop, keep=at % 2 == 0)) for at, one in enumerate(dice)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)

    async def _keep_calling(self, dice: Random, stop: asyncio.Event, *, keep: bool) -> None:
        plans = _drawn(dice, self._mix)
        async with _session(keep=keep) as session:
            while not stop.is_set():
                made = await self.call(session, next(plans))
                await asyncio.sleep(0 if made.is_well and made.status == 200 else PAUSE_SECONDS)


def _body(made: Made) -> dict[str, Any]:
    plan = made.plan
    return {
        "model": plan.model,
        "stream": plan.stream,
        "messages": [{"role": "user", "content": PROMPT.format(number=made.number)}],
        **({} if plan.most_tokens is None else {"max_tokens": plan.most_tokens}),
        **({"stream_options": {"include_usage": True}} if plan.tells_usage else {}),
    }


async def _half_sent(part: bytes) -> AsyncIterator[bytes]:
    yield part
    await asyncio.sleep(PAUSE_SECONDS / 10)
    raise ConnectionAbortedError("left")


async def _is_read(answer: ClientResponse, made: Made) -> bool:
    """Read to the end, or to where the client leaves; says which."""
    content, most = bytearray(), made.plan.leaves_at
    try:
        async for chunk in answer.content.iter_any():
            content += chunk
            if most is not None and len(content) >= most:
                _leave(answer, resets=made.plan.resets)
                return False
    finally:
        _, usage, rest = content.partition(b'"usage":{')
        made.saw_usage, made.saw_end = bool(usage) and END_OF_FRAME in rest, content.endswith(DONE)
    return True


def _leave(answer: ClientResponse, *, resets: bool) -> None:
    transport = answer.connection.transport if answer.connection is not None else None
    if resets and transport is not None:
        end = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, end)
    answer.close()


def _drawn(dice: Random, mix: Mix) -> Iterator[Plan]:
    makers, weights = zip(*mix, strict=True)
    while True:
        yield dice.choices(makers, weights)[0](dice)


def _session(*, keep: bool) -> ClientSession:
    return ClientSession(connector=TCPConnector(limit=1, force_close=not keep), timeout=ClientTimeout(None))


def user_of(number: int) -> str:
    """Give the user that a call is made for."""
    return f"44444444-4444-4444-8444-{number:012d}"
