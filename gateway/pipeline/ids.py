"""Call ids: ULIDs made here, never a client's header (https://github.com/ulid/spec)."""

import os
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26


def new_id() -> str:
    """Give 26 characters: 48 bits of the time in ms, then 80 random bits."""
    number = int.from_bytes((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10), "big")
    characters = []
    for _ in range(_LENGTH):
        number, place = divmod(number, 32)
        characters.append(_ALPHABET[place])
    return "".join(reversed(characters))
