"""Amazon's event stream, read and written by its specification: an independent witness beside the gateway's own.

(https://smithy.io/2.0/aws/amazon-eventstream.html) Only headers that are strings are known here.
"""

from binascii import crc32
from typing import Any

Message = tuple[dict[str, str], bytes]
"""Headers and payload."""


def read_all(data: bytes) -> list[Message]:
    """Read a whole stream; every length and checksum has to be right."""
    messages: list[Message] = []
    while data:
        total, length, check = (int.from_bytes(data[at : at + 4], "big") for at in (0, 4, 8))
        one, data = data[:total], data[total:]
        assert len(one) == total, "the stream ends within a message"
        assert crc32(one[:8]) == check, "the prelude's checksum"
        assert crc32(one[:-4]) == int.from_bytes(one[-4:], "big"), "the message's checksum"
        messages.append((_headers(one[12 : 12 + length]), one[12 + length : -4]))
    return messages


def _headers(data: bytes) -> dict[str, str]:
    headers = {}
    while data:
        name, data = data[1 : 1 + data[0]], data[1 + data[0] :]
        assert data[0] == 7, "a string"
        size = int.from_bytes(data[1:3], "big")
        headers[name.decode()], data = data[3 : 3 + size].decode(), data[3 + size :]
    return headers


def write(headers: dict[str, str], payload: Any) -> bytes:
    """Make one message; `payload` is its bytes."""
    head = b""
    for name, value in headers.items():
        text = value.encode()
        head += bytes([len(name.encode())]) + name.encode() + b"\x07" + len(text).to_bytes(2, "big") + text
    lengths = (16 + len(head) + len(payload)).to_bytes(4, "big") + len(head).to_bytes(4, "big")
    message = lengths + crc32(lengths).to_bytes(4, "big") + head + payload
    return message + crc32(message).to_bytes(4, "big")
