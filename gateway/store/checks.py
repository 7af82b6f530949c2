"""Owns the reasons not to start on a store: what the ledger's promises need of it (LEDGER.md section 7).

The rule that matters: every refusal says what to change, and all that is wrong is said at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from redis.exceptions import AuthenticationError, AuthorizationError

from gateway.errors import StoreRefused, StoreUnavailable
from gateway.store.address import Layout
from gateway.store.border import CommandForbidden, CommandRefused, origin
from gateway.store.connection import Script, Store
from gateway.store.node import Node
from gateway.store.slots import SLOTS

LAYOUT = 1  # of the keys in LEDGER.md section 3; a change that an older program cannot read adds one
_OLDEST_SERVER = (7, 0)
_SCHEMA_KEY = "schema"
_OUR_KEYS = "{q[0-9]*}:*"
_SCAN_COUNT = 10_000
_NO_GROUP = {
    Layout.SERVER: "it refuses a command of ours",
    Layout.SENTINEL: "they are no sentinels, or do not permit SENTINEL GET-MASTER-ADDR-BY-NAME to their user",
    Layout.CLUSTER: "its servers are not in cluster mode, or do not permit CLUSTER SLOTS to the user of store.url",
}
log = structlog.get_logger("store")

_PROBE = Script("return cmsgpack.unpack(cmsgpack.pack(tonumber(ARGV[1]) + 1))")


async def check(store: Store, *, allow_volatile: bool) -> None:
    """Return if the gateway may start on this store, which then carries our layout version.

    Raises:
        StoreRefused: it must not be used as it is.
        StoreUnavailable: it cannot be asked now.

    """
    with _naming(store):
        nodes = await store.nodes()
        wrong = [words for node in nodes if (words := await _refusal(store, node, allow_volatile=allow_volatile))]
        if wrong:
            raise StoreRefused("; ".join(wrong))
        if store.layout is Layout.CLUSTER:
            await _check_coverage(nodes)
        await _check_layout(store)


async def _refusal(store: Store, node: Node, *, allow_volatile: bool) -> str:
    """Give why one server must not be used; empty if it may be."""
    try:
        await _check_server(node, allow_volatile=allow_volatile, in_cluster=store.layout is Layout.CLUSTER)
    except StoreRefused as exc:
        return str(exc) if store.layout is Layout.SERVER else f"{node.shown}: {exc}"
    return ""


async def _check_server(node: Node, *, allow_volatile: bool, in_cluster: bool) -> None:
    info = await _ask(node, "INFO")
    wrong = problems(info, in_cluster=in_cluster)
    wrong += [] if allow_volatile else await _persistence_problems(node, info)
    if wrong:
        raise StoreRefused("; ".join(wrong))
    await _check_scripts(node)
    if may_split(info):
        log.warning("store_may_split", server=node.shown, set="min-replicas-to-write 1, min-replicas-max-lag 2")


def may_split(info: Mapping[str, Any]) -> bool:
    """Whether a primary that is cut off from its replicas takes writes that their failover forgets, by its INFO.

    `min_slaves_good_slaves` is told only where `min-replicas-to-write` is set.
    """
    return bool(info.get("connected_slaves")) and "min_slaves_good_slaves" not in info


async def _check_coverage(nodes: Sequence[Node]) -> None:
    for node in nodes:
        state = await _ask(node, "CLUSTER INFO")
        if state.get("cluster_state") != "ok" or int(state.get("cluster_slots_ok", 0)) != SLOTS:
            held = f"{state.get('cluster_slots_ok')} of {SLOTS} slots are served"
            raise StoreRefused(f"the cluster is not complete: {held}, its state is {state.get('cluster_state')}")


def problems(info: Mapping[str, Any], *, in_cluster: bool = False) -> list[str]:
    """Give what is wrong with a server, judged by its INFO (https://valkey.io/commands/info/)."""
    version = str(info.get("redis_version", "0.0"))
    policy = info.get("maxmemory_policy")
    rules = (
        (_numbers(version) >= _OLDEST_SERVER, f"its version is {version}: use Valkey, or Redis 7.0 or newer"),
        (info.get("role") == "master", "it is a replica, or a sentinel: name the primary in store.url"),
        (
            in_cluster or not info.get("cluster_enabled"),
            "it runs in cluster mode: name its servers with redis+cluster:// in store.url",
        ),
        (policy == "noeviction", f"it may evict budgets: set maxmemory-policy to noeviction (now {policy})"),
    )
    return [words for holds, words in rules if not holds]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


async def _persistence_problems(node: Node, info: Mapping[str, Any]) -> list[str]:
    if info.get("aof_enabled"):
        return []
    override = "set appendonly to yes, or accept that a restart forgets what was spent with store.allow_volatile: true"
    try:
        points = await node.execute("CONFIG GET", "save")
    except (CommandRefused, CommandForbidden):
        return [f"its append-only file is off and it does not show its snapshots (CONFIG is forbidden): {override}"]
    return [] if any(points.values()) else [f"it keeps nothing on disk: {override}"]


async def _check_scripts(node: Node) -> None:
    try:
        reply = await node.submit(_PROBE, (), (1,))
    except (CommandRefused, CommandForbidden) as exc:
        raise StoreRefused(
            "it does not run Lua scripts with cmsgpack: allow EVALSHA and SCRIPT LOAD to the user of store.url, "
            f"and load the server's Lua module ({exc.code})"
        ) from exc
    if reply != 2:  # noqa: PLR2004 - one and one
        raise StoreRefused("its Lua does not compute: use Valkey, or Redis 7.0 or newer")


async def _check_layout(store: Store) -> None:
    """Sign an unused store with our layout, or read whose it is. SET NX decides between gateways that start at once."""
    signed = await _signature(store)
    if signed is None and await _has_our_keys(store):
        # Whoever signs does so before writing anything else, so this is a signature that came in between, or none.
        signed = await _signature(store) or b"0"
    if signed is None:
        await _ask(store, "SET", _SCHEMA_KEY, LAYOUT, "NX")
        signed = await _signature(store)
    _compare(signed)


async def _has_our_keys(store: Store) -> bool:
    for node in await store.nodes():
        cursor, keys = await _ask(node, "SCAN", 0, "MATCH", _OUR_KEYS, "COUNT", _SCAN_COUNT)
        while cursor and not keys:
            cursor, keys = await _ask(node, "SCAN", cursor, "MATCH", _OUR_KEYS, "COUNT", _SCAN_COUNT)
        if keys:
            return True
    return False


async def _signature(store: Store) -> bytes | None:
    kind = await _ask(store, "TYPE", _SCHEMA_KEY)
    return await _ask(store, "GET", _SCHEMA_KEY) if kind in {b"string", b"none"} else b"foreign"


def _compare(signed: bytes | None) -> None:
    if signed is None or not signed.isdigit():
        raise StoreRefused(f"its key `{_SCHEMA_KEY}` is not ours: give the gateway a database of its own")
    if int(signed) > LAYOUT:
        raise StoreRefused(f"its data has layout {int(signed)}, this gateway knows {LAYOUT}: run the newer gateway")
    if int(signed) < LAYOUT:
        raise StoreRefused(
            f"its data has layout {int(signed)}, this gateway needs {LAYOUT}: start on an empty database, "
            "or keep running the older gateway"
        )


async def _ask(asked: Store | Node, *command: str | int) -> Any:
    try:
        return await asked.execute(*command)
    except (CommandRefused, CommandForbidden) as exc:
        raise StoreRefused(
            f"it refuses the command {command[0]} ({exc.code}): correct the database number in store.url, "
            "or the permissions of its user"
        ) from exc


@contextmanager
def _naming(store: Store) -> Iterator[None]:
    """Say which store it is about, here where an operator reads it and no client does."""
    try:
        yield
    except StoreRefused as exc:
        raise StoreRefused(f"store {store.address} cannot be used: {exc}") from exc
    except StoreUnavailable as exc:
        causes = list(_causes(exc))
        if any(isinstance(origin(cause), AuthenticationError | AuthorizationError) for cause in causes):
            raise StoreRefused(f"store {store.address} refuses the user or password of store.url") from exc
        if any(isinstance(cause, CommandRefused | CommandForbidden) for cause in causes):
            raise StoreRefused(f"store {store.address} cannot be used: {_NO_GROUP[store.layout]}") from exc
        raise StoreUnavailable(f"{exc.message} ({store.address})", headers=exc.headers) from exc


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
