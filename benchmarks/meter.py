"""What the meters of streams cost: microseconds per chunk of each language, beside a bare pass-through's CPU per chunk.

    python -m benchmarks.meter [--alone]

Run it from the top of the checkout. The chunks are those of documented answers that bring text, each repeated. Read
the ratios, not the absolute times: `with it` is the pass-through and the meter over the pass-through alone.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from subprocess import PIPE
from time import perf_counter

import uvloop

from benchmarks.performance.far import CHUNKS as STREAM_CHUNKS
from benchmarks.performance.far import Provider
from benchmarks.performance.load import Kind, measured
from benchmarks.performance.servers import Server, free_port
from gateway.model import Endpoint
from gateway.providers.dialect import FORMATS
from gateway.providers.format import Meter
from gateway.providers.ndjson import LineSplitter
from gateway.providers.sse import Splitter
from tests.providers.minimal import call_for
from tests.providers.shapes import SHAPES, Shape
from tests.providers.shapes.shape import EVENT_STREAM, JSON, NDJSON

ROUNDS = 7
CHUNKS = 20_000
TAKEN_TOKENS = 2_048
"""How much comes before the request path takes the texts: a tranche."""

AT_ONCE = 16
NAMES = (
    "openai chat stream, usage asked for",
    "vllm chat stream, running usage, aborted",
    "openai response stream, reasoning and a tool call",
    "anthropic stream, tool use",
    "anthropic stream, thinking",
    "gemini stream",
    "gemini stream as an array",
    "ollama chat stream",
    "converse stream, as recorded",
)


@dataclass(frozen=True)
class Stream:
    """A stream: what comes before its first text, and the frames that bring texts, repeated."""

    name: str
    shape: Shape
    head: bytes
    frames: Sequence[bytes]

    def meter(self) -> Meter:
        """Make a meter that has read the head."""
        made = _meter(self.shape)
        made.feed(self.head)
        made.take_texts()
        return made


def _meter(shape: Shape) -> Meter:
    as_array = shape.content_type == JSON
    call = call_for(Endpoint(shape.endpoint), shape.request, stream=True, wants_usage=False, as_array=as_array)
    return FORMATS[Endpoint(shape.endpoint)].meter(call)


def stream_of(name: str) -> Stream:
    """Make the stream of one documented answer."""
    shape = next(shape for shape in SHAPES if shape.name == name)
    head, texts, meter = b"", [], _meter(shape)
    for frame in _frames(shape):
        meter.feed(frame)
        if meter.ended:
            break
        if any(meter.take_texts()):
            is_first = frame.startswith(b"[")  # an array has one bracket, and a comma before all that follow
            head += frame if is_first else b""
            texts.append(b"," + frame[1:] if is_first else frame)
        elif not texts:
            head += frame
    return Stream(name, shape, head, (texts * (CHUNKS // len(texts) + 1))[:CHUNKS])


def _frames(shape: Shape) -> list[bytes]:
    """Cut an answer as its provider writes it: a frame at a time."""
    if shape.content_type == EVENT_STREAM:
        return _messages(shape.body)
    if shape.content_type == JSON:
        return _elements(shape.body)
    return (LineSplitter() if shape.content_type == NDJSON else Splitter()).feed(shape.body)


def _messages(body: bytes) -> list[bytes]:
    frames, at = [], 0
    while at < len(body):
        size = int.from_bytes(body[at : at + 4])
        frames.append(body[at : at + size])
        at += size
    return frames


def _elements(body: bytes) -> list[bytes]:
    """Cut an array before each comma between its elements, so that each but the first begins with one."""
    first, *others = body.split(b"\n,")
    return [first, *(b"\n," + other for other in others)]


def metered_micros(stream: Stream, *, at_once: int = 1) -> float:
    """Give the best time per frame of several rounds, in microseconds; `at_once` frames come in one chunk."""
    joined = [b"".join(stream.frames[at : at + at_once]) for at in range(0, CHUNKS, at_once)]
    times = []
    for _ in range(ROUNDS):
        meter = stream.meter()
        start = perf_counter()
        for data in joined:
            meter.feed(data)
            if meter.bound_tokens > TAKEN_TOKENS:
                meter.take_texts()
        times.append(perf_counter() - start)
    return min(times) / CHUNKS * 1e6


async def passed_micros() -> float:
    """Give the CPU per chunk of the bare pass-through, the best of several rounds."""
    far = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0)
    origin, port = f"http://127.0.0.1:{far.sockets[0].getsockname()[1]}", free_port()
    command = [sys.executable, "-m", "benchmarks.performance.far", "bare", str(port), origin]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE)
    try:
        bare = Server("bare", port, process.pid)
        await _listening(port)
        found = [await measured(bare, Kind(AT_ONCE, stream=True, paced=True), 2 * AT_ONCE) for _ in range(4)]
    finally:
        process.terminate()
        await process.wait()
        far.close()
    return min(one.cpu_us for one in found) / STREAM_CHUNKS


async def _listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return


def main() -> None:
    """Print one line per language."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.meter", description="The meters, per chunk.")
    parser.add_argument("--alone", action="store_true", help="without the pass-through, which starts processes")
    bare = 0.0
    if not parser.parse_args().alone:
        bare = uvloop.run(passed_micros())
        sys.stdout.write(f"bare pass-through: {bare:.1f} us of CPU per chunk\n")
    sys.stdout.write(f"{'us per frame':52}{'bytes':>7}{'meter':>9}{'ten at once':>13}{'with it':>9}\n")
    for stream in map(stream_of, NAMES):
        micros = metered_micros(stream)
        ratio = f"{1 + micros / bare:8.2f}x" if bare else f"{'-':>9}"
        size = sum(map(len, stream.frames)) // CHUNKS
        ten = metered_micros(stream, at_once=10)
        sys.stdout.write(f"{stream.name:52}{size:7}{micros:9.2f}{ten:13.2f}{ratio}\n")


if __name__ == "__main__":
    main()
