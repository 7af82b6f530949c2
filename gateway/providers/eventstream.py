"""Amazon's event stream encoding: bytes in, whole messages out, exactly as they came; and messages of our own.

    total length, headers length, CRC of both | headers | payload | CRC of all before it    (4 bytes each, big-endian)

(https://smithy.io/2.0/aws/amazon-eventstream.html, "Amazon event stream specification"; CRC-32 as in zlib.)
The rules that matter: the messages joined are the bytes fed, for any split of them; and where a checksum or a length is
wrong, nothing tells where the next message begins: from there on all passes unread, as a `Fragment`.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from gateway.providers.sse import Fragment

MEDIA_TYPE = "application/vnd.amazon.eventstream"

MAX_MESSAGE_BYTES = 1 << 22
"""What one stream may hold in memory; a delta has some hundred bytes, only an image comes near."""

_PRELUDE = struct.Struct("!III")
_CRC = struct.Struct("!I")
_LENGTHS_BYTES = 8
_OVERHEAD_BYTES = _PRELUDE.size + _CRC.size
_STRING = 7
# The other types of header value, and how long each is: true, false, byte, short, int, long, timestamp, UUID.
_FIXED_BYTES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_BYTES = 6
_USUAL_BYTES = 256


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its headers that are strings, and its payload."""

    headers: Mapping[str, str]
    payload: bytes


class MessageSplitter:
    """Cuts a byte stream into messages."""

    __slots__ = ("_is_broken", "_most_bytes", "_rest")

    def __init__(self, most_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._rest = bytearray()
        self._is_broken = False

    @property
    def is_between_frames(self) -> bool:
        """Whether nothing is held back."""
        return not self._rest

    def feed(self, chunk: bytes) -> list[bytes]:
        """Give the messages that this chunk completes, checked; and all of it where one before was none."""
        if not self._rest and not self._is_broken and self._length(chunk, 0) == len(chunk) and _is_whole(chunk):
            return [chunk]
        data: bytes | bytearray = chunk
        if self._rest:
            self._rest += chunk
            data = self._rest
        messages: list[bytes] = []
        start = 0
        while not self._is_broken and (length := self._length(data, start)) is not None:
            if length > len(data) - start:
                break
            message = bytes(data[start : start + length])
            if not length or not _is_whole(message):
                self._is_broken = True
                break
            messages.append(message)
            start += length
        if start or data is chunk:
            self._rest = bytearray(data[start:])
        if self._is_broken and self._rest:
            messages.append(self.flush())
        return messages

    def flush(self) -> bytes:
        """Give what is left when the stream ends: part of a message, which nobody can read."""
        rest, self._rest = Fragment(self._rest), bytearray()
        return rest

    def _length(self, data: bytes | bytearray, start: int) -> int | None:
        """Give how long the message is that begins here; None where too little is known, 0 where it is none."""
        if len(data) - start < _PRELUDE.size:
            return None
        total, headers, crc = _PRELUDE.unpack_from(data, start)
        is_sound = zlib.crc32(data[start : start + _LENGTHS_BYTES]) == crc
        return total if is_sound and headers + _OVERHEAD_BYTES <= total <= self._most_bytes else 0


def _is_whole(message: bytes) -> bool:
    """Say whether the checksum at the end of a message is that of all before it."""
    return zlib.crc32(message[: -_CRC.size]) == int.from_bytes(message[-_CRC.size :])


def decode(frame: bytes) -> Message | None:
    """Read a whole message that the splitter gave; None where its headers do not fit together."""
    _, length, _ = _PRELUDE.unpack_from(frame)
    end = _PRELUDE.size + length
    read = _headers if length > _USUAL_BYTES else _usual_headers
    try:
        headers = read(frame[_PRELUDE.size : end])
    except (struct.error, UnicodeDecodeError, KeyError, IndexError):
        return None
    return Message(headers, frame[end : -_CRC.size])


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Make a message whose headers are strings."""
    head = b"".join(map(_header, headers.items()))
    lengths = struct.pack("!II", _OVERHEAD_BYTES + len(head) + len(payload), len(head))
    message = lengths + _CRC.pack(zlib.crc32(lengths)) + head + payload
    return message + _CRC.pack(zlib.crc32(message))


def is_stream(content_type: str) -> bool:
    """Say whether an answer of this media type (in lower case) is a stream of messages."""
    return content_type.startswith(MEDIA_TYPE)


def _header(pair: tuple[str, str]) -> bytes:
    name, value = (text.encode() for text in pair)
    return struct.pack("!B", len(name)) + name + struct.pack("!BH", _STRING, len(value)) + value


@lru_cache(64)
def _usual_headers(data: bytes) -> Mapping[str, str]:
    """Read the headers of a kind of event: all of its messages have the same."""
    return _headers(data)


def _headers(data: bytes) -> Mapping[str, str]:
    """Read the headers, and keep those that are strings."""
    headers: dict[str, str] = {}
    at = 0
    while at < len(data):
        named = at + 1 + data[at]
        name, kind = data[at + 1 : named].decode(), data[named]
        at = named + 1
        if kind not in {_BYTES, _STRING}:
            at += _FIXED_BYTES[kind]
            continue
        (length,) = struct.unpack_from("!H", data, at)
        at += 2 + length
        if kind == _STRING:
            headers[name] = data[at - length : at].decode()
    return MappingProxyType(headers)
