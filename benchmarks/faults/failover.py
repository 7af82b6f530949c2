"""Failovers: another server takes the place of the one that has the charges, and does not have all of them.

The rule that matters: the gateway's processes live on and are told nothing. What the lost server acknowledged and
nobody else knows, they have to bring again themselves, out of their journals, before they admit another call.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from redis.exceptions import RedisError

from benchmarks.faults.calls import Load
from benchmarks.faults.fault import BACK_SECONDS, Blow, answered, whole
from benchmarks.faults.site import COMPANY, Site, external, opened, until
from benchmarks.faults.topology import Member, WatchedSet, holder, is_sound, start_again, watched_set
from gateway.budget import keys
from gateway.store.shards import prefix
from gateway.store.slots import slot_of_key
from tests.store.groups import ClusterOf, Server, cluster
from tests.store.servers import VALKEY

T = TypeVar("T")

SHARD = prefix(COMPANY)
LONGEST_PAUSE_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class SplitBrain:
    """A primary that is cut off from its replicas and sentinels, not from the gateway; `hits` are its own charges.

    Another is made the primary, while the old one still takes charges that it will forget when it is a replica.
    """

    name: str = "split-brain"
    title: str = "the primary cut off from its set, not from the gateway, until another is made one; hits: charges lost"
    _set: WatchedSet = field(init=False)

    @contextmanager
    def opened(self, workers: int) -> Iterator[Site]:
        """Give a site whose store is a primary with two replicas under three sentinels."""
        with watched_set() as self._set, _site(self._set.url, workers) as site:
            yield site

    async def strike(self, site: Site, load: Load, dice: Random) -> Blow:
        """Cut it off until another is the primary; then until it is a replica of that one."""
        old = await _seen(self._of_sound_set, "a set in step")
        since_ms, in_flight, at = _now_ms(old.server), len(load.in_flight), time.monotonic()
        old.door.shut()
        try:
            new = await _seen(lambda: self._other(old), "another primary")
            named_ms = _now_ms(new.server)
            await asyncio.sleep(dice.uniform(0, LONGEST_PAUSE_SECONDS))
        finally:
            old.door.open()
        await _seen(lambda: charges(new.server, named_ms), "charges at the new primary")
        answered_at = await answered(load, self.name)
        alone = charges(old.server, since_ms)
        await _seen(old.is_in_step, "the old primary as a replica")
        whole_at = await whole(site, self.name)
        return Blow(self.title, at, answered_at, whole_at, in_flight, hits=alone, spares_gateway=True)

    def _of_sound_set(self) -> Member | None:
        """Give the primary, if all others are in step with it."""
        others = self._set.replicas()
        is_sound = len(others) + 1 == len(self._set.members) and all(one.is_in_step() for one in others)
        return self._set.primary() if is_sound else None

    def _other(self, old: Member) -> Member | None:
        primary = self._set.primary()
        return None if primary is old else primary


@dataclass(slots=True, eq=False)
class NodeDeath:
    """The death of the server in a cluster that has all the charges; its replica takes its place, then it returns."""

    name: str = "cluster-node-kill"
    title: str = "`kill -9` of the primary of a cluster's shard; it comes back as a replica"
    _group: ClusterOf = field(init=False)

    @contextmanager
    def opened(self, workers: int) -> Iterator[Site]:
        """Give a site whose store is a cluster of three primaries, each with a replica."""
        partial = ("--cluster-require-full-coverage", "no")
        with cluster(VALKEY, *partial, primaries=3, replicas=3) as self._group, _site(self._group.url, workers) as site:
            yield site

    async def strike(self, site: Site, load: Load, dice: Random) -> Blow:
        """Kill it, let its replica serve for a while, start it again on what it left."""
        await _seen(lambda: is_sound(self._group), "a sound cluster")
        victim = await _seen(self._holder, "the primary of the shard")
        in_flight, at = len(load.in_flight), time.monotonic()
        await asyncio.to_thread(victim.kill)
        try:
            await _seen(lambda: self._other(victim), "the replica as a primary")
            answered_at = await answered(load, self.name)
            await asyncio.sleep(dice.uniform(0, LONGEST_PAUSE_SECONDS))
        finally:
            await asyncio.to_thread(start_again, victim)
        await _seen(lambda: is_sound(self._group), "the dead server as a replica")
        whole_at = await whole(site, self.name)
        return Blow(self.title, at, answered_at, whole_at, in_flight, spares_gateway=True)

    def _holder(self) -> Server | None:
        return holder(self._group, slot_of_key(SHARD))

    def _other(self, victim: Server) -> Server | None:
        primary = self._holder()
        return None if primary is victim else primary


@contextmanager
def _site(store_url: str, workers: int) -> Iterator[Site]:
    server = {"port": 0, "workers": workers, "drain_seconds": 10}
    with opened(server=server, store=external(store_url)) as site:
        yield site


async def _seen(look: Callable[[], T | None], what: str) -> T:
    """Look until there is something; a server that does not answer shows nothing. Raises TimeoutError."""

    def calmly() -> T | None:
        with suppress(RedisError, OSError):
            return look()
        return None

    return await asyncio.to_thread(until, calmly, BACK_SECONDS, what)


def charges(server: Server, since_ms: int) -> int:
    """Count the charges of the company that a server has taken since, by its own clock."""
    return len(server.client.xrange(SHARD + keys.EVENTS, str(since_ms)))


def _now_ms(server: Server) -> int:
    seconds, microseconds = server.client.time()
    return int(seconds * 1000 + microseconds // 1000)


FAULTS = (SplitBrain(), NodeDeath())
