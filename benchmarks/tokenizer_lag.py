"""How late the event loop runs while a megabyte of hostile text is counted beside it: `tokenizer_lag.py`, no arguments.

A ticker sleeps a millisecond at a time; its lag is how much longer than that a turn took. Target: under 20 ms. The
first row is the machine's own: the same ticker beside two threads that burn CPU in C without the interpreter lock. The
second is why a vocabulary that will be needed is better loaded at start.
"""

import asyncio
import hashlib
import random
import string
import time
from collections.abc import Awaitable, Callable

from gateway.model import Call, Endpoint, Provider
from gateway.tokens import Counter, Vocabularies, exact

MEGABYTE = 1_000_000
TICK_SECONDS = 0.001


def corpora() -> dict[str, str]:
    """Texts of a million characters that hurt tokenizers."""
    dice = random.Random(1)
    repeated = {
        "spaces": " ",
        "tabs": "\t",
        "newlines": "\n",
        "one letter": "a",
        "ZWJ emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "<|endoftext|>": "<|endoftext|>",
        "lone surrogates": "\ud800",
        "English": "The quick brown fox jumps over the lazy dog. ",
    }
    texts = {name: (unit * MEGABYTE)[:MEGABYTE] for name, unit in repeated.items()}
    texts["base64"] = "".join(dice.choices(string.ascii_letters + string.digits + "+/", k=MEGABYTE))
    texts["random CJK"] = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(MEGABYTE))
    texts["random Unicode"] = "".join(chr(dice.randrange(0x10000, 0x110000)) for _ in range(MEGABYTE))
    return texts


async def lag_beside(work: Callable[[], Awaitable[object]]) -> tuple[float, float, object]:
    """Give the longest lag (ms) of a ticker while work runs, how long it took (ms), and its answer."""
    worst = 0.0
    task = asyncio.ensure_future(work())
    started = time.perf_counter()
    while not task.done():
        before = time.perf_counter()
        await asyncio.sleep(TICK_SECONDS)
        worst = max(worst, time.perf_counter() - before - TICK_SECONDS)
    return worst * 1000, (time.perf_counter() - started) * 1000, task.result()


async def burn(data: bytes) -> None:
    """Keep two threads busy outside the interpreter lock."""
    await asyncio.gather(*(asyncio.to_thread(hashlib.sha256, data) for _ in range(2)))


def call(messages: list[dict[str, str]], size: int, model: str = "gpt-4o") -> Call:
    """Build a chat call."""
    body = {"model": model, "messages": messages}
    return Call("id", Endpoint.CHAT, body, size, model, False, False, None, 1)


async def main() -> None:
    """Print a table."""
    vocabularies = Vocabularies()
    vocabularies.load()
    counter = Counter(vocabularies)
    print(f"{'text':34}{'max lag ms':>12}{'took ms':>10}  answer")

    async def row(name: str, work: Callable[[], Awaitable[object]]) -> None:
        lag, took, answer = await lag_beside(work)
        print(f"{name:34}{lag:12.1f}{took:10.0f}  {answer}")

    data = bytes(200 * MEGABYTE)
    await row("(machine: two busy threads)", lambda: burn(data))
    await row("(first use of cl100k_base)", lambda: loaded(vocabularies, "cl100k_base"))
    for name, text in corpora().items():
        await row(name, lambda text=text: counter.count([text], "gpt-4o"))
        await row(f"{name}, twice at once", lambda text=text: both(counter, text))
    small = call([{"role": "user", "content": "hi"}] * 30_000, MEGABYTE)
    await row("30,000 messages", lambda: exact(small, Provider("p", "openai", ""), counter, lambda: small.body))
    other = call([{"role": "user", "content": "hi"}] * 30_000, MEGABYTE, "llama")
    await row(
        "30,000 messages, as JSON", lambda: exact(other, Provider("p", "openai", ""), counter, lambda: other.body)
    )
    counter.close()


async def both(counter: Counter, text: str) -> object:
    """Count a text with both vocabularies at once; a new one, since the counter remembers those it has counted."""
    text = f"{text}!"
    return await asyncio.gather(counter.count([text], "gpt-4o"), counter.count([text], "gpt-4"))


async def loaded(vocabularies: Vocabularies, name: str) -> str:
    """Wait until a vocabulary that was not loaded at start is there."""
    await asyncio.to_thread(vocabularies.load, name)
    return "loaded"


if __name__ == "__main__":
    asyncio.run(main())
