"""Owns the connections to the store: redis-py's pool for single commands, the pipe for scripts.

The rule that matters: a command that was sent is never sent again and never cancelled half-way. The library would
repeat a script whose reply was lost (a second charge), and a cancelled command leaves its reply in the socket for the
next caller (CVE-2023-28858). So retries are off, and every command runs in a task of its own, shielded from its caller.
Scripts are on the path of every call: they travel on two pipelined connections instead (pipe.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Self

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gateway.store.address import Address, parse_address
from gateway.store.border import CommandRefused, border, unavailable
from gateway.store.pipe import TIMEOUT_SECONDS, Pipe, Script

__all__ = ["MAX_CONNECTIONS", "CommandRefused", "Script", "Store"]

MAX_CONNECTIONS = 64


class Store:
    """One pool of connections to one server. Every call raises StoreUnavailable when the server cannot be used now.

    CommandRefused is for a mistake: of the program, or in the permissions of its user. Replies are bytes, never text.
    `address` is the URL without credentials; `server_died` is set when an embedded server behind it is gone.
    """

    def __init__(self, redis: Redis, address: Address, server_died: asyncio.Event | None = None) -> None:
        self.redis = redis
        self._send: Callable[..., Awaitable[Any]] = redis.execute_command
        self.address = address.shown
        self._pipes = (Pipe(address), Pipe(address))
        self.server_died = server_died or asyncio.Event()
        self._commands: set[asyncio.Task[Any]] = set()
        self._closed = False

    @classmethod
    def connect(cls, url: str, *, server_died: asyncio.Event | None = None) -> Self:
        """Make a store of a URL; connections are opened as they are needed. StoreRefused: the URL is none."""
        address = parse_address(url)
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
        return cls(Redis(connection_pool=pool), address, server_died)

    def submit(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]
    ) -> asyncio.Future[Any]:
        """Run a script by its hash, loading it once if the server does not know it; the future has its reply.

        Cancelling the future takes nothing back: the script runs.
        """
        if self._closed:
            refused = asyncio.get_running_loop().create_future()
            refused.set_exception(unavailable("this gateway has closed it"))
            return refused
        first, second = self._pipes
        return (first if first.waiting <= second.waiting else second).run(script, keys, args)

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> Any:
        """Run a script as `submit` does and give its reply."""
        return await self.submit(script, keys, args)

    async def execute(self, *command: bytes | str | float) -> Any:
        """Run one plain command; the reply has the shape that redis-py gives it (RESP2), with bytes in it."""
        return await self._shielded(self._execute(command))

    async def pipeline(self, commands: Sequence[tuple[bytes | str | float, ...]]) -> list[Any]:
        """Run commands in one round trip, in order and without a transaction; the first error is raised after all."""
        replies: list[Any] = await self._shielded(self._pipeline(commands))
        return replies

    async def ping(self) -> None:
        """Return when the server has answered."""
        await self.execute("PING")

    async def close(self) -> None:
        """Let the commands in flight end (each is bounded by the timeouts), then close every connection."""
        self._closed = True
        if self._commands:
            await asyncio.wait(self._commands)
        for pipe in self._pipes:
            await pipe.close()
        await self.redis.aclose(close_connection_pool=True)

    async def _shielded(self, command: Coroutine[Any, Any, Any]) -> Any:
        if self._closed:
            command.close()
            raise unavailable("this gateway has closed it")
        task = asyncio.create_task(command)
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)
        return await asyncio.shield(task)

    async def _execute(self, command: tuple[Any, ...]) -> Any:
        with border():
            return await self._send(*command)

    async def _pipeline(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        with border():
            async with self.redis.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                replies: list[Any] = await pipe.execute(raise_on_error=False)
            for reply in replies:
                if isinstance(reply, Exception):
                    raise reply
            return replies
