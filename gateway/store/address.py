"""Owns the reading of store URLs: one server, a set that sentinels watch, or a cluster.

    redis[s]://[user[:password]@]host[:port][/db][?ssl_...]
    unix://[user@]/path[?db=&password=]
    redis[s]+sentinel://[user[:password]@]host[:26379],host.../service[/db][?sentinel_username=&sentinel_password=]
    redis[s]+cluster://[user[:password]@]host[:port],host...

The rule that matters: nothing that a URL holds beyond scheme, host, port, path and database is ever shown again, in no
error either; and a URL cannot change how the gateway talks to its store (redis-py would let `?retry_on_timeout=yes`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection

from gateway.errors import StoreRefused
from gateway.model.hosts import split_hosts

Place = tuple[str, int]
"""A host and a port."""

_LOGIN = ("username", "password")
_SENTINEL_LOGIN = ("sentinel_username", "sentinel_password")
_TLS_OPTIONS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs"})
_PORT, _SENTINEL_PORT = 6379, 26379
_SCHEMES = "redis://, rediss://, unix://, redis[s]+sentinel:// or redis[s]+cluster://"


class Layout(Enum):
    """What a URL names: a server, a service that sentinels watch, a cluster."""

    SERVER = "server"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class _Scheme:
    connection_class: type[AbstractConnection]
    options: frozenset[str]
    layout: Layout = Layout.SERVER
    port: int = _PORT


_SCHEME_OF: Mapping[str, _Scheme] = {
    "redis": _Scheme(Connection, frozenset({"db"})),
    "rediss": _Scheme(SSLConnection, frozenset({"db"}) | _TLS_OPTIONS),
    "unix": _Scheme(UnixDomainSocketConnection, frozenset({"db", "password"})),
    "redis+sentinel": _Scheme(Connection, frozenset(_SENTINEL_LOGIN), Layout.SENTINEL, _SENTINEL_PORT),
    "rediss+sentinel": _Scheme(
        SSLConnection, frozenset(_SENTINEL_LOGIN) | _TLS_OPTIONS, Layout.SENTINEL, _SENTINEL_PORT
    ),
    "redis+cluster": _Scheme(Connection, frozenset(), Layout.CLUSTER),
    "rediss+cluster": _Scheme(SSLConnection, _TLS_OPTIONS, Layout.CLUSTER),
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is: redis-py's connection class with its arguments, and the URL without credentials to show.

    `seeds` are the hosts of a set or a cluster, `service` is the name that the sentinels know; `at` and `sentinel_at`
    give the address of one of its servers.
    """

    connection_class: type[AbstractConnection]
    arguments: Mapping[str, str | int] = field(repr=False)
    shown: str
    layout: Layout = Layout.SERVER
    seeds: tuple[Place, ...] = ()
    service: str = ""

    def at(self, place: Place) -> "Address":
        """Give the address of one server of the set or cluster."""
        kept = {key: value for key, value in self.arguments.items() if key not in _SENTINEL_LOGIN}
        return self._of(place, kept)

    def sentinel_at(self, place: Place) -> "Address":
        """Give the address of a sentinel, which has a login of its own, or none."""
        kept = {key: value for key, value in self.arguments.items() if key in _TLS_OPTIONS}
        login = dict(zip(_LOGIN, (self.arguments.get(key, "") for key in _SENTINEL_LOGIN), strict=True))
        return self._of(place, {**kept, **{key: value for key, value in login.items() if value}, "db": 0})

    def _of(self, place: Place, arguments: Mapping[str, str | int]) -> "Address":
        host, port = place
        scheme = "rediss" if issubclass(self.connection_class, SSLConnection) else "redis"
        shown = f"{scheme}://{_hosts([place])}" + _shown_database(int(arguments["db"]))
        return Address(self.connection_class, {**arguments, "host": host, "port": port}, shown)


def parse_address(url: str) -> Address:
    """Read a URL; the forms of one server are redis-py's (https://redis.io/docs/latest/develop/clients/redis-py/connect/).

    Raises:
        StoreRefused: it is none of these; the words never repeat what might be a credential.

    """
    first, others = split_hosts(url)
    try:
        parts = urlsplit(first)
        places = [_place(one) for one in (parts, *(urlsplit(f"//{other}") for other in others))]
    except ValueError:
        # urlsplit quotes the piece it stumbled over, which may be half a password.
        raise StoreRefused("store.url cannot be read: percent-encode special characters in its password") from None
    scheme = _SCHEME_OF.get(parts.scheme)
    if scheme is None:
        raise StoreRefused(f"store.url must be `embedded` or start with {_SCHEMES}")
    options = _options(parts, scheme)
    arguments = {key: unquote(value) for key in _LOGIN if (value := getattr(parts, key))} | options
    seeds = tuple((host, port or scheme.port) for host, port in places)
    if scheme.layout is not Layout.SERVER:
        return _group(parts, scheme, seeds, arguments)
    if others:
        raise StoreRefused("store.url names several hosts: that needs +sentinel or +cluster in its scheme")
    db = _database(options.get("db") or ("" if parts.scheme == "unix" else parts.path.strip("/")))
    where = _where(parts, seeds[0])
    return Address(scheme.connection_class, {**arguments, **where, "db": db}, _shown(parts, seeds[0], db))


def _place(parts: SplitResult) -> tuple[str, int | None]:
    return unquote(parts.hostname or ""), parts.port


def _group(
    parts: SplitResult, scheme: _Scheme, seeds: tuple[Place, ...], arguments: Mapping[str, str | int]
) -> Address:
    if not all(host for host, _ in seeds):
        raise StoreRefused(f"store.url must name hosts: {parts.scheme}://host:port,host:port")
    service, _, database = parts.path.strip("/").partition("/")
    if scheme.layout is Layout.CLUSTER:
        service, database = "", service
        if database not in {"", "0"}:
            raise StoreRefused("a cluster has one database: store.url must not name another")
    elif not service:
        raise StoreRefused(f"store.url must name the sentinels' service: {parts.scheme}://host,host/service")
    db = _database(database)
    shown = f"{parts.scheme}://{_hosts(seeds)}" + (f"/{service}" if service else "") + _shown_database(db)
    return Address(scheme.connection_class, {**arguments, "db": db}, shown, scheme.layout, seeds, unquote(service))


def _options(parts: SplitResult, scheme: _Scheme) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if options.keys() - scheme.options or parts.fragment:
        known = ", ".join(sorted(scheme.options)) or "none"
        raise StoreRefused(f"store.url has an option that is not supported; {parts.scheme}:// knows {known}")
    return options


def _database(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise StoreRefused("the database in store.url must be a number")
    return int(text or 0)


def _where(parts: SplitResult, place: Place) -> dict[str, str | int]:
    if parts.scheme == "unix":
        if parts.hostname or not parts.path:
            raise StoreRefused("store.url must name a socket: unix:///path/to/socket")
        return {"path": unquote(parts.path)}
    host, port = place
    if not host:
        raise StoreRefused(f"store.url must name a host: {parts.scheme}://host:port/db")
    return {"host": host, "port": port}


def _shown(parts: SplitResult, place: Place, db: int) -> str:
    if parts.scheme == "unix":
        return f"unix://{parts.path}" + (f"?db={db}" if db else "")
    return f"{parts.scheme}://{_hosts([place])}" + _shown_database(db)


def _shown_database(db: int) -> str:
    return f"/{db}" if db else ""


def _hosts(places: Sequence[Place]) -> str:
    return ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in places)
