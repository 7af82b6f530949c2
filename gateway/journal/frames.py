"""The bytes of a journal: frames of length, CRC-32 and msgpack, one after the other. Pure.

A frame whose length, sum or end is wrong ends the reading: there a process, or the power, stopped in the middle. So
does one without a length: what follows was never written.
"""

import zlib
from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import Any, BinaryIO

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


def read(file: BinaryIO) -> Iterator[tuple[int, str, Any]]:
    """Give the records of a file one by one, up to its end or to where it is torn; there the file then stands."""
    at = file.tell()
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        length, checksum = _HEAD.unpack(head)
        body = file.read(length) if length <= _MOST_BYTES else b""
        if not body or len(body) < length or zlib.crc32(body) != checksum:
            break
        try:
            record = _decode(body)
        except msgspec.MsgspecError:
            break
        at += _HEAD.size + length
        yield record
    file.seek(at)
