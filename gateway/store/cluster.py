"""Owns the way into a cluster: which server holds a slot, and following slots that move.

The rule that matters: a script is sent again only after an answer that says it was not run: MOVED (to the server it
names, which holds the slot from now on), ASK (there, this once), TRYAGAIN (after a pause, while its keys are on two
servers), for at most `TIMEOUT_SECONDS` in all. CLUSTERDOWN, silence and lost connections are an outage. After each of
them the slots' map is asked for again, from every server that is known; what most of them say is taken.

Cluster: https://valkey.io/topics/cluster-spec/#redirection-and-resharding
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import AskError, MovedError, RedisError, TryAgainError

from gateway.errors import StoreUnavailable
from gateway.store.address import Address, Place
from gateway.store.border import CommandRefused, border, code_of
from gateway.store.epoch import joined
from gateway.store.link import TIMEOUT_SECONDS, Routed, Script, Sent, packed
from gateway.store.node import Command, Node, raised
from gateway.store.part import NewPart, Part
from gateway.store.seeker import Seeker
from gateway.store.slots import (
    SLOTS,
    Ranges,
    most_given,
    place_of,
    read_ranges,
    read_redirect,
    slot_of_command,
    slot_of_key,
)

_HOPS_AT_ONCE = 4
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.005, 0.1
_LOST = "no server of the cluster can be found"
_MOVING = (AskError, TryAgainError)  # MovedError is an AskError


class Cluster(Seeker):
    """The route to the server of a slot."""

    def __init__(self, address: Address, on_epoch: Callable[[], None], new_part: NewPart) -> None:
        super().__init__()
        self._new_part = new_part
        self._nowhere = new_part(address.shown, lambda: "")
        self._parts: dict[Node, Part] = {}
        self._address = address
        self._on_epoch = on_epoch
        self._ranges: Ranges = ()
        self._slots: list[Node | None] = [None] * SLOTS
        self._nodes: dict[Place, Node] = {}
        self._places: dict[Node, Place] = {}
        self._suspects: set[Node] = set()
        self._is_agreed = True

    @property
    def epoch(self) -> str:
        """The epochs of all nodes that were met."""
        return joined(node.epoch for node in self._primaries())

    def part_of(self, key: str | bytes | None) -> Part:
        """Give the primary of its slot; while no server is known for it, a part of its own."""
        if key is None:
            there = (part for part in self._parts.values() if not part.breaker.is_open)
            return next(there, self._nowhere)
        node = self._slots[slot_of_key(key)]
        return self._nowhere if node is None else self._parts[node]

    def submit(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]
    ) -> asyncio.Future[Any]:
        """Run it where its first key lives."""
        command = packed(("EVALSHA", script.sha1, len(keys), *keys, *args))
        future = asyncio.get_running_loop().create_future()
        self.send(Routed(future, command, script, slot=slot_of_key(keys[0]) if keys else 0, source=script))
        return future

    async def execute(self, command: Command) -> Any:
        """Run it where its key lives; without a key, on some primary."""
        slot = slot_of_command(command)
        with border():
            if slot is None:
                return await (await self._anyone()).ask(command)
            return await self._follow(command, slot)

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run them on their servers at the same time; one whose data has moved is run again where it is."""
        if not self._ranges:
            await self.sought()
        slots = [slot_of_command(command) or 0 for command in commands]
        mine: dict[Node, list[int]] = {}
        for at, slot in enumerate(slots):
            mine.setdefault(self._holder(slot), []).append(at)
        with border():
            parts = await asyncio.gather(*(_part(node, commands, places) for node, places in mine.items()))
            found = {at: reply for part in parts for at, reply in part.items()}
            for at, command in enumerate(commands):
                if isinstance(found[at], _MOVING):
                    found[at] = await self._follow(command, slots[at])
            return raised([found[at] for at in range(len(commands))])

    async def nodes(self) -> Sequence[Node]:
        """Give the primaries, in the order of their first slots."""
        if not self._ranges:
            await self.sought()
        if not self._ranges:
            raise self.lost(_LOST)
        return tuple(dict.fromkeys(self._node_at(place) for _, _, place in self._ranges))

    async def _anyone(self) -> Node:
        nodes = await self.nodes()
        return next((node for node in nodes if not self._parts[node].breaker.is_open), nodes[0])

    async def close(self) -> None:
        """Close what is open."""
        await self.end()
        for node in list(self._nodes.values()):
            await node.close()

    def is_sent(self, sent: Sent) -> bool:
        """Send it to the holder of its slot, if that is known."""
        node = self._slots[sent.slot] if isinstance(sent, Routed) else None
        if node is not None and not self._is_closed:
            node.pass_on(sent)
        return node is not None and not self._is_closed

    def is_sent_on(self, node: Node, sent: Routed, reply: str) -> bool:
        """Follow MOVED and ASK at once, TRYAGAIN after a pause, as long as there is time."""
        loop = asyncio.get_running_loop()
        sent.give_up_at = sent.give_up_at or loop.time() + TIMEOUT_SECONDS
        code = code_of(reply)
        if code == "NOSCRIPT" or self._is_closed or loop.time() >= sent.give_up_at:
            return False
        sent.hops += 1
        sent.script, sent.is_asking = sent.source, code == "ASK" and sent.hops <= _HOPS_AT_ONCE
        target = node if code == "TRYAGAIN" else self._named(reply, node)
        if code == "MOVED":
            self._moved(sent.slot, target)
        if code == "TRYAGAIN" or sent.hops > _HOPS_AT_ONCE:
            loop.call_later(_pause(sent.hops), self.send, sent)
        else:
            target.pass_on(sent)
        return True

    def troubled(self, node: Node) -> None:
        """Ask for the map again, until the node answers or has no slots."""
        if node in self._primaries():
            self._suspects.add(node)
            self.seek()

    def greeted(self, node: Node) -> None:
        """Tell the store that a node has another epoch."""
        del node
        self._on_epoch()

    async def is_well(self) -> bool:
        """Whether all give one map, and every node that was in trouble answers, or holds nothing."""
        for node in list(self._suspects):
            if node not in self._primaries() or await _is_there(node):
                self._suspects.discard(node)
        return self._is_agreed and not self._suspects

    async def look(self) -> None:
        """Take the map that most of those who answer give: one that is cut off goes on giving its own."""
        places = dict.fromkeys((*self._nodes, *self._address.seeds))
        asked = [asyncio.get_running_loop().create_task(self._map_of(place)) for place in places]
        votes: Counter[Ranges] = Counter()
        for answer in asyncio.as_completed(asked):
            ranges = await answer
            votes.update([ranges] if ranges else ())
            if ranges and ranges != self._ranges and votes[ranges] > len(asked) / 2:
                break  # the others cannot change it, and may be silent for long
        self.behind(*asked)
        chosen = most_given(votes, self._ranges)
        self._is_agreed = chosen == self._ranges and len(votes) <= 1
        if chosen != self._ranges:
            self._adopt(chosen)

    async def _map_of(self, place: Place) -> Ranges:
        try:
            return read_ranges(await self._node_at(place).execute("CLUSTER SLOTS"), place)
        except (StoreUnavailable, CommandRefused) as exc:
            self._failure = exc
            return ()

    def _adopt(self, ranges: Ranges) -> None:
        self._ranges = ranges
        slots: list[Node | None] = [None] * SLOTS
        for first, last, place in ranges:
            slots[first : last + 1] = [self._node_at(place)] * (last - first + 1)
        self._parts = {node: self._part_at(node) for node in dict.fromkeys(slots) if node is not None}
        self._slots = slots
        kept = {place for _, _, place in ranges} | set(self._address.seeds)
        for place in self._nodes.keys() - kept:
            node = self._nodes.pop(place)
            self._places.pop(node)
            self.leave(node.close())
        self._on_epoch()

    def _moved(self, slot: int, holder: Node) -> None:
        """Believe a server that names another as a slot's holder, and ask for the whole map."""
        self._parts[holder] = self._part_at(holder)
        self._slots[slot] = holder
        self.seek()
        self._on_epoch()

    def _part_at(self, node: Node) -> Part:
        known = self._parts.get(node)
        return self._new_part(node.shown, lambda: node.epoch) if known is None else known

    async def _follow(self, command: Command, slot: int) -> Any:
        """Run a command wherever it is sent to."""
        loop = asyncio.get_running_loop()
        give_up_at, hops = loop.time() + TIMEOUT_SECONDS, 0
        if self._slots[slot] is None:
            await self.sought()
        node, is_asking = self._holder(slot), False
        while True:
            try:
                return await node.ask(command, is_asking=is_asking)
            except _MOVING as exc:
                if loop.time() >= give_up_at:
                    raise
                hops += 1
                is_asking = isinstance(exc, AskError) and not isinstance(exc, MovedError)
                if isinstance(exc, AskError):
                    node = self._node_at(place_of(exc.host, exc.port, self._places.get(node, ("", 0))))
                if isinstance(exc, MovedError):
                    self._moved(slot, node)
                elif not is_asking or hops > _HOPS_AT_ONCE:
                    await asyncio.sleep(_pause(hops))
                    node, is_asking = self._holder(slot), False

    def _holder(self, slot: int) -> Node:
        node = self._slots[slot]
        if node is None:
            self.seek()
            raise self.lost(_LOST)
        return node

    def _primaries(self) -> set[Node]:
        return {self._nodes[place] for _, _, place in self._ranges if place in self._nodes}

    def _named(self, reply: str, node: Node) -> Node:
        return self._node_at(read_redirect(reply, self._places.get(node, ("", 0))))

    def _node_at(self, place: Place) -> Node:
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes[place] = Node(self._address.at(place), self)
            self._places[node] = place
        return node


async def _part(node: Node, commands: Sequence[Command], places: Sequence[int]) -> dict[int, Any]:
    """Run a node's commands; gives the replies by place, of an outage the same to each."""
    try:
        replies = await node.ask_all([commands[at] for at in places])
    except (RedisError, OSError) as exc:
        replies = [exc] * len(places)
    return dict(zip(places, replies, strict=True))


def _pause(hops: int) -> float:
    return min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * (1 << hops))


async def _is_there(node: Node) -> bool:
    try:
        await node.execute("PING")
    except (StoreUnavailable, CommandRefused):
        return False
    return True
