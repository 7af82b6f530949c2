"""The bytes of a journal: frames of length, CRC-32 and msgpack, one after the other. Pure.

A frame whose length, sum or end is wrong ends the reading: there a process, or the power, stopped in the middle. So
does one without a length: what follows was never written.
"""

import zlib
from enum import IntEnum
from struct import Struct
from typing import Any

import msgspec

_HEAD = Struct("<II")
_MOST_BYTES = 16 << 20

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, str, Any]).decode


class Kind(IntEnum):
    """What a frame says of a call; ORIGIN is the first of a file and names its store."""

    ORIGIN = 0
    FORWARDED = 1
    GROWN = 2
    SETTLED = 3
    ACKNOWLEDGED = 4


def frame(kind: int, call_id: str, content: Any) -> bytes:
    """Give a record as it is written."""
    body = _encode((kind, call_id, content))
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def read(data: bytes) -> tuple[list[tuple[int, str, Any]], int]:
    """Give the records of a file, up to its end or to where it is torn, and how many bytes they take."""
    records: list[tuple[int, str, Any]] = []
    at = 0
    while at + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, at)
        body = data[at + _HEAD.size : at + _HEAD.size + length]
        if not length or length > _MOST_BYTES or len(body) < length or zlib.crc32(body) != checksum:
            break
        try:
            records.append(_decode(body))
        except msgspec.MsgspecError:
            break
        at += _HEAD.size + length
    return records, at
