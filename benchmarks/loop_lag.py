"""How late a gateway's event loop runs while megabytes of hostile text go through it: `loop_lag.py`, no arguments.

A gateway of this process stands in front of the tests' far end, which is a process of its own, as are the store and the
clients. For each text, several calls at once: as prompts that must be counted exactly, because their
bytes are above what is left of a budget, and as answers without a usage. A ticker on the gateway's loop sleeps a
millisecond at a time; its lag is how much longer a turn took. Target: under 20 ms. The second figure is what of it the
loop itself worked: the rest are other threads and processes. The first row is the machine's own.
"""

import asyncio
import gc
import hashlib
import json
import random
import string
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import structlog
import uvloop
from aiohttp import ClientSession

from gateway.store.connection import Store
from tests.gateways import ADA_KEY, PROVIDER_SECRET, Limits, gateway_running
from tests.provider.process import far_end_running
from tests.store.servers import DURABLE, VALKEY, running

MEGABYTE = 1_000_000
AT_ONCE = 4
TICK_SECONDS = 0.001
LIMIT_TOKENS = 4_000_000


def texts() -> dict[str, str]:
    """Give texts of a million characters that hurt, as they stand between the quotes of a JSON string."""
    dice = random.Random(1)
    repeated = {
        "spaces": " ",
        "one letter": "a",
        "<|endoftext|>": "<|endoftext|>",
        "ZWJ emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "escaped emoji": r"\ud83d\ude00",
        "lone surrogates": r"\ud800",
        "escaped newlines": r"\n",
        "English": "The quick brown fox jumps over the lazy dog. ",
    }
    found = {name: unit * (MEGABYTE // len(unit)) for name, unit in repeated.items()}
    found["base64"] = "".join(dice.choices(string.ascii_letters + string.digits + "+/", k=MEGABYTE))
    found["random CJK"] = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(MEGABYTE))
    return found


def bodies() -> dict[str, bytes]:
    """Give the request bodies to send."""
    found = {}
    for name, text in texts().items():
        found[name] = _body('[{"role":"user","content":"' + text + '"}]')
    found["English, 1.04 MB"] = _body('[{"role":"user","content":"' + "The quick brown fox. " * 49_500 + '"}]')
    found["25,000 messages"] = _body(json.dumps([{"role": "user", "content": "hi"}] * 25_000, separators=(",", ":")))
    found["echoed, not streamed"] = _body('[{"role":"user","content":"' + "a" * MEGABYTE + '"}]', "m:echo.usage-none")
    for name, script in (("in one frame", "huge-1000000"), ("in 20,000 frames", "tokens-20000")):
        found[f"answered {name}"] = _body(
            '[{"role":"user","content":"hi"}]', f"m:{script}.usage-none", ',"stream":true,"max_tokens":900000'
        )
    return found


def _body(messages: str, model: str = "m:", more: str = "") -> bytes:
    return ('{"model":"' + model + '","max_tokens":50,"messages":' + messages + more + "}").encode()


class Lag(NamedTuple):
    """How late the loop ran at worst, how much of one turn was its own work, and how long all took; in ms."""

    worst_ms: float
    own_ms: float
    took_ms: float


async def lag_beside(work: Awaitable[object]) -> tuple[Lag, object]:
    """Give the lag of a ticker while work runs, and the work's answer."""
    worst_seconds = own_seconds = 0.0
    task = asyncio.ensure_future(work)
    started = time.perf_counter()
    while not task.done():
        before, used_before = time.perf_counter(), time.thread_time()
        await asyncio.sleep(TICK_SECONDS)
        worst_seconds = max(worst_seconds, time.perf_counter() - before - TICK_SECONDS)
        own_seconds = max(own_seconds, time.thread_time() - used_before)
    took_seconds = time.perf_counter() - started
    return Lag(worst_seconds * 1000, own_seconds * 1000, took_seconds * 1000), task.result()


def send(url: str, name: str) -> list[int]:
    """Send a body several times at once, from a process of its own; gives the statuses."""
    return uvloop.run(_send(url, bodies()[name]))


async def _send(url: str, body: bytes) -> list[int]:
    headers = {"Authorization": f"Bearer {ADA_KEY}", "Content-Type": "application/json"}

    async def one(session: ClientSession) -> int:
        async with session.post(f"{url}/v1/chat/completions", data=BytesIO(body), headers=headers) as answer:
            async for _ in answer.content.iter_any():
                pass
            return answer.status

    async with ClientSession() as session:
        return await asyncio.gather(*(one(session) for _ in range(AT_ONCE)))


async def burn() -> None:
    """Keep two threads busy outside the interpreter lock."""
    data = bytes(200 * MEGABYTE)
    await asyncio.gather(*(asyncio.to_thread(hashlib.sha256, data) for _ in range(2)))


async def main(store_url: str, far_port: int, directory: Path, clients: Executor) -> None:
    """Print a table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    loop = asyncio.get_running_loop()
    print(f"{'text':26}{'max lag ms':>12}{'own work ms':>12}{'took ms':>10}  answers")

    async def row(name: str, work: Callable[[], Awaitable[object]]) -> None:
        lag, answer = await lag_beside(work())
        print(f"{name:26}{lag.worst_ms:12.1f}{lag.own_ms:12.1f}{lag.took_ms:10.0f}  {answer}", flush=True)

    await row("(machine: two threads)", burn)
    sizes = {name: len(body) for name, body in bodies().items()}
    gc.collect()
    gc.freeze()  # as the supervisor does
    for name, size_bytes in sizes.items():
        store = Store.connect(store_url)
        await store.execute("FLUSHALL")
        limit_tokens = size_bytes if size_bytes > MEGABYTE // 2 else LIMIT_TOKENS
        limits = Limits(company_tokens=limit_tokens, default_output_tokens=50)
        async with gateway_running(store, directory, f"http://127.0.0.1:{far_port}/v1", limits) as client:
            await row(name, lambda url=client.url, name=name: loop.run_in_executor(clients, send, url, name))
        await store.close()


if __name__ == "__main__":
    with (
        running(VALKEY, *DURABLE) as url,
        far_end_running(PROVIDER_SECRET) as (port, _),
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):
        uvloop.run(main(url, port, Path(folder), pool))
