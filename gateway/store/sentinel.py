"""Owns the way to a set that sentinels watch: which server is the primary now.

The rule that matters: nothing goes to a replica. The sentinels are asked who is the primary (the answer that most of
them give), it must say so itself, and each connection asks again before it is used. They are asked twice a second, and
at once on a lost or silent connection and on every answer that means the server is not itself (READONLY ...): in a
planned failover the old primary takes writes for seconds that nobody will see. What it acknowledged in between is sent
again by the epoch (epoch.py); one that is cut off must stop by itself: min-replicas-to-write (docs/operations.md).

Sentinel: https://valkey.io/topics/sentinel-clients/
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from gateway.errors import StoreUnavailable
from gateway.store.address import Address, Place
from gateway.store.border import CommandRefused, border
from gateway.store.link import Routed, Script, Sent, packed
from gateway.store.node import Command, Node, raised
from gateway.store.part import NewPart, Part
from gateway.store.seeker import Seeker

_LOST = "its sentinels name no primary that answers"


class Watched(Seeker):
    """The route to the primary of a service."""

    def __init__(self, address: Address, on_epoch: Callable[[], None], new_part: NewPart) -> None:
        super().__init__()
        self._part = new_part(address.shown, lambda: self.epoch)
        self._address = address
        self._on_epoch = on_epoch
        self._sentinels = [Node(address.sentinel_at(place), self) for place in address.seeds]
        self._node: Node | None = None
        self._place: Place | None = None

    @property
    def epoch(self) -> str:
        """The primary's."""
        return self._node.epoch if self._node is not None else ""

    def part_of(self, key: str | bytes | None) -> Part:
        """Give the one: whoever is the primary."""
        del key
        return self._part

    def submit(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]
    ) -> asyncio.Future[Any]:
        """Run it on the primary."""
        if self._node is not None:
            return self._node.submit(script, keys, args)
        future = asyncio.get_running_loop().create_future()
        self.send(Sent(future, packed(("EVALSHA", script.sha1, len(keys), *keys, *args)), script))
        return future

    async def execute(self, command: Command) -> Any:
        """Run it on the primary."""
        (node,) = await self.nodes()
        return await node.execute(*command)

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run them on the primary."""
        (node,) = await self.nodes()
        with border():
            return raised(await node.ask_all(commands))

    async def nodes(self) -> Sequence[Node]:
        """Give the primary."""
        if self._node is None:
            await self.sought()
        if self._node is None:
            raise self.lost(_LOST)
        return (self._node,)

    async def close(self) -> None:
        """Close what is open."""
        await self.end()
        for node in (*self._sentinels, *([self._node] if self._node else ())):
            await node.close()

    def is_sent(self, sent: Sent) -> bool:
        """Send it to the primary, if there is one."""
        if self._node is not None:
            self._node.pass_on(sent)
        return self._node is not None

    def is_sent_on(self, node: Node, sent: Routed, reply: str) -> bool:
        """Never: there is one primary."""
        del node, sent, reply
        return False

    def troubled(self, node: Node) -> None:
        """Ask the sentinels again."""
        if node is self._node:
            self.seek()

    def greeted(self, node: Node) -> None:
        """Tell the store of the primary's epoch; a primary of the past changes nothing."""
        if node is self._node:
            self._on_epoch()

    async def is_well(self) -> bool:
        """Never: a planned failover leaves the old primary as it is for seconds, so sentinels are asked on and on."""
        return False

    async def look(self) -> None:
        """Go to whom most sentinels name, if it is a primary."""
        votes = Counter(filter(None, await asyncio.gather(*map(self._vote, self._sentinels))))
        for place, _ in votes.most_common(1):
            if place == self._place:
                return
            node = Node(self._address.at(place), self)
            if not await self._is_primary(node):
                self.leave(node.close())
                return
            before, self._node, self._place = self._node, node, place
            if before is not None:
                self.leave(before.close())

    async def _vote(self, sentinel: Node) -> Place | None:
        try:
            answer = await sentinel.execute("SENTINEL GET-MASTER-ADDR-BY-NAME", self._address.service)
        except (StoreUnavailable, CommandRefused) as exc:
            self._failure = exc
            return None
        if answer is None:
            return None
        host, port = answer
        return (host.decode() if isinstance(host, bytes) else host), int(port)

    async def _is_primary(self, node: Node) -> bool:
        try:
            info = await node.execute("INFO", "replication")
        except (StoreUnavailable, CommandRefused) as exc:
            self._failure = exc
            return False
        return bool(info.get("role") == "master")
