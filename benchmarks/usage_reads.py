"""What reading usage costs: `usage_reads.py`, no arguments; it takes some minutes, on a Valkey of its own.

A company of 1,000 users with 2 agents each, active on every day of 90: 180,000 records, and one agent on a public page
with 10,000 sessions a day. A gateway in this process is read by clients in processes of their own. For each way of
reading: the answer's logs and megabytes, the seconds it took, and

- grown MB: how much the gateway's memory grew, sampled at each tick of its event loop
- late ms: how late the latest of these ticks was; on a busy machine that is the machine's, as in the first row
- turn ms: the most CPU that the event loop's thread spent between two ticks, which are 2 ms apart
- store ms: of the kind of command that takes longest, what 999 of 1,000 stay below; then the longest of all. These are
  the store's own clock, which goes on while a busy machine lets it wait

To hold however many records there are: 64 MB, 20 ms a turn, 2 ms of the store.
"""

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import uvloop

from gateway.app.lifecycle import open_app
from gateway.config import Config, load
from gateway.store.connection import Store
from gateway.store.embedded import embedded
from gateway.supervisor import listening
from gateway.tokens import Vocabularies
from gateway.usage import keys

COMPANY = "11111111-1111-4111-8111-111111111111"
AGENTS = ("33333333-3333-4333-8333-333333333331", "33333333-3333-4333-8333-333333333332")
KEY = "benchmark-key-0123456789"
USERS, DAYS, PUBLIC_SESSIONS, SESSIONS = 1_000, 90, 10_000, 6
TICK_SECONDS = 0.002
SLOW_MICROS = 100
READS = ("hscan", "sscan", "scard", "hgetall", "smembers")
PAGE_BYTES = 4096
LOG = b'"consumptionLogID"'

CONFIG = f"""
server: {{port: 0}}
providers: {{demo: {{dialect: openai, base_url: "http://127.0.0.1:1/v1", models: {{"*": {{}}}}}}}}
companies: [{{id: {COMPANY}, name: acme}}]
agents: [{{id: {AGENTS[0]}, name: one, company: acme}}, {{id: {AGENTS[1]}, name: two, company: acme}}]
keys: [{{name: reader, key: {KEY}, company: acme}}]
"""


# ---------------------------------------------------------------- the client's side: processes of their own


def user_id(number: int) -> str:
    """Give the id of a user."""
    return f"22222222-2222-4222-8222-{number:012}"


def commands(day: date) -> Iterator[tuple[str | int, ...]]:
    """Give what makes a day's records, as charges would leave them."""
    pairs = [f"{user_id(number)}|{agent}" for number in range(USERS) for agent in AGENTS]
    usage: list[str | int] = ["completions", 9, "completions_deep", 3, "imported_chars", 1000]
    for model in ("gpt-4o", "gpt-4o-mini"):
        for purpose in ("QA", "DT", "IE"):
            for kind in ("input", "output", "requests", "weighted"):
                usage += [f"{kind}:demo|chat|sk-...6789|{model}|$|{purpose}", 1234]
    for pair in pairs:
        yield ("HSET", keys.rollup(keys.USAGE, COMPANY, day, pair), *usage)
        for letter in keys.SESSIONS:
            digests = [keys.session_digest(f"{pair}{day.toordinal() // 3}{n}") for n in range(SESSIONS)]
            yield ("SADD", keys.rollup(letter, COMPANY, day, pair), *digests)
    public = f"-|{AGENTS[0]}"
    yield ("HSET", keys.rollup(keys.USAGE, COMPANY, day, public), *usage)
    for n in range(0, PUBLIC_SESSIONS, 1000):
        digests = [keys.session_digest(f"{day}{m}") for m in range(n, n + 1000)]
        yield ("SADD", keys.rollup(keys.ALL_SESSIONS, COMPANY, day, public), *digests)
    yield ("SADD", keys.index(COMPANY, day), public, *pairs)
    yield ("HSET", keys.credits_hash(COMPANY, day), "chat", 10**9, "tool_call", 10**6)


async def fill(store_url: str, today: date) -> None:
    """Write all records."""
    store = Store.connect(store_url)
    for n in range(DAYS):
        waiting = list(commands(today - timedelta(days=n)))
        for at in range(0, len(waiting), 2000):
            await store.pipeline(waiting[at : at + 2000])
    await store.close()


def read(url: str) -> None:
    """Read an answer to its end, keeping none of it; print its bytes and its logs."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=600)
    connection.request("GET", parts.path + f"?{parts.query}", headers={"Authorization": f"Bearer {KEY}"})
    answer = connection.getresponse()
    size_bytes, logs, rest, end = 0, 0, b"", b""
    while piece := answer.read(1 << 16):
        size_bytes += len(piece)
        rest += piece
        logs += rest.count(LOG)
        rest = rest[1 - len(LOG) :]
        end = (end + piece)[-64:]
    if answer.status != 200 or (logs and not end.endswith(b'"resultMessage":"Ok"}')):
        raise SystemExit(f"{answer.status}: {end!r}")
    print(size_bytes, logs)


# ---------------------------------------------------------------- the gateway's side


@dataclass
class Watch:
    """What a ticker saw: how late it was, what the loop computed between two ticks, the most memory."""

    late_seconds: float = 0.0
    turn_seconds: float = 0.0
    peak_bytes: int = 0

    async def keep(self) -> None:
        """Tick until cancelled."""
        while True:
            before, computed = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK_SECONDS)
            self.late_seconds = max(self.late_seconds, time.perf_counter() - before - TICK_SECONDS)
            self.turn_seconds = max(self.turn_seconds, time.thread_time() - computed)
            self.peak_bytes = max(self.peak_bytes, resident_bytes())


def resident_bytes() -> int:
    """Give the memory of this process (Linux)."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE_BYTES


