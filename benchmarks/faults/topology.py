"""Stores that are no single embedded server: one beside the gateway, a set under sentinels, a cluster; all real.

The rule that matters: each is started for one run on free ports of loopback, by the pids that are ended afterwards.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.exceptions import RedisError

from benchmarks.faults.network import PEERS, Door, Network, network
from benchmarks.faults.site import external
from gateway.store import EMBEDDED
from tests.store.groups import (
    HOST,
    SERVICE,
    ClusterOf,
    Server,
    cluster,
    knows,
    ready,
    sentinel,
    serving,
    wait,
    watched_url,
)
from tests.store.servers import DURABLE, VALKEY

DOWN_AFTER_MS = 1000
ALONE = ("--min-replicas-to-write", "1", "--min-replicas-max-lag", "2")
"""After how many seconds without a replica a primary takes no charges any more: docs/operations.md."""


class StoreKind(StrEnum):
    """Where the ledger lives."""

    EMBEDDED = "embedded"
    STANDALONE = "standalone"
    CLUSTER = "cluster"


@contextmanager
def store_of(kind: StoreKind) -> Iterator[dict[str, Any]]:
    """Give the section `store` of a configuration with such a store, which runs as long as the block."""
    match kind:
        case StoreKind.EMBEDDED:
            yield {"url": EMBEDDED, "data_dir": "./data"}
        case StoreKind.STANDALONE:
            with serving(VALKEY, *DURABLE) as server:
                yield external(f"redis://{HOST}:{server.port}")
        case StoreKind.CLUSTER:
            with cluster(VALKEY, primaries=3) as group:
                yield external(group.url)


# ---------------------------------------------------------------- a set under sentinels, in a network


@dataclass(eq=False)
class Member:
    """A server of the set, and the door by which everybody knows it."""

    server: Server
    door: Door

    def is_in_step(self) -> bool:
        """Whether it is a replica that has what its primary has."""
        info = self.server.client.info("replication")
        return bool(info["role"] == "slave" and info["master_link_status"] == "up")


@dataclass(eq=False)
class WatchedSet:
    """A primary and its replicas under three sentinels; everybody reaches the servers through their doors."""

    members: Sequence[Member]
    sentinels: Sequence[Server]

    @property
    def url(self) -> str:
        """The store URL, naming every sentinel."""
        return watched_url(self.sentinels)

    def primary(self) -> Member | None:
        """Give the one that all sentinels name; None while they differ."""
        ports = {int(one("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1]) for one in self.sentinels}
        return next((one for one in self.members if {one.door.port} == ports), None)

    def replicas(self) -> Sequence[Member]:
        """Give all but the primary."""
        primary = self.primary()
        return [one for one in self.members if one is not primary]


@contextmanager
def watched_set(replicas: int = 2) -> Iterator[WatchedSet]:
    """Run a primary, replicas that are in step with it, and three sentinels that know all of them."""

    def start(own: ExitStack) -> WatchedSet:
        doors = own.enter_context(network())
        first = _member(own, doors)
        followers = [_member(own, doors, "--replicaof", HOST, str(first.door.port)) for _ in range(replicas)]
        for follower in followers:
            wait(follower.is_in_step)
        cut_off = (f"bind-source-addr {PEERS}", f"sentinel announce-ip {HOST}")
        watching = [own.enter_context(sentinel(VALKEY, first.door.port, DOWN_AFTER_MS, *cut_off)) for _ in range(3)]
        for each in watching:
            wait(lambda one=each: knows(one, replicas, others=2))
        return WatchedSet([first, *followers], watching)

    with ExitStack() as stack:
        yield ready(start, stack)


def _member(own: ExitStack, doors: Network, *arguments: str) -> Member:
    door = doors.door()
    known = ("--replica-announce-ip", HOST, "--replica-announce-port", str(door.port), "--bind-source-addr", PEERS)
    # Valkey would let a replica wait for others that want a copy, too.
    at_once = ("--repl-diskless-sync-delay", "0")
    server = own.enter_context(serving(VALKEY, *DURABLE, *ALONE, *at_once, *known, *arguments))
    door.target = server.port
    return Member(server, door)


# ---------------------------------------------------------------- a cluster, one of whose servers may be dead


def holder(group: ClusterOf, slot: int) -> Server | None:
    """Give the primary of a slot, as all that live see it; None while they differ."""
    every = [*group.primaries, *group.replicas]
    named = set()
    for server in every:
        if server.process.poll() is None:
            named.add(_named(server, slot))
    return next((one for one in every if {one.port} == named), None)


def _named(server: Server, slot: int) -> int:
    with suppress(RedisError):
        for first, last, primary, *_ in server("CLUSTER SLOTS"):
            if first <= slot <= last:
                return int(primary[1])
    return 0


def is_sound(group: ClusterOf) -> bool:
    """Whether every server says that the cluster is, and every primary has a replica that has what it has."""
    every = [*group.primaries, *group.replicas]
    infos = [one.client.info("replication") for one in every]
    replicas = [one for one in infos if one["role"] == "slave"]
    in_step = all(one["master_link_status"] == "up" for one in replicas) and len(replicas) == len(group.replicas)
    return in_step and all(one("CLUSTER INFO")["cluster_state"] == "ok" for one in every)


def start_again(server: Server) -> None:
    """Start a server that was killed on what it left, where it was."""
    quiet = subprocess.DEVNULL
    server.process = subprocess.Popen(
        server.process.args, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
    wait(lambda: server("PING"))
