"""What a process reads back of itself, and what proxies write: torn journals, forwarded addresses."""

import zlib
from struct import Struct
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.app.addresses import FORWARDED_HEADER, addresses
from gateway.journal.frames import Kind, frame
from tests.fuzz.cases import mutated, numbered, read_case
from tests.journal.reading import read

_HEAD = Struct("<II")
_FRAMES = [
    frame(Kind.ORIGIN, "", "unix:/x"),
    frame(Kind.FORWARDED, "01J", b"policy"),
    frame(Kind.GROWN, "01J", 900),
    frame(Kind.SETTLED, "01J", b"charge" * 20),
    frame(Kind.ACKNOWLEDGED, "01J", ("epoch", 1.5)),
]
_FILE = b"".join(_FRAMES)
JOURNAL_CASES = numbered(mutated([_FILE, _FILE * 3, *_FRAMES, bytes(64)]))
_ADDRESSES = [
    b"198.51.100.1, 10.0.0.1",
    b"[2001:db8::1]:443",
    b"unknown, _hidden",
    b"::ffff:10.0.0.1",
    b"10.0.0.1:80, fe80::1%eth0",
]
ADDRESS_CASES = mutated(_ADDRESSES) | st.binary(max_size=60)
_TRUSTED = addresses(("10.0.0.0/8", "::1"))


def journal(case: bytes) -> None:
    """Check that a damaged file is read up to its damage, and no further; and so is one whose sums are right."""
    one = read_case(case)
    records, size_bytes = read(one.data)
    assert size_bytes <= len(one.data)
    again, _ = read(one.data[:size_bytes])
    assert again == records
    cut, _ = read(one.data[: one.number(0, len(one.data) + 1)])
    assert cut == records[: len(cut)]
    summed = _HEAD.pack(len(one.data), zlib.crc32(one.data)) + one.data
    for kind, call_id, _ in read(_FILE + summed + _FILE)[0]:
        assert type(kind) is int
        assert type(call_id) is str


def forwarded(case: bytes) -> None:
    """Check that a proxy's header names somebody, in few characters and never a proxy; others' headers name nobody."""
    headers = CIMultiDict([(FORWARDED_HEADER, case.decode("utf-8", "surrogateescape"))])

    def block_for(peer: str) -> str:
        asked: Any = SimpleNamespace(remote=peer, headers=headers)
        return _TRUSTED.block_of(asked)

    block = block_for("10.0.0.9")
    assert block == "10.0.0.9" or not _TRUSTED.is_trusted(block)
    assert len(block) <= 64
    assert block_for("192.0.2.1") == "192.0.2.1"
