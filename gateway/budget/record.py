"""What has to be remembered beside the store, so that no call that reached a provider stays uncharged; as bytes.

The rule that matters: a record says all that its charge takes (names of keys, places, amounts) and needs no
configuration to be read. What it is kept in is somebody else's: the `Record` of a ledger.
"""

from typing import Any, Protocol

import msgspec

from gateway.budget.lease import Lease
from gateway.budget.wire import Operation
from gateway.model import MICROS

_TOMBSTONE, _ROWS, _PLAN, _WHO = 3, 9, 10, 11
"""Places in the fields of a reserve (lua/reserve.lua)."""
_STATE, _BUCKETS, _ID, _KIND, _SPAN, _MINIMUM, _RATE, _COUNTS = 0, 1, 3, 4, 6, 11, 12, 13
"""Places in a budget's row there (lua/prelude.lua)."""
ADMITTED = 5
"""Where a settle says when its call was admitted (lua/settle.lua)."""
_CALL = 2


class Record(Protocol):
    """Where a ledger writes down what it does, by call."""

    @property
    def keeps(self) -> bool:
        """Whether what is settled is kept until it is acknowledged, whatever becomes of who settled it."""

    @property
    def is_full(self) -> bool:
        """Whether it has no room for further calls."""

    @property
    def is_sound(self) -> bool:
        """Whether it has room, and what is written in it now outlives this process."""

    def forwarded(self, call_id: str, content: bytes) -> None:
        """Write down that a call is about to be sent; `content` is what `forwarded` gave."""

    def grown(self, call_id: str, granted_tokens: int) -> None:
        """Write down that its hold reaches further."""

    def settled(self, call_id: str, content: bytes) -> None:
        """Write down how it is settled or released; `content` is what `settled` gave."""

    def acknowledged(self, call_id: str, epoch: str) -> None:
        """Strike it out: the store has answered, in this epoch of its memory."""

    async def secured(self) -> bool:
        """Wait until everything so far is on the disk; False: it is not."""


class NoRecord:
    """Remembers nothing."""

    keeps = False
    is_full = False
    is_sound = False

    def forwarded(self, call_id: str, content: bytes) -> None:
        """Forget it."""

    def grown(self, call_id: str, granted_tokens: int) -> None:
        """Forget it."""

    def settled(self, call_id: str, content: bytes) -> None:
        """Forget it."""

    def acknowledged(self, call_id: str, epoch: str) -> None:
        """Forget it."""

    async def secured(self) -> bool:
        """Say that nothing is."""
        return False


_encode = msgspec.msgpack.Encoder().encode
_settlement = msgspec.msgpack.Decoder(tuple[str, list[str], list[Any]])
_first = msgspec.msgpack.Decoder(list[Any])
_forwarded = msgspec.msgpack.Decoder(tuple[str, list[str], list[Any], int, int, list[tuple[int, int]]])


def forwarded(prefix: str, lease: Lease) -> bytes:
    """Write down what a call is charged if nobody ever settles it."""
    asked = lease.asked
    assert asked is not None
    return _encode((prefix, asked.keys, asked.fields, lease.admitted_ms, lease.granted_tokens, lease.positions))


def settled(prefix: str, op: Operation) -> bytes:
    """Write down a settle or a release."""
    return _encode((prefix, op.keys, op.fields))


def settlement(content: bytes) -> tuple[str, Operation]:
    """Read back a settle or a release, with its shard."""
    prefix, names, fields = _settlement.decode(content)
    return prefix, Operation(fields, names)


def shard_of_record(content: bytes) -> str:
    """Give the shard of what `forwarded` or `settled` wrote down."""
    prefix: str = _first.decode(content)[0]
    return prefix


def by_policy(content: bytes, granted_tokens: int | None = None) -> tuple[str, Operation]:
    """Give the settle of a call of which nothing is known but that it was sent: all that it held (lua/reap.lua).

    `granted_tokens` is what its hold had grown to.
    """
    prefix, names, asked, admitted_ms, first_tokens, places = _forwarded.decode(content)
    granted = max(first_tokens, granted_tokens or 0)
    entries, amounts = [], []
    for row, (start, mark) in zip(asked[_ROWS], places, strict=True):
        buckets, span = row[_BUCKETS], row[_SPAN]
        entries.append([row[_STATE], buckets, row[_ID], row[_KIND], start, mark, span if buckets else 0])
        amounts.append(row[_MINIMUM] + _cost(granted, row[_RATE]) if row[_COUNTS] else 0)
    increments, members, ttl_seconds = asked[_PLAN]
    charged = [[place, name, amount + _cost(granted, rate), 0] for place, name, amount, rate in increments]
    rollup = [charged, members, ttl_seconds]
    fields = ["settle", 0, asked[_CALL], asked[_TOMBSTONE], "s", admitted_ms, entries, amounts, rollup, asked[_WHO]]
    return prefix, Operation(fields, names)


def _cost(tokens: int, rate_micros: int) -> int:
    return -(-tokens * rate_micros // MICROS)
