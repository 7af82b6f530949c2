"""Clusters and sentinel sets for tests, of real servers on free ports of loopback, ended by the pids that were started.

The rule that matters: a port is found free and then used, so another process may take it in between; a server that
could not have its port ends at once, and the whole group is started again on others.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.store.servers import DURABLE, READY_SECONDS, tied

HOST = "127.0.0.1"
SLOTS = 16384
SERVICE = "ledger"
_TRIES = 3
_REPLICATED = (*DURABLE, "--repl-diskless-sync-delay", "0")
TLS_PORT = "a free port for TLS"
_BUS = 10_000  # a cluster's bus listens on the port plus this


@dataclass(eq=False)
class Server:
    """A server process on a port of loopback, and on another one with TLS if that was asked for."""

    port: int
    process: "subprocess.Popen[bytes]"
    tls_port: int = 0
    client: Redis = field(init=False)

    def __post_init__(self) -> None:
        self.client = Redis(HOST, self.port, socket_timeout=5, protocol=2)

    def __call__(self, *command: str | float | bytes) -> object:
        """Give the reply to a command, as an operator's client gets it."""
        return self.client.execute_command(*command)

    def freeze(self) -> None:
        """Let it be silent, with its connections open."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    """Give a port on which, and on whose bus port, nobody listens now."""
    while True:
        with socket.socket() as one, socket.socket() as bus:
            one.bind((HOST, 0))
            port: int = one.getsockname()[1]
            if port + _BUS < 65_536:
                with suppress(OSError):
                    bus.bind((HOST, port + _BUS))
                    return port


@contextmanager
def serving(binary: str, *arguments: str, config: Path | None = None) -> Iterator[Server]:
    """Run a server on a port; it and its directory are gone afterwards. `TLS_PORT` in the arguments is a free one."""
    port = free_port()
    tls_port = free_port() if TLS_PORT in arguments else 0
    arguments = tuple(str(tls_port) if one == TLS_PORT else one for one in arguments)
    with tempfile.TemporaryDirectory(prefix="gw-test-") as directory:
        start = (binary, str(config)) if config else (binary,)
        command = (*start, "--port", str(port), "--bind", HOST, "--dir", directory, *arguments)
        with (Path(directory) / "log").open("wb") as log, tied(command, log) as process:
            server = Server(port, process, tls_port)
            try:
                wait(lambda: _answers(server), (Path(directory) / "log"))
                yield server
            finally:
                server.client.close()
                server.thaw() if process.poll() is None else None
                server.kill()


def wait(condition: Callable[[], object], log: Path | None = None) -> None:
    """Return when it holds; an error of a server that is not ready yet counts as not."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        with suppress(RedisError, OSError):
            if condition():
                return
        if time.monotonic() > deadline:
            raise RuntimeError(log.read_text() if log else f"waited {READY_SECONDS} s")
        time.sleep(0.02)


def _answers(server: Server) -> bool:
    if server.process.poll() is not None:
        raise RuntimeError(f"the server on port {server.port} ended: its port may have been taken")
    return bool(server("PING"))


def ready(start: Callable[[ExitStack], object], stack: ExitStack) -> object:
    """Start a group, again if one of its ports was taken meanwhile."""
    for attempt in range(_TRIES):
        with ExitStack() as own:
            try:
                group = start(own)
            except RuntimeError:
                if attempt == _TRIES - 1:
                    raise
                continue
            stack.push(own.pop_all())
            return group
    raise RuntimeError("no group could be started")


# ---------------------------------------------------------------- cluster


