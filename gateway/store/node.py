"""Owns one server of the store: redis-py's pool for single commands, two pipes for scripts, and who answers there.

The rule that matters: a command that was sent is never sent again by the library, and never cancelled half-way (who
calls shields it). All connections of pipes lead to one epoch of the server: when one meets another, the rest end first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AskError, RedisError, TryAgainError

from gateway.errors import StoreUnavailable
from gateway.store.address import Address
from gateway.store.border import border, translate
from gateway.store.epoch import Greeting
from gateway.store.link import TIMEOUT_SECONDS, Routed, Script, Sent
from gateway.store.part import NewPart, Part
from gateway.store.pipe import Host, Pipe

MAX_CONNECTIONS = 64

Command = tuple[bytes | str | float, ...]


class Route(Protocol):
    """Which server a command goes to: the one (below), sentinel.py, cluster.py. Calls raise StoreUnavailable."""

    @property
    def epoch(self) -> str:
        """The epoch of what is behind (epoch.py); empty before anything was asked."""

    def part_of(self, key: str | bytes | None) -> Part:
        """Give the part that a key lives in, as far as is known; without a key, some part that is there."""

    def submit(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]
    ) -> asyncio.Future[Any]:
        """Run a script where its first key lives."""

    async def execute(self, command: Command) -> Any:
        """Run one command, where its first key lives."""

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in few round trips; the first error is raised after all."""

    async def nodes(self) -> "Sequence[Node]":
        """Give the servers that hold data, each a primary."""

    async def close(self) -> None:
        """End what is open; what was sent is answered first."""


class Keeper(Protocol):
    """Who has nodes, and hears from them."""

    def is_sent_on(self, node: "Node", sent: Routed, reply: str) -> bool:
        """Whether a script that a node did not run (MOVED, ASK, TRYAGAIN) is sent again."""

    def troubled(self, node: "Node") -> None:
        """Hear that a node is not what it should be."""

    def greeted(self, node: "Node") -> None:
        """Hear that a node has another epoch than before."""


class Node(Host):
    """One server. `epoch` is empty until a script was sent; `shown` is its address without credentials."""

    def __init__(self, address: Address, keeper: Keeper) -> None:
        self.shown = address.shown
        self.epoch = ""
        self._keeper = keeper
        self._pipes = (Pipe(address, self), Pipe(address, self))
        self._address = address
        self._redis = _client(address)
        self._send: Callable[..., Awaitable[Any]] = self._redis.execute_command

    def submit(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]
    ) -> asyncio.Future[Any]:
        """Run a script here, on the pipe where less is waiting."""
        first, second = self._pipes
        return (first if first.waiting <= second.waiting else second).run(script, keys, args)

    def pass_on(self, sent: Sent) -> None:
        """Send what was made already."""
        first, second = self._pipes
        (first if first.waiting <= second.waiting else second).pass_on(sent)

    async def execute(self, *command: bytes | str | float) -> Any:
        """Run one command here."""
        with border():
            return await self.ask(command)

    async def ask(self, command: Command, *, is_asking: bool = False) -> Any:
        """Run one command; foreign errors come as they are. `is_asking`: for a slot that is only arriving here."""
        if is_asking:
            return raised(await self.ask_all([("ASKING",), command]))[1]
        with self._noticing():
            return await self._send(*command)

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in one round trip, in order and without a transaction; errors are among the replies."""
        with self._noticing():
            async with self._redis.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                replies: list[Any] = await pipe.execute(raise_on_error=False)
            return replies

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except (AskError, TryAgainError):
            raise
        except (RedisError, OSError) as exc:
            if isinstance(translate(exc), StoreUnavailable):
                self.troubled()
            raise

    def is_sent_on(self, sent: Sent, reply: str) -> bool:
        """Let the keeper decide about a script that knows its slot."""
        return isinstance(sent, Routed) and self._keeper.is_sent_on(self, sent, reply)

    def troubled(self) -> None:
        """Tell the keeper."""
        self._keeper.troubled(self)

    def greeted(self, greeting: Greeting) -> None:
        """End the connections to another epoch than the one just met, then tell the keeper."""
        if greeting.epoch != self.epoch:
            for pipe in self._pipes:
                pipe.leave(greeting.epoch)
            self.epoch = greeting.epoch
            self._keeper.greeted(self)

    async def forsake(self) -> None:
        """Use no connection any more that is there: its name may lead to another server by now."""
        before, self._redis = self._redis, _client(self._address)
        self._send = self._redis.execute_command
        for pipe in self._pipes:
            await pipe.forsake()
        await before.connection_pool.disconnect(inuse_connections=False)  # those in use end with their pool

    async def close(self) -> None:
        """Let what was sent be answered (within the timeouts), then close every connection."""
        for pipe in self._pipes:
            await pipe.close()
        await self._redis.aclose(close_connection_pool=True)


class Alone:
    """The route to a store that is one server, by a name or an address that may move to another.

    A server that was demoted keeps its connections and answers READONLY, so each probe of an open breaker dials anew.
    """

    def __init__(self, address: Address, on_epoch: Callable[[], None], new_part: NewPart) -> None:
        self._node = Node(address, self)
        self._part = new_part(self._node.shown, lambda: self._node.epoch)
        self._on_epoch = on_epoch
        self.submit = self._node.submit

    def part_of(self, key: str | bytes | None) -> Part:
        """Give the one."""
        del key
        return self._part

    def is_sent_on(self, node: Node, sent: Routed, reply: str) -> bool:
        """Never: it is a server's business alone."""
        del node, sent, reply
        return False

    def troubled(self, node: Node) -> None:
        """Wait for it: its breaker counts, and is probed."""

    def greeted(self, node: Node) -> None:
        """Tell the store."""
        del node
        self._on_epoch()

    @property
    def epoch(self) -> str:
        """The server's."""
        return self._node.epoch

    async def execute(self, command: Command) -> Any:
        """Run it there."""
        with border():
            if self._part.breaker.is_open:  # a probe: nobody else asks now
                await self._node.forsake()
            return await self._node.ask(command)

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run them there."""
        with border():
            return raised(await self._node.ask_all(commands))

    async def nodes(self) -> Sequence[Node]:
        """Give the one."""
        return (self._node,)

    async def close(self) -> None:
        """Close the one."""
        await self._node.close()


def raised(replies: list[Any]) -> list[Any]:
    """Give replies, or raise the first error among them."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def _client(address: Address) -> Redis:
    arguments: dict[str, Any] = dict(address.arguments)
    pool = BlockingConnectionPool(
        **arguments,
        connection_class=address.connection_class,
        max_connections=MAX_CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
        protocol=2,
        driver_info=None,
        health_check_interval=0,
    )
    return Redis(connection_pool=pool)
