"""Call ids: ULIDs made here, never a client's header (https://github.com/ulid/spec)."""

import os
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(one + other for one in _ALPHABET for other in _ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))
_MASK = 1023


def new_id() -> str:
    """Give 26 characters: 48 bits of the time in ms, then 80 random bits."""
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
    pairs = _PAIRS
    return "".join([pairs[number >> shift & _MASK] for shift in _SHIFTS])
