"""Which `Host` a request may name. Pure: a request's header in, a refusal or nothing out.

The rule that matters: `Host` never decides what is done, only that nothing is. Where no secret protects an answer, a
web page whose name has been pointed at this machine (DNS rebinding) could read it with a visitor's browser: so where
keys work that everybody knows, and on the operators' listener, only names that nobody can point elsewhere are answered.
"""

import re
from functools import lru_cache

from aiohttp import hdrs, web

from gateway.config import Config
from gateway.config.address import is_loopback
from gateway.config.keys import is_published
from gateway.errors import BadRequest, WrongHost

# RFC 9110 section 7.2, as far as hosts are names or addresses; underscores, as container networks have them.
_HOST = re.compile(r"([A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?", re.ASCII)
_MOST_REMEMBERED = 64


class Hosts:
    """Those that are answered: `names`, or loopback's, or any well-formed one."""

    def __init__(self, names: tuple[str, ...], *, loopback_only: bool) -> None:
        self._names = frozenset(_plain(name) for name in names)
        self._loopback_only = loopback_only and not names
        self._is_ours = lru_cache(_MOST_REMEMBERED)(self._looked_at)

    @classmethod
    def of(cls, config: Config) -> "Hosts":
        """Give those that a configuration answers calls for."""
        return cls(config.server.allowed_hosts, loopback_only=any(map(is_published, config.keys)))

    def check(self, request: web.BaseRequest, *, is_probe: bool = False) -> None:
        """Refuse a request for another host; a probe may ask any. Raises BadRequest, WrongHost."""
        host = host_of(request)
        if not is_probe and not self._is_ours(host):
            raise WrongHost("This gateway does not answer for the host that was asked for.")

    def _looked_at(self, host: str | None) -> bool:
        if not self._names and not self._loopback_only:
            return True
        if host is None:
            return False
        return host in self._names or (self._loopback_only and _is_here(host))


def host_of(request: web.BaseRequest) -> str | None:
    """Give the name or address that a request is for, without its port; None only of HTTP/1.0. Raises BadRequest."""
    field = request.headers.get(hdrs.HOST)
    if field is None and request.version < (1, 1):
        return None
    match = _HOST.fullmatch(field or "")
    if match is None:
        raise BadRequest("The Host header must be a host name or an address, with a port or without.")
    return _plain(match[1])


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


def _is_here(host: str) -> bool:
    """Whether no name server can make this another machine's name (RFC 6761 section 6.3)."""
    return host.endswith(".localhost") or is_loopback(host.strip("[]"))
