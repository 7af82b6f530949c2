"""Whom a request comes from, as an address. Pure: a peer and a header in, an address out.

The rule that matters: a forwarded address is believed only from a proxy that `server.trusted_proxies` names, and only
the last one that is no such proxy itself: everything before it is what the client wrote.
"""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from aiohttp import web

from gateway.auth.tries import block_of

FORWARDED_HEADER = "X-Forwarded-For"
MOST_HOPS = 16
MOST_CHARACTERS = 64

_MOST_REMEMBERED = 4


@lru_cache(_MOST_REMEMBERED)
def addresses(trusted: tuple[str, ...]) -> "Addresses":
    """Give what tells clients apart behind these proxies."""
    return Addresses(trusted)


class Addresses:
    """Tells clients apart by address, behind these proxies (addresses or networks)."""

    def __init__(self, trusted: tuple[str, ...]) -> None:
        self._trusted: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(text) for text in trusted)

    def block_of(self, request: web.BaseRequest) -> str:
        """Give the block of addresses that a request counts for."""
        peer = request.remote or ""
        if not self.is_trusted(peer):
            return block_of(peer)
        forwarded = ",".join(request.headers.getall(FORWARDED_HEADER, ()))
        hops = [_bare(hop) for hop in forwarded.rsplit(",", MOST_HOPS)[-MOST_HOPS:]]
        return block_of(next((hop for hop in reversed(hops) if not self.is_trusted(hop)), "") or peer)

    def is_trusted(self, address: str) -> bool:
        """Whether this is the address of a proxy whose word is taken."""
        if not self._trusted:
            return False
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        ip = getattr(ip, "ipv4_mapped", None) or ip
        return any(ip in network for network in self._trusted)


def _bare(hop: str) -> str:
    """Take the port off an address: some proxies write `192.0.2.1:5678` and `[2001:db8::1]:5678`."""
    hop = hop.strip()[:MOST_CHARACTERS]
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
