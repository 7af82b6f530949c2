"""What the stream meter costs: microseconds per chunk, beside a loop that only looks at each chunk.

Run it from the top of the checkout: `python benchmarks/meter.py`. Read the ratios, not the absolute times.
"""

import sys
from collections.abc import Callable
from time import perf_counter

from gateway.model import Endpoint
from gateway.providers.openai.meter import StreamMeter

ROUNDS = 7
CHUNKS = 20_000
HEAD = (
    b'data: {"id":"chatcmpl-BMg1kDHRzPxGfGTGoEMSBRlqjrQHs","object":"chat.completion.chunk","created":1744755600,'
    b'"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_b376dfbbd5","choices":['
)


def chunk(text: str) -> bytes:
    """Give one chunk of a chat stream, as OpenAI writes it."""
    choice = f'{{"index":0,"delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}'
    return HEAD + choice.encode() + b'],"usage":null,"obfuscation":"Yx3k9"}\n\n'


def best_micros(run: Callable[[list[bytes]], None], chunks: list[bytes]) -> float:
    """Give the best time per chunk of several rounds, in microseconds."""
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        run(chunks)
        times.append(perf_counter() - start)
    return min(times) / len(chunks) * 1e6


def pass_through(chunks: list[bytes]) -> None:
    """Look at each chunk and let it pass."""
    passed = 0
    for data in chunks:
        passed += len(data)


def metered(chunks: list[bytes]) -> None:
    """Meter each chunk; take the texts as seldom as the request path does."""
    meter = StreamMeter(Endpoint.CHAT, hide_usage=True)
    passed = 0
    for data in chunks:
        passed += len(meter.feed(data))
        if meter.bound_tokens > 2048:
            meter.take_texts()


def main() -> None:
    """Print one line per shape of stream."""
    frame = chunk(" hello")
    crlf = frame.replace(b"\n\n", b"\r\n\r\n")
    joined = frame * CHUNKS
    shapes = {
        "a frame per chunk": [frame] * CHUNKS,
        "a frame per chunk, CR LF": [crlf] * CHUNKS,
        "ten frames per chunk": [frame * 10] * (CHUNKS // 10),
        "cut every 200 bytes": [joined[at : at + 200] for at in range(0, len(joined), 200)],
        "cut every 16 KiB": [joined[at : at + 16_384] for at in range(0, len(joined), 16_384)],
    }
    sys.stdout.write(f"{'us per chunk':26}{'no-op':>9}{'meter':>9}{'per frame':>11}\n")
    for name, chunks in shapes.items():
        frames = sum(map(len, chunks)) / len(frame)
        meter_micros = best_micros(metered, chunks)
        per_frame = meter_micros * len(chunks) / frames
        sys.stdout.write(f"{name:26}{best_micros(pass_through, chunks):9.3f}{meter_micros:9.3f}{per_frame:11.3f}\n")


if __name__ == "__main__":
    main()
