"""Owns the store as the rest of the program sees it: single commands, pipelines of them, scripts, and its epoch.

The rule that matters: a command that was sent is never sent again and never cancelled half-way. The library would
repeat a script whose reply was lost (a second charge), and a cancelled command leaves its reply in the socket for the
next caller (CVE-2023-28858). So retries are off, and every command runs in a task of its own, shielded from its caller.
Scripts are on the path of every call: they travel on pipelined connections instead (pipe.py). The one exception is a
command which the server says it did not run, because its data lives elsewhere (cluster.py) or the script is unknown.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Self

from gateway.errors import StoreUnavailable
from gateway.store.address import Address, Layout, parse_address
from gateway.store.border import CommandRefused, unavailable
from gateway.store.cluster import Cluster
from gateway.store.link import Script
from gateway.store.node import MAX_CONNECTIONS, Alone, Command, Node, Route
from gateway.store.sentinel import Watched

__all__ = ["MAX_CONNECTIONS", "CommandRefused", "Script", "Store"]

Submit = Callable[[Script, Sequence[str | bytes], Sequence[bytes | str | int]], asyncio.Future[Any]]


class Store:
    """One store: a server, a set under sentinels, a cluster. Every call raises StoreUnavailable when it is away.

    CommandRefused is for a mistake: of the program, or in the permissions of its user. Replies are bytes, never text.
    `address` is the URL without credentials; `server_died` is set when an embedded server behind it is gone.

    `submit(script, keys, args)` runs a script by its hash, where its first key lives, loading it once if the server
    does not know it; the future has its reply. Cancelling the future takes nothing back: the script runs.

    `epoch` names the memory behind the store, and each of `on_new_epoch` is called with it when it changes (epoch.py).
    """

    submit: Submit

    def __init__(self, address: Address, server_died: asyncio.Event | None = None) -> None:
        self.address = address.shown
        self.layout = address.layout
        self.server_died = server_died or asyncio.Event()
        self.epoch = ""
        self.on_new_epoch: list[Callable[[str], None]] = []
        self._commands: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._route = self._routed(address)
        self.submit = self._route.submit

    @classmethod
    def connect(cls, url: str, *, server_died: asyncio.Event | None = None) -> Self:
        """Make a store of a URL; connections are opened as they are needed. StoreRefused: the URL is none."""
        return cls(parse_address(url), server_died)

    def _routed(self, address: Address) -> Route:
        match address.layout:
            case Layout.SENTINEL:
                return Watched(address, self._look_at_the_epoch)
            case Layout.CLUSTER:
                return Cluster(address, self._look_at_the_epoch)
            case Layout.SERVER:
                return Alone(address, self._look_at_the_epoch)

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> Any:
        """Run a script as `submit` does and give its reply."""
        return await self.submit(script, keys, args)

    async def execute(self, *command: bytes | str | float) -> Any:
        """Run one plain command; the reply has the shape that redis-py gives it (RESP2), with bytes in it.

        In a cluster it goes where the second word, its key, lives; one without a key to some primary.
        """
        return await self._shielded(self._route.execute(command))

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in one round trip, in order and without a transaction; the first error is raised after all.

        In a cluster, one round trip to each server that holds one of their keys, in order among those of a key.
        """
        replies: list[Any] = await self._shielded(self._route.pipeline(commands))
        return replies

    async def nodes(self) -> Sequence[Node]:
        """Give the servers that hold data, each a primary."""
        nodes: Sequence[Node] = await self._shielded(self._route.nodes())
        return nodes

    async def on_every_node(self, *command: bytes | str | float) -> list[Any]:
        """Run one plain command on each of them; gives the replies."""
        return [await self._shielded(node.execute(*command)) for node in await self.nodes()]

    async def ping(self) -> None:
        """Return when the server has answered."""
        await self.execute("PING")

    async def close(self) -> None:
        """Let the commands in flight end (each is bounded by the timeouts), then close every connection."""
        self._closed = True
        self.submit = _refuse
        if self._commands:
            await asyncio.wait(self._commands)
        await self._route.close()

    async def _shielded(self, command: Coroutine[Any, Any, Any]) -> Any:
        if self._closed:
            command.close()
            raise _closed()
        task = asyncio.create_task(command)
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)
        return await asyncio.shield(task)

    def _look_at_the_epoch(self) -> None:
        if self._route.epoch != self.epoch:
            self.epoch = self._route.epoch
            for heard in self.on_new_epoch:
                heard(self.epoch)


def _closed() -> StoreUnavailable:
    return unavailable("this gateway has closed it")


def _refuse(script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> asyncio.Future[Any]:
    del script, keys, args
    refused = asyncio.get_running_loop().create_future()
    refused.set_exception(_closed())
    return refused
