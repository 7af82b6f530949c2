"""A store behind a name or address that moves: another server answers there, the one before keeps its clients."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gateway.store.connection import Script, Store
from gateway.store.tending import Tending
from tests.budget.orders import SHARD
from tests.store.restartable import Restartable, restartable
from tests.store.servers import ask, until

COUNT = Script("return redis.call('INCR', KEYS[1])")


class Name:
    """Leads each new connection to `server`; those that are there stay where they are."""

    def __init__(self, server: Restartable) -> None:
        self.server = server
        self.open = 0

    async def lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        self.open += 1
        there = await asyncio.open_unix_connection(self.server.socket)
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        self.open -= 1


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@asynccontextmanager
async def named(server: Restartable) -> AsyncIterator[tuple[Name, str]]:
    """Give such a name and its URL."""
    name = Name(server)
    listener = await asyncio.start_server(name.lead, "127.0.0.1", 0)
    try:
        yield name, f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()


async def test_a_name_that_moves_is_followed(tmp_path: Path) -> None:
    """The demoted server goes on answering READONLY; commands and scripts arrive at the new one, none at the old."""
    with restartable(tmp_path / "a") as old, restartable(tmp_path / "b") as new:
        async with named(old) as (name, url):
            store = Store.connect(url)
            (part,) = store.parts()
            task = asyncio.ensure_future(Tending(store).run())
            await until(lambda: part.breaker.is_closed)
            keys = [f"{SHARD}x"]
            assert sorted(await asyncio.gather(*(store.run(COUNT, keys, []) for _ in range(4)))) == [1, 2, 3, 4]
            await asyncio.gather(*(store.execute("GET", keys[0]) for _ in range(4)))  # several connections of each kind
            epoch = part.epoch
            name.server = new
            await ask(old.url, "REPLICAOF", "127.0.0.1", 1)
            await until(lambda: part.breaker.is_open)
            await until(lambda: part.breaker.is_closed)
            assert part.epoch != epoch
            assert sorted(await asyncio.gather(*(store.run(COUNT, keys, []) for _ in range(4)))) == [1, 2, 3, 4]
            assert sorted(await asyncio.gather(*(store.execute("INCR", keys[0]) for _ in range(4)))) == [5, 6, 7, 8]
            assert await ask(old.url, "GET", keys[0]) == b"4"
            task.cancel()
            await asyncio.wait({task})
            await store.close()
            await until(lambda: not name.open)  # nothing was left open, the pool that was given up neither
