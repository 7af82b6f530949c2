"""Owns the arithmetic of a cluster: which slot a command belongs to, and who holds which slots. No I/O.

The rule that matters: all keys of a script or a command share a hash tag (shards.py), so the first one names the slot.

Slots: https://valkey.io/topics/cluster-spec/#key-distribution-model; the map: https://valkey.io/commands/cluster-slots/
"""

from collections.abc import Mapping, Sequence
from typing import Any

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from gateway.store.address import Place

SLOTS = REDIS_CLUSTER_HASH_SLOTS

Ranges = tuple[tuple[int, int, Place], ...]
"""First slot, last slot and the primary that holds them, in order."""

# Of the commands that the gateway sends: those that name no key. Any server may answer them.
_KEYLESS = frozenset({"ACL", "CLUSTER", "CONFIG", "ECHO", "INFO", "PING", "SCAN", "SCRIPT", "TIME"})
_KEY_AT = {"EVAL": 3, "EVALSHA": 3, "XINFO": 2}  # the word that is the key, where it is not the second


def slot_of_key(key: str | bytes) -> int:
    """Give the slot of a key."""
    return key_slot(key if isinstance(key, bytes) else key.encode())


def key_of_command(command: Sequence[bytes | str | float]) -> bytes | str | None:
    """Give the first key of a command; None for one without."""
    name = str(command[0]).split(" ")[0].upper()
    at = _KEY_AT.get(name, 1)
    if name in _KEYLESS or len(command) <= at:
        return None
    key = command[at]
    return key if isinstance(key, bytes) else str(key)


def slot_of_command(command: Sequence[bytes | str | float]) -> int | None:
    """Give the slot of a command by its key; None for one without."""
    key = key_of_command(command)
    return None if key is None else slot_of_key(key)


def read_ranges(reply: Sequence[Sequence[Any]], asked: Place) -> Ranges:
    """Read the answer to CLUSTER SLOTS; a server that does not know its own host is where it was asked."""
    found = []
    for first, last, (host, port, *_), *_replicas in reply:
        found.append((int(first), int(last), place_of(host or b"", int(port), asked)))
    return tuple(sorted(found))


def most_given(votes: Mapping[Ranges, int], present: Ranges) -> Ranges:
    """Give the map that most servers give; of several the present one, else the first. Without votes, the present."""
    most = max(votes.values(), default=0)
    given = [ranges for ranges, count in votes.items() if count == most]
    return present if present in given or not given else given[0]


def place_of(host: bytes | str, port: int, asked: Place) -> Place:
    """Give the place that a server names; an empty or unknown host is its own."""
    text = host.decode() if isinstance(host, bytes) else host
    return (asked[0] if text in {"", "?"} else text), port


def read_redirect(reply: str, asked: Place) -> Place:
    """Read the place in `MOVED <slot> <host>:<port>` and `ASK <slot> <host>:<port>`."""
    host, _, port = reply.split(" ")[2].rpartition(":")
    return place_of(host, int(port), asked)
