"""Owns the store as the rest of the program sees it: single commands, pipelines of them, scripts, its parts and epoch.

Everything that is asked of the store passes a breaker here, that of the part (part.py) it is for: while that is open,
it fails at once, whoever asks.

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
from gateway.store.breaker import Breaker, State, silent
from gateway.store.cluster import Cluster
from gateway.store.link import Script
from gateway.store.node import MAX_CONNECTIONS, Alone, Command, Node, Route, raised
from gateway.store.part import Part
from gateway.store.sentinel import Watched
from gateway.store.shards import prefixes
from gateway.store.slots import key_of_command

__all__ = ["MAX_CONNECTIONS", "CommandRefused", "Script", "Store"]

RECOVERY_SECONDS = 1.0
"""How long whoever asks whether calls are admitted waits for what is brought to the store first."""
_NOTHING = Script("return 1")


class Store:
    """One store: a server, a set under sentinels, a cluster. Every call raises StoreUnavailable when it is away.

    CommandRefused is for a mistake: of the program, or in the permissions of its user. Replies are bytes, never text.
    `address` is the URL without credentials; `server_died` is set when an embedded server behind it is gone.

    `epoch` names the memory behind the store, and each of `on_new_epoch` is called with it when it changes (epoch.py).
    `changed` is set when its parts may be others, or their epochs; each of `on_change` is called when a breaker moves.
    """

    def __init__(self, address: Address, server_died: asyncio.Event | None = None) -> None:
        self.address = address.shown
        self.layout = address.layout
        self.server_died = server_died or asyncio.Event()
        self.epoch = ""
        self.on_new_epoch: list[Callable[[str], None]] = []
        self.on_change: list[Callable[[], None]] = []
        self.changed = asyncio.Event()
        self._is_armed = False
        self._commands: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._route = self._routed(address)

    @classmethod
    def connect(cls, url: str, *, server_died: asyncio.Event | None = None) -> Self:
        """Make a store of a URL; connections are opened as they are needed. StoreRefused: the URL is none."""
        return cls(parse_address(url), server_died)

    def _routed(self, address: Address) -> Route:
        match address.layout:
            case Layout.SENTINEL:
                return Watched(address, self._look_at_the_epoch, self._new_part)
            case Layout.CLUSTER:
                return Cluster(address, self._look_at_the_epoch, self._new_part)
            case Layout.SERVER:
                return Alone(address, self._look_at_the_epoch, self._new_part)

    # ---------------------------------------------------------------- its parts

    def arm(self) -> None:
        """Let breakers open from now on, of parts that are yet to come too: somebody closes them again (tending.py)."""
        self._is_armed = True
        for part in self.parts():
            part.breaker.arm()

    def part_of(self, key: str | bytes) -> Part:
        """Give the part that a key, or a shard by its prefix, lives in now."""
        return self._route.part_of(key)

    def parts(self) -> tuple[Part, ...]:
        """Give the parts in which some shard lives."""
        return tuple(dict.fromkeys(map(self._route.part_of, prefixes())))

    def shards_of(self, part: Part) -> tuple[str, ...]:
        """Give the prefixes of the shards that live in a part now."""
        return tuple(prefix for prefix in prefixes() if self._route.part_of(prefix) is part)

    @property
    def state(self) -> State:
        """Give the state of the part that fares worst."""
        return max(part.breaker.state for part in self.parts())

    async def admits(self, key: str | bytes, timeout_seconds: float = RECOVERY_SECONDS) -> bool:
        """Whether calls may be admitted where a key lives; one that recovers is waited for, at the latest so long."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        part = self.part_of(key)
        while part.breaker.state is State.RECOVERING:
            await part.breaker.recovered(deadline - asyncio.get_running_loop().time())
            before, part = part, self.part_of(key)
            if part is before:
                break
        return part.breaker.is_closed

    async def probe(self, part: Part) -> None:
        """Ask a part, also one that is not to be asked, whether it takes what calls bring; it writes nothing.

        Raises StoreUnavailable, CommandRefused.
        """
        shard = next(iter(self.shards_of(part)), prefixes()[0])
        # Refused like any write (OOM, READONLY, NOREPLICAS ...) where writes are; else there is no such member.
        await self._noted(part, self._route.execute(("ZADD", f"{shard}probe", "XX", 0, "0")))

    async def meet(self, part: Part) -> None:
        """Learn whose memory is behind a part now: afterwards its `epoch` says so. Raises StoreUnavailable."""
        await self.run(_NOTHING, [f"{next(iter(self.shards_of(part)), prefixes()[0])}probe"], ())

    async def ready(self, timeout_seconds: float = RECOVERY_SECONDS) -> bool:
        """Whether calls are admitted in every part, asking each. Raises StoreUnavailable where they are in none."""
        asking = (self._ready(part, timeout_seconds) for part in self.parts())
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if len(failures) == len(outcomes):
            raise failures[0]
        return not failures

    async def _ready(self, part: Part, timeout_seconds: float) -> None:
        await part.breaker.recovered(timeout_seconds)
        if not part.breaker.is_closed:
            raise silent()
        try:
            await self.probe(part)
        except CommandRefused as exc:
            raise unavailable("it does not understand us") from exc

    # ---------------------------------------------------------------- asking it

    def submit(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]
    ) -> "asyncio.Future[Any]":
        """Run a script by its hash, where its first key lives, loading it once if the server does not know it.

        The future has its reply; cancelling it takes nothing back: the script runs. That it failed is noted here, that
        it was answered by whoever understands the answer (`run`, or the ledger).
        """
        breaker = self._route.part_of(keys[0] if keys else None).breaker
        if breaker.is_open or self._closed:
            return _refused(_closed() if self._closed else silent())
        reply = self._route.submit(script, keys, args)
        reply.add_done_callback(breaker.failed_by)
        return reply

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> Any:
        """Run a script as `submit` does and give its reply."""
        breaker = self._route.part_of(keys[0] if keys else None).breaker
        reply = await self.submit(script, keys, args)
        breaker.answered()
        return reply

    async def execute(self, *command: bytes | str | float) -> Any:
        """Run one plain command; the reply has the shape that redis-py gives it (RESP2), with bytes in it.

        In a cluster it goes where the second word, its key, lives; one without a key to some primary.
        """
        part = self._route.part_of(key_of_command(command))
        part.breaker.check()
        return await self._noted(part, self._route.execute(command))

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in one round trip, in order and without a transaction; the first error is raised after all.

        In a cluster, one round trip to each part that holds one of their keys, in order among those of a key.
        """
        return raised(await self.pipeline_where_it_goes(commands))

    async def pipeline_where_it_goes(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands as `pipeline` does; those for a part that is away have its StoreUnavailable for a reply.

        Raises CommandRefused.
        """
        places: dict[Part, list[int]] = {}
        for at, command in enumerate(commands):
            places.setdefault(self._route.part_of(key_of_command(command)), []).append(at)
        work = (self._piped(part, [commands[at] for at in mine]) for part, mine in places.items())
        replies: list[Any] = [None] * len(commands)
        for mine, found in zip(places.values(), await asyncio.gather(*work), strict=True):
            for at, reply in zip(mine, found, strict=True):
                replies[at] = reply
        return replies

    async def _piped(self, part: Part, commands: Sequence[Command]) -> list[Any]:
        try:
            part.breaker.check()
            replies: list[Any] = await self._noted(part, self._route.pipeline(commands))
        except StoreUnavailable as exc:
            return [exc] * len(commands)
        return replies

    async def nodes(self) -> Sequence[Node]:
        """Give the servers that hold data, each a primary."""
        nodes: Sequence[Node] = await self._shielded(self._route.nodes())
        return nodes

    async def on_every_node(self, *command: bytes | str | float) -> list[Any]:
        """Run one plain command on each of them; gives the replies."""
        return [await self._shielded(node.execute(*command)) for node in await self.nodes()]

    async def ping(self) -> None:
        """Return when a server has answered, of a cluster any. Raises StoreUnavailable."""
        outcomes = await asyncio.gather(*(node.execute("PING") for node in await self.nodes()), return_exceptions=True)
        if all(isinstance(outcome, BaseException) for outcome in outcomes):
            raised(outcomes)

    async def clock_ms(self, part: Part) -> int:
        """Give a part's time in ms. Raises StoreUnavailable."""
        part.breaker.check()
        nodes = await self.nodes()
        node = next((node for node in nodes if node.shown == part.name), nodes[0])
        seconds, microseconds = await self._noted(part, node.execute("TIME"))
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def close(self) -> None:
        """Let the commands in flight end (each is bounded by the timeouts), then close every connection."""
        self._closed = True
        if self._commands:
            await asyncio.wait(self._commands)
        await self._route.close()

    async def _shielded(self, command: Coroutine[Any, Any, Any]) -> Any:
        if self._closed:
            command.close()
            raise _closed()
        task = asyncio.create_task(command)
        self._commands.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._commands.discard(task)
        if not task.cancelled():
            task.exception()  # who asked hears of it, or has left

    async def _noted(self, part: Part, command: Coroutine[Any, Any, Any]) -> Any:
        try:
            reply = await self._shielded(command)
        except (StoreUnavailable, CommandRefused) as exc:
            part.breaker.heard(exc)
            raise
        part.breaker.answered()
        return reply

    def _new_part(self, name: str, epoch: Callable[[], str]) -> Part:
        breaker = Breaker(armed=self._is_armed)
        breaker.on_change = self._tell_of_change
        return Part(name, epoch, breaker)

    def _tell_of_change(self) -> None:
        for heard in self.on_change:
            heard()

    def _look_at_the_epoch(self) -> None:
        self.changed.set()
        if self._route.epoch != self.epoch:
            self.epoch = self._route.epoch
            for heard in self.on_new_epoch:
                heard(self.epoch)


def _closed() -> StoreUnavailable:
    return unavailable("this gateway has closed it")


def _refused(failure: StoreUnavailable) -> "asyncio.Future[Any]":
    refused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    refused.set_exception(failure)
    return refused
