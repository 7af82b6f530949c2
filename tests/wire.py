"""HTTP as bytes on a socket: what no client library would send, and answers taken apart without one."""

import asyncio
from collections.abc import Container
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
from multidict import CIMultiDict

from tests.gateways import ADA_KEY

CHAT = b'{"model":"m:","messages":[{"role":"user","content":"Hello there"}]}'
CHAT_TARGET = "/v1/chat/completions"
LAST = "Connection: close"
"""A header that makes the gateway end the connection, so that all answers are there at its end."""


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The `error` object of the body."""
        return self.json["error"]


def request(method: str, target: str, *lines: str, body: bytes | None = None, key: str | None = ADA_KEY) -> bytes:
    """Write a request; `lines` are more header lines, with a body there are the two that belong to it."""
    head = [f"{method} {target} HTTP/1.1", "Host: gateway.example"]
    if key is not None:
        head.append(f"Authorization: Bearer {key}")
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, *lines]).encode("latin-1") + b"\r\n\r\n" + (body or b"")


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a socket to a gateway."""
    address = urlsplit(url)
    return await asyncio.open_connection(address.hostname, address.port)


async def talk(url: str, data: bytes, *, to_head: Container[int] = ()) -> list[Reply]:
    """Send bytes and give all answers that came until the gateway closed the connection."""
    reader, writer = await connect(url)
    try:
        writer.write(data)
        return replies(await reader.read(), to_head=to_head)
    finally:
        writer.close()
        await writer.wait_closed()


def replies(data: bytes, *, to_head: Container[int] = ()) -> list[Reply]:
    """Take answers apart, framed by Content-Length; those at the places `to_head` answer HEAD and have no body."""
    found: list[Reply] = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = CIMultiDict(line.split(": ", 1) for line in lines)
        assert "Transfer-Encoding" not in headers, "read a stream with a client library"
        size_bytes = 0 if len(found) in to_head else int(headers.get("Content-Length", "0"))
        assert len(data) >= size_bytes, "the answer was cut"
        found.append(Reply(int(status_line.split(" ")[1]), headers, data[:size_bytes]))
        data = data[size_bytes:]
    return found
