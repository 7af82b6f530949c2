"""Owns the connections to the store, and the border where redis-py's errors become ours.

The rule that matters: a command that was sent is never sent again and never cancelled half-way. The library would
repeat a script whose reply was lost (a second charge), and a cancelled command leaves its reply in the socket for the
next caller (CVE-2023-28858). So retries are off, and every command runs in a task of its own, shielded from its caller.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    DataError,
    NoScriptError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.errors import StoreUnavailable
from gateway.store.address import parse_address

MAX_CONNECTIONS = 64
TIMEOUT_SECONDS = 1.0

# States of a server in which nothing is wrong with the command (LEDGER.md section 8).
_AWAY_CODES = frozenset({"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "OOM", "NOREPLICAS", "BUSY", "MISCONF"})

# The first that fits wins. Our own words only: a foreign message may hold an address, an argument or a credential.
_AWAY_ERRORS: tuple[tuple[type[BaseException], str], ...] = (
    (AuthenticationError, "it refuses the credentials"),
    (AuthorizationError, "it refuses the credentials"),
    (BusyLoadingError, "it is loading its data"),
    (RedisTimeoutError, "it did not answer in time"),
    (TimeoutError, "it did not answer in time"),
    (RedisConnectionError, "the connection failed"),
    (RedisError, "the connection broke"),
    (OSError, "the connection failed"),
)


class CommandRefused(RuntimeError):
    """A mistake of ours: the server understood the command and refuses it as such; `code` is the kind of its error."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the store refused a command: {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the SHA-1 the server knows it by (https://valkey.io/commands/evalsha/)."""

    text: str
    sha1: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha1", digest)


class Store:
    """One pool of connections to one server. Every call raises StoreUnavailable when the server cannot be used now.

    CommandRefused is for a mistake: of the program, or in the permissions of its user. Replies are bytes, never text.
    `address` is the URL without credentials; `server_died` is set when an embedded server behind it is gone.
    """

    def __init__(self, redis: Redis, address: str, server_died: asyncio.Event | None = None) -> None:
        self.redis = redis
        self.address = address
        self.server_died = server_died or asyncio.Event()
        self._send: Callable[..., Awaitable[Any]] = redis.execute_command
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
        return cls(Redis(connection_pool=pool), address.shown, server_died)

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> Any:
        """Run a script by its hash, loading it once if the server does not know it, and give its reply."""
        return await self._shielded(self._run(script, (len(keys), *keys, *args)))

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
        await self.redis.aclose(close_connection_pool=True)

    async def _shielded(self, command: Coroutine[Any, Any, Any]) -> Any:
        if self._closed:
            command.close()
            raise _unavailable("this gateway has closed it")
        task = asyncio.create_task(command)
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)
        return await asyncio.shield(task)

    async def _run(self, script: Script, rest: tuple[Any, ...]) -> Any:
        with _border():
            try:
                return await self._send("EVALSHA", script.sha1, *rest)
            except NoScriptError:
                await self._send("SCRIPT LOAD", script.text)
                return await self._send("EVALSHA", script.sha1, *rest)

    async def _execute(self, command: tuple[Any, ...]) -> Any:
        with _border():
            return await self._send(*command)

    async def _pipeline(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        with _border():
            async with self.redis.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                replies: list[Any] = await pipe.execute(raise_on_error=False)
            for reply in replies:
                if isinstance(reply, Exception):
                    raise reply
            return replies


@contextmanager
def _border() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as exc:
        error = origin(exc)
        if isinstance(error, ResponseError | DataError):
            code = _code(error)
            raise (outage(code) or CommandRefused(code)) from exc
        raise _unavailable(next(words for kind, words in _AWAY_ERRORS if isinstance(error, kind))) from exc


def outage(reply: str) -> StoreUnavailable | None:
    """Give the outage that an error reply means, also one that a script caught; None where the command is at fault."""
    code = reply.partition(" ")[0]
    return _unavailable(f"it answers {code}") if code in _AWAY_CODES else None


def _unavailable(reason: str) -> StoreUnavailable:
    return StoreUnavailable(f"The budget store is not available: {reason}.", headers={"Retry-After": "1"})


def origin(error: BaseException | None) -> BaseException | None:
    """Give what an error is about: on a unix socket redis-py wraps a refused login into a ConnectionError."""
    return error.__cause__ if error and isinstance(error.__cause__, RedisError) else error


def _code(error: RedisError) -> str:
    """Give the first word of an error reply, which is its kind (https://valkey.io/topics/protocol/#simple-errors)."""
    return error.status_code or str(error).partition(" ")[0]
