"""A client that leaves when it wants: one request on a socket of its own, read byte by byte, then reset."""

import asyncio
import json
import socket
import struct
from typing import Any
from urllib.parse import urlsplit

from tests.gateways import BACKEND_KEY, Client


def guid(number: int) -> str:
    """Give the id of a user that no other number has, so that what it is charged is one call's."""
    return f"00000000-0000-4000-8000-{number:012d}"


def as_user(number: int) -> dict[str, str]:
    """Give the headers of the service key that acts for a user."""
    return {"Authorization": f"Bearer {BACKEND_KEY}", "X-Gateway-User": guid(number)}


def chat_body(model: str, **fields: Any) -> bytes:
    """Give a chat request."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello there"}], **fields}).encode()


async def ask(url: str, body: bytes, *, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a chat call as a user, on a connection of its own."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(_request(address.netloc, body, number))
    return reader, writer


def asked(url: str, body: bytes, *, number: int) -> socket.socket:
    """Send a chat call as a user; gives a socket that is closed in the very moment in which `close` is called."""
    address = urlsplit(url)
    client = socket.create_connection((address.hostname or "", address.port or 0))
    client.sendall(_request(address.netloc, body, number))
    return client


def _request(netloc: str, body: bytes, number: int) -> bytes:
    fields = {**as_user(number), "Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = ["POST /v1/chat/completions HTTP/1.1", f"Host: {netloc}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def leave(writer: asyncio.StreamWriter, *, orderly: bool = False) -> None:
    """Hang up: with a reset, as of a process that was killed, or with an orderly close."""
    if not orderly:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def leave_after(url: str, body: bytes, received_bytes: int, *, number: int, orderly: bool = False) -> bytes:
    """Send a call, read so many bytes of the answer (or all that there are), hang up; gives them."""
    reader, writer = await ask(url, body, number=number)
    try:
        return await reader.readexactly(received_bytes)
    except asyncio.IncompleteReadError as error:
        return error.partial
    finally:
        leave(writer, orderly=orderly)


async def until_nothing_is_held(client: Client) -> int:
    """Wait for every hold to end; gives what the company has used."""
    while (company := (await client.budgets())["company"])["held"]:  # noqa: ASYNC110 - the ledger sets no Event
        await asyncio.sleep(0.01)
    return company["used"]
