"""A journal's bytes: what was written is read, up to where it is torn."""

import pytest

from gateway.journal.frames import Kind, frame
from tests.journal.reading import read

WRITTEN = [(Kind.FORWARDED, "a", b"how it is charged"), (Kind.GROWN, "a", 4096), (Kind.ACKNOWLEDGED, "a", ["e", 1.5])]
DATA = b"".join(frame(*one) for one in WRITTEN)


def test_what_is_written_is_read() -> None:
    """Every kind of content, and the length of it all."""
    assert read(DATA) == (WRITTEN, len(DATA))
    assert read(b"") == ([], 0)


@pytest.mark.parametrize("length", range(len(DATA)))
def test_a_torn_end_costs_the_last_record_alone(length: int) -> None:
    """Wherever a writer stopped, the whole records before are there."""
    records, size_bytes = read(DATA[:length])
    assert records == WRITTEN[: len(records)]
    assert size_bytes == sum(len(frame(*one)) for one in WRITTEN[: len(records)]) <= length


@pytest.mark.parametrize("place", [0, 5, 9, 20])
def test_a_changed_byte_ends_the_reading(place: int) -> None:
    """Nothing that its sum does not confirm is believed, a length of gigabytes neither."""
    start = len(frame(*WRITTEN[0]))
    data = bytearray(DATA)
    data[start + place % (len(frame(*WRITTEN[1])) - 1)] ^= 0xFF
    assert read(bytes(data)) == (WRITTEN[:1], start)


def test_zeros_were_never_written() -> None:
    """A file is longer than what is written of it."""
    assert read(DATA + bytes(100)) == (WRITTEN, len(DATA))
