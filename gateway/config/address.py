"""Owns which network addresses the file may name.

The rule that matters: the file is the operator's word, so http and private addresses stand as written; but link-local
addresses and the clouds' metadata services are never an upstream, however they are spelt (OWASP, SSRF prevention).
"""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from gateway.model.hosts import split_hosts

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+,:@=-]+)*/?", re.ASCII)
_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,:@=/?-]|%[0-9A-Fa-f]{2})+", re.ASCII)
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9_][a-z0-9._-]{0,252})(?::([1-9][0-9]{0,4}))?", re.ASCII)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_STORE_GROUPS = frozenset({"redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"})
_STORE_PATHS = {
    **dict.fromkeys(("redis", "rediss"), re.compile(r"/?[0-9]{0,5}", re.ASCII)),
    **dict.fromkeys(("redis+sentinel", "rediss+sentinel"), re.compile(r"/[^/]+(?:/[0-9]{0,5})?", re.ASCII)),
    **dict.fromkeys(("redis+cluster", "rediss+cluster"), re.compile(r"/?0?", re.ASCII)),
}
_METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)
_METADATA = frozenset(
    {
        IPv6Address("fd00:ec2::254"),  # AWS
        IPv6Address("fd20:ce::254"),  # Google
        IPv4Address("100.100.100.200"),  # Alibaba
        IPv4Address("192.0.0.192"),  # Oracle
        IPv4Address("168.63.129.16"),  # Azure
    }
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291 section 2.5.5.1


def is_bindable(host: str) -> bool:
    """Whether a server could listen on `host`: an IP address or a host name."""
    return _ip(host) is not None or _HOST.fullmatch(host) is not None


def is_network(text: str) -> bool:
    """Whether `text` is an IP address, or a network of them."""
    try:
        ip_network(text)
    except ValueError:
        return False
    return "%" not in text


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    ip = _ip(host)
    return host.lower() == "localhost" if ip is None else ip.is_loopback


def is_store_url(url: str) -> bool:
    """Whether `url` has the form of a store's; the store room reads its options."""
    if url == "embedded":
        return True
    first, others = split_hosts(url)
    parts = _split(first)
    if parts is None or parts.fragment:
        return False
    if parts.scheme == "unix":
        return parts.hostname is None and not others and parts.path.startswith("/")
    path = _STORE_PATHS.get(parts.scheme)
    hosts = [parts, *(_split(f"//{other}") for other in others)]
    is_group = parts.scheme in _STORE_GROUPS or not others
    return bool(path and path.fullmatch(parts.path)) and is_group and all(host and host.hostname for host in hosts)


def is_web_origin(text: str) -> bool:
    """Whether `text` is a web page's origin as browsers send it (RFC 6454 section 6.2): lower case, no default port."""
    match = _ORIGIN.fullmatch(text)
    return match is not None and _split(text) is not None and match[3] != _DEFAULT_PORTS[match[1]]


def url_problem(url: str) -> str | None:
    """Say what forbids `url` as the base URL of an upstream; None if nothing does."""
    parts = _split(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        return "must be an absolute http:// or https:// URL in plain ASCII"
    if "@" in parts.netloc or "?" in url or "#" in url:
        return "must not hold credentials, a query or a fragment (`@`, `?`, `#`)"
    if not _PATH.fullmatch(parts.path):
        return "must have a plain path: no empty or dot segments, no `%`, `;` or `\\`"
    ip = _ip(parts.hostname)
    shown = f"[{parts.hostname}]" if isinstance(ip, IPv6Address) else parts.hostname
    is_name = ip is not None or _HOST.fullmatch(parts.hostname)
    if not is_name or parts.netloc.lower() not in {shown, f"{shown}:{parts.port}"}:
        return "must name a host by a plain name (punycode for others) or an IP address, with a port or without"
    if parts.hostname.rstrip(".") in _METADATA_NAMES or (ip is not None and _is_refused(ip)):
        return "must not be a link-local address or a cloud's metadata service"
    return None


def webhook_problem(url: str) -> str | None:
    """Say what forbids `url` as a webhook's; None if nothing does. Like a base URL, but it may have a query."""
    base, mark, query = url.partition("?")
    if mark and not _QUERY.fullmatch(query):
        return "must have a query of plain characters (`%41` for others), and no fragment"
    return url_problem(base)


def _split(url: str) -> SplitResult | None:
    if not _PRINTABLE.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        is_port = parts.port != 0
    except ValueError:
        return None
    return parts if is_port else None


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    """Read an address in every spelling that a resolver takes: `2852039166` and `0251.0376.0251.0376` too."""
    if "%" in host:
        return None
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host.rstrip("."))) if _HOST.fullmatch(host) else None
    except OSError:
        return None


def _is_refused(ip: IPv4Address | IPv6Address) -> bool:
    inner = _embedded(ip) if isinstance(ip, IPv6Address) else None
    return ip.is_link_local or ip in _METADATA or (inner is not None and _is_refused(inner))


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    if ip in _NAT64 or ip in _COMPATIBLE:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour
