"""Bounded inflation, without I/O."""

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.inflate import PIECE_BYTES, BadCoding, Inflate

CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": zlib.MAX_WBITS, "raw": -zlib.MAX_WBITS}


def inflate(engine: Inflate, data: bytes) -> bytes:
    """Feed and take all that comes."""
    engine.feed(data)
    pieces = []
    while piece := engine.take():
        assert len(piece) <= PIECE_BYTES
        pieces.append(piece)
    return b"".join(pieces)


@given(text=st.binary(max_size=3000), repeats=st.integers(1, 200), cuts=st.lists(st.integers(0, 5000), max_size=8))
@pytest.mark.parametrize("coding", CODINGS)
def test_any_split_gives_the_same_text(coding: str, text: bytes, repeats: int, cuts: list[int]) -> None:
    """However the compressed bytes are cut, the original comes out whole."""
    data = text * repeats
    packed = zlib.compress(data, wbits=CODINGS[coding])
    engine = Inflate("deflate" if coding == "raw" else coding)
    edges = sorted({0, len(packed), *(cut for cut in cuts if cut < len(packed))})
    assert b"".join(inflate(engine, packed[a:b]) for a, b in pairwise(edges)) == data
    engine.end()


def test_a_bomb_stops_at_the_limit() -> None:
    """A gigabyte in a megabyte is never made."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"\0" * 1_048_576) for _ in range(8)) + packer.flush()
    engine = Inflate("gzip", limit_bytes=1_000_000)
    with pytest.raises(BadCoding, match="beyond 1000000"):
        inflate(engine, bomb)


@pytest.mark.parametrize("damage", [b"", b"\x1f", b"\x1f\x8b\x08\x00junk junk junk junk"])
def test_damage_is_noticed_at_the_end_or_before(damage: bytes) -> None:
    """An empty, a cut and a forged body are all refused."""
    engine = Inflate("gzip")
    with pytest.raises(BadCoding):  # noqa: PT012 - either call may notice
        inflate(engine, damage)
        engine.end()


def test_bytes_after_the_end_are_refused() -> None:
    """Nothing hides behind a finished stream."""
    with pytest.raises(BadCoding, match="after the end"):
        inflate(Inflate("gzip"), zlib.compress(b"text", wbits=31) + b"more")