async def beside(*arguments: str) -> tuple[Watch, float, str]:
    """Run Python with arguments in a process of its own; give what a ticker here saw, the seconds, what it printed."""
    watch = Watch()
    ticker = asyncio.ensure_future(watch.keep())
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    seconds = time.perf_counter() - started
    ticker.cancel()
    if process.returncode:
        raise SystemExit(f"{arguments[-1]} failed")
    return watch, seconds, printed.decode()


async def slowest(store: Store) -> tuple[float, float]:
    """Give milliseconds of the store: the slowest kind of command's 99.9th percentile, and the most of any."""
    latencies = await store.execute("INFO", "latencystats")
    entries = await store.execute("SLOWLOG", "GET", -1)
    await store.pipeline([("CONFIG", "RESETSTAT"), ("SLOWLOG", "RESET")])
    kinds = [latencies[name] for name in (f"latency_percentiles_usec_{one}" for one in READS) if name in latencies]
    most = (micros for _, _, micros, command, *_ in entries if command[0].decode().lower() in READS)
    return max((kind["p99.9"] for kind in kinds), default=0.0) / 1000, max(most, default=0) / 1000


@asynccontextmanager
async def gateway(config: Config, store: Store) -> AsyncIterator[str]:
    """Serve; gives the address."""
    async with open_app(config, store, Vocabularies()) as app, listening(app, "127.0.0.1", 0, 5) as url:
        yield url


def ways(today: date) -> dict[str, str]:
    """Give what is read, by name."""
    since = today - timedelta(days=DAYS - 1)
    last = today.replace(day=1) - timedelta(days=1)
    month, quarter = (f"{a:%Y%m%d}/{b:%Y%m%d}" for a, b in ((last.replace(day=1), last), (since, today)))
    tenant, user, memori = (f"/api/v2/{whose}ConsumptionLogs/{KEY}" for whose in ("Tenant", "User", "Memori"))
    now_ms = int(datetime.combine(today, datetime.min.time(), UTC).timestamp() * 1000)
    then_ms = now_ms - (DAYS - 1) * 86_400_000
    return {
        "a user's day": f"{user}/{user_id(7)}/Daily/{today:%Y%m%d}",
        "a user's 90 days": f"{user}/{user_id(7)}/Daily/{quarter}",
        "a user's everything, by month": f"{user}/{user_id(7)}/Monthly",
        "an agent's month": f"{memori}/{AGENTS[0]}/Monthly/{month}",
        "the tenant's month": f"{tenant}/acme/Monthly/{month}",
        "the tenant's month by day": f"{tenant}/acme/Daily/{month}",
        "the tenant's 90 days": f"{tenant}/acme/Daily/{quarter}",
        "the bill of 90 days": f"/v1/account/bill/page?start_time={then_ms}&end_time={now_ms}",
        "/v1/usage of 90 days by user": f"/v1/usage?start={since}&end={today}&group_by=user",
    }


async def main() -> None:
    """Print a table."""
    today = datetime.now(UTC).date()
    with TemporaryDirectory() as directory:
        path = Path(directory) / "config.yaml"
        path.write_text(CONFIG, "utf-8")
        async with embedded(Path(directory) / "data") as server:
            store = Store.connect(server.url)
            _, seconds, _ = await beside(__file__, "fill", server.url, today.isoformat())
            size_bytes = (await store.execute("INFO", "memory"))["used_memory"]
            records = USERS * len(AGENTS) * DAYS
            print(f"{records:,} records written in {seconds:.0f} s: {size_bytes >> 20} MB in the store\n")
            await store.execute("CONFIG", "SET", "slowlog-log-slower-than", SLOW_MICROS)
            await store.execute("CONFIG", "SET", "slowlog-max-len", 100_000)
            async with gateway(load(path, {}), store) as url:
                gc.collect()
                gc.freeze()  # as the supervisor does
                await report(store, url, today)
            await store.close()


async def report(store: Store, url: str, today: date) -> None:
    """Print a row for each way of reading."""
    head = ("logs", "MB", "seconds", "grown MB", "late ms", "turn ms", "store ms", "longest")
    print(f"{'':30}" + "".join(f"{name:>9}" for name in head))
    watch, seconds, _ = await beside("-c", "sum(n * n for n in range(10**7))")
    print(f"{'(machine)':30}{'':18}{seconds:9.2f}{'':9}{watch.late_seconds * 1000:9.1f}")
    for name, target in ways(today).items():
        await slowest(store)
        before_bytes = resident_bytes()
        watch, seconds, printed = await beside(__file__, "read", url + target)
        size_bytes, logs = map(int, printed.split())
        store_ms, longest_ms = await slowest(store)
        row = f"{name:30}{logs:9,}{size_bytes / 1e6:9.1f}{seconds:9.2f}{(watch.peak_bytes - before_bytes) / 1e6:9.1f}"
        print(f"{row}{watch.late_seconds * 1000:9.1f}{watch.turn_seconds * 1000:9.1f}{store_ms:9.2f}{longest_ms:9.2f}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fill", store_url, day]:
            asyncio.run(fill(store_url, date.fromisoformat(day)))
        case ["read", url]:
            read(url)
        case _:
            uvloop.run(main())
