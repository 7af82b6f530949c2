"""Call ids: ULIDs of our own."""

import time

from gateway.pipeline.ids import new_id

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _time_ms(call_id: str) -> int:
    number = 0
    for character in call_id[:10]:
        number = number * 32 + ALPHABET.index(character)
    return number


def test_an_id_is_a_ulid() -> None:
    """26 characters of Crockford's alphabet, of which the first cannot be above 7 (128 bits in 130)."""
    for _ in range(1_000):
        call_id = new_id()
        assert len(call_id) == 26
        assert set(call_id) <= set(ALPHABET)
        assert call_id[0] <= "7"


def test_ids_do_not_repeat() -> None:
    """80 random bits tell calls of the same millisecond apart."""
    assert len({new_id() for _ in range(100_000)}) == 100_000


def test_an_id_tells_when_it_was_made() -> None:
    """The first ten characters are the time in ms."""
    before_ms = time.time_ns() // 1_000_000
    made_ms = _time_ms(new_id())
    assert before_ms <= made_ms <= time.time_ns() // 1_000_000


def test_later_ids_sort_later() -> None:
    """Ids of different milliseconds sort as they were made."""
    ids = [new_id() for _ in range(2_000)]
    assert [call_id[:10] for call_id in ids] == sorted(call_id[:10] for call_id in ids)
