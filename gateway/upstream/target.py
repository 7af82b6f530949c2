"""Where a request goes, and its head as bytes. No I/O.

The one rule that matters: a URL is the text of its parts, and no text can end its line: what holds a control character
is never sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from yarl import URL

_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Target:
    """An origin to connect to, and the first lines of every request for one path of it."""

    host: str
    port: int
    is_tls: bool
    opening: str

    def head(self, headers: Mapping[str, str], body_bytes: int) -> bytes:
        """Give a request's head. ValueError for a header that is not one line."""
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        text = "".join(lines)
        if text.count("\r") != len(lines) or text.count("\n") != len(lines) or "\0" in text:
            raise ValueError("a header has a control character")
        return f"{self.opening}{text}Content-Length: {body_bytes}\r\n\r\n".encode("utf-8", "surrogateescape")


@lru_cache(maxsize=1024)
def target(base_url: str, path: str) -> Target:
    """Read a base URL with a path after it. ValueError for what is no HTTP URL, or carries a credential."""
    text = base_url.rstrip("/") + path
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("a URL that is not one word")  # the parser below would drop a line end silently
    url = URL(text, encoded=True)
    host, port = url.raw_host, url.port
    has_credential = url.raw_user is not None or url.raw_password is not None
    if url.scheme not in _SCHEMES or not host or port is None or has_credential:
        raise ValueError("a URL that cannot be sent to")
    opening = f"POST {url.raw_path_qs} HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\n"
    return Target(host, port, url.scheme == "https", opening)
