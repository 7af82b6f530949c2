"""Call ids: ULIDs made here, never a client's header (https://github.com/ulid/spec)."""

import os
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(one + other for one in _ALPHABET for other in _ALPHABET)
_OF_BYTES = (_ALPHABET * 8).encode()
"""The character of each byte: of 256, as many for each of the 32."""


def new_id() -> str:
    """Give 26 characters: 48 bits of the time in ms, then 80 random bits."""
    ms, pairs = time.time_ns() // 1_000_000, _PAIRS
    made = pairs[ms >> 40] + pairs[ms >> 30 & 1023] + pairs[ms >> 20 & 1023] + pairs[ms >> 10 & 1023] + pairs[ms & 1023]
    return made + os.urandom(16).translate(_OF_BYTES).decode()