@dataclass(eq=False)
class ClusterOf:
    """A cluster: primaries, each with a part of the slots, and replicas of them."""

    primaries: list[Server]
    replicas: list[Server]

    @property
    def url(self) -> str:
        """The store URL, naming two of its servers."""
        return "redis+cluster://" + ",".join(f"{HOST}:{one.port}" for one in self.primaries[:2])

    def id_of(self, server: Server) -> str:
        """Give the name by which the cluster knows a server."""
        return _text(server("CLUSTER", "MYID"))

    def holder(self, slot: int) -> Server:
        """Give the primary of a slot, as its servers see it."""
        for first, last, primary, *_ in self.primaries[0]("CLUSTER SLOTS"):
            if first <= slot <= last:
                return next(one for one in (*self.primaries, *self.replicas) if one.port == primary[1])
        raise LookupError(slot)

    def begin_move(self, slot: int, to: Server) -> Server:
        """Open a slot for moving; gives who holds it."""
        holder = self.holder(slot)
        to("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(holder))
        holder("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(to))
        return holder

    def move_keys(self, slot: int, holder: Server, to: Server, most: int) -> int:
        """Move up to `most` keys; gives how many there were."""
        keys = holder("CLUSTER", "GETKEYSINSLOT", slot, most)
        if keys:
            holder("MIGRATE", HOST, to.port, "", 0, 5000, "KEYS", *keys)
        return len(keys)

    def end_move(self, slot: int, holder: Server, to: Server) -> None:
        """Give the slot to its new holder, who has to know it first."""
        for server in (to, holder, *(one for one in self.primaries if one not in {to, holder})):
            server("CLUSTER", "SETSLOT", slot, "NODE", self.id_of(to))


@contextmanager
def cluster(binary: str, *arguments: str, primaries: int = 3, replicas: int = 0) -> Iterator[ClusterOf]:
    """Run a cluster with all slots served."""
    flags = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000", *_REPLICATED, *arguments)

    def start(own: ExitStack) -> ClusterOf:
        servers = [own.enter_context(serving(binary, *flags)) for _ in range(primaries + replicas)]
        found = ClusterOf(servers[:primaries], servers[primaries:])
        _join(found)
        return found

    with ExitStack() as stack:
        yield ready(start, stack)


def _join(found: ClusterOf) -> None:
    first, *_ = found.primaries
    for place, server in enumerate(found.primaries):
        low, high = (SLOTS * at // len(found.primaries) for at in (place, place + 1))
        server("CLUSTER", "ADDSLOTSRANGE", low, high - 1)
        server("CLUSTER", "SET-CONFIG-EPOCH", place + 1)
    everyone = (*found.primaries, *found.replicas)
    for server in everyone[1:]:
        server("CLUSTER", "MEET", HOST, first.tls_port or first.port)
    for server in everyone:
        wait(lambda server=server: _text(server("CLUSTER INFO")).count(f"cluster_known_nodes:{len(everyone)}"))
    for place, replica in enumerate(found.replicas):
        of = found.primaries[place % len(found.primaries)]
        wait(lambda replica=replica, of=of: replica("CLUSTER", "REPLICATE", found.id_of(of)))
        wait(lambda replica=replica: _is_linked(replica))
    for server in everyone:
        wait(lambda server=server: "cluster_state:ok" in _text(server("CLUSTER INFO")))


def _is_linked(replica: Server) -> bool:
    return replica.client.info("replication").get("master_link_status") == "up"


def _text(reply: object) -> str:
    if isinstance(reply, dict):
        return "\n".join(f"{key}:{value}" for key, value in reply.items())
    return reply.decode() if isinstance(reply, bytes) else str(reply)


# ---------------------------------------------------------------- sentinels


def watched_url(sentinels: Sequence[Server]) -> str:
    """Give the store URL of a set, naming every sentinel."""
    hosts = ",".join(f"{HOST}:{one.port}" for one in sentinels)
    return f"redis+sentinel://{hosts}/{SERVICE}"


@dataclass(eq=False)
class SetOf:
    """A primary with its replicas under sentinels."""

    servers: list[Server]
    sentinels: list[Server]

    @property
    def url(self) -> str:
        """The store URL, naming every sentinel."""
        return watched_url(self.sentinels)

    @property
    def primary(self) -> Server:
        """The server that the first sentinel names."""
        _, port = self.sentinels[0]("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(one for one in self.servers if one.port == int(port))


@contextmanager
def sentinels(binary: str, *arguments: str, replicas: int = 2, down_after_ms: int = 1000) -> Iterator[SetOf]:
    """Run a primary, replicas that are in step with it, and three sentinels that know all of them."""

    def start(own: ExitStack) -> SetOf:
        first = own.enter_context(serving(binary, *_REPLICATED, *arguments))
        of = ("--replicaof", HOST, str(first.port))
        followers = [own.enter_context(serving(binary, *_REPLICATED, *of, *arguments)) for _ in range(replicas)]
        for follower in followers:
            wait(lambda follower=follower: _is_linked(follower))
        watching = [own.enter_context(sentinel(binary, first.port, down_after_ms)) for _ in range(3)]
        for one in watching:
            wait(lambda one=one: knows(one, replicas, others=2))
        return SetOf([first, *followers], watching)

    with ExitStack() as stack:
        yield ready(start, stack)


@contextmanager
def sentinel(
    binary: str, port: int, down_after_ms: int, *more: str, host: str = HOST, flags: Sequence[str] = ()
) -> Iterator[Server]:
    """Start a sentinel that watches the primary at a port, with more lines of configuration and flags."""
    with tempfile.TemporaryDirectory(prefix="gw-test-") as directory:
        path = Path(directory) / "sentinel.conf"
        lines = (
            f"sentinel monitor {SERVICE} {host} {port} 2",
            f"sentinel down-after-milliseconds {SERVICE} {down_after_ms}",
            f"sentinel failover-timeout {SERVICE} 3000",
        )
        path.write_text("".join(f"{line}\n" for line in (*more, *lines)))
        with serving(binary, "--sentinel", *flags, config=path) as server:
            yield server


def knows(sentinel: Server, replicas: int, others: int) -> bool:
    """Whether a sentinel has found so many replicas and other sentinels."""
    (state,) = sentinel("SENTINEL", "MASTERS")
    known = dict(zip(state[::2], state[1::2], strict=True)) if isinstance(state, list) else state
    facts = {_text(key): _text(value) for key, value in known.items()}
    return (int(facts["num-slaves"]), int(facts["num-other-sentinels"])) == (replicas, others)
