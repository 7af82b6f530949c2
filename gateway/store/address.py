"""Owns the reading of store URLs: `redis://`, `rediss://`, `unix://`.

The rule that matters: nothing that a URL holds beyond scheme, host, port, path and database is ever shown again, in no
error either; and a URL cannot change how the gateway talks to its store (redis-py would let `?retry_on_timeout=yes`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection

from gateway.errors import StoreRefused

_TLS_OPTIONS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs"})
_OPTIONS: Mapping[str, frozenset[str]] = {
    "redis": frozenset({"db"}),
    "rediss": frozenset({"db"}) | _TLS_OPTIONS,
    "unix": frozenset({"db", "password"}),
}
_CONNECTIONS: Mapping[str, type[AbstractConnection]] = {
    "redis": Connection,
    "rediss": SSLConnection,
    "unix": UnixDomainSocketConnection,
}
_PORT = 6379


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is: redis-py's connection class with its arguments, and the URL without credentials to show."""

    connection_class: type[AbstractConnection]
    arguments: Mapping[str, str | int] = field(repr=False)
    shown: str


def parse_address(url: str) -> Address:
    """Read `redis[s]://[user[:password]@]host[:port][/db][?ssl_...]` or `unix://[user@]/path[?db=&password=]`.

    Names and forms are redis-py's (https://redis.io/docs/latest/develop/clients/redis-py/connect/).

    Raises:
        StoreRefused: it is none of these; the words never repeat what might be a credential.

    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORT
    except ValueError:
        # urlsplit quotes the piece it stumbled over, which may be half a password.
        raise StoreRefused("store.url cannot be read: percent-encode special characters in its password") from None
    if parts.scheme not in _CONNECTIONS:
        raise StoreRefused("store.url must be `embedded` or start with redis://, rediss:// or unix://")
    options = _options(parts)
    arguments = {key: unquote(value) for key in ("username", "password") if (value := getattr(parts, key))} | options
    db = _database(options.get("db") or ("" if parts.scheme == "unix" else parts.path.strip("/")))
    where = _where(parts, port)
    return Address(_CONNECTIONS[parts.scheme], {**arguments, **where, "db": db}, _shown(parts, where, db))


def _options(parts: SplitResult) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(options.keys() - _OPTIONS[parts.scheme])
    if unknown or parts.fragment:
        known = ", ".join(sorted(_OPTIONS[parts.scheme]))
        raise StoreRefused(f"store.url has an option that is not supported; {parts.scheme}:// knows {known}")
    return options


def _database(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise StoreRefused("the database in store.url must be a number")
    return int(text or 0)


def _where(parts: SplitResult, port: int) -> dict[str, str | int]:
    if parts.scheme == "unix":
        if parts.hostname or not parts.path:
            raise StoreRefused("store.url must name a socket: unix:///path/to/socket")
        return {"path": unquote(parts.path)}
    if not parts.hostname:
        raise StoreRefused(f"store.url must name a host: {parts.scheme}://host:port/db")
    return {"host": unquote(parts.hostname), "port": port}


def _shown(parts: SplitResult, where: Mapping[str, str | int], db: int) -> str:
    if parts.scheme == "unix":
        return f"unix://{parts.path}" + (f"?db={db}" if db else "")
    host = f"[{where['host']}]" if ":" in str(where["host"]) else where["host"]
    return f"{parts.scheme}://{host}:{where['port']}" + (f"/{db}" if db else "")
