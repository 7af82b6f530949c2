"""Which calls are open: what the records of a journal leave, live or read back from a file. Pure.

An acknowledged call is kept until the store has answered six seconds later too: a store that syncs its disk every
second may forget what it acknowledged last, and is then told again. One that acknowledges what is on its disk may not.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from gateway.journal.frames import Kind, frame

LINGER_SECONDS = 6.0


class Call(msgspec.Struct, eq=False, gc=False):
    """What is known of one: `epoch` is the store's in which it was acknowledged, at `acknowledged_at` (seconds).

    `settled_at` is when this process settled it (seconds).
    """

    id: str
    forwarded: bytes | None = None
    granted_tokens: int | None = None
    settled: bytes | None = None
    epoch: str | None = None
    acknowledged_at: float = 0.0
    settled_at: float = 0.0

    @property
    def is_unpaid(self) -> bool:
        """Whether it is settled and the store has not answered that."""
        return self.settled is not None and self.epoch is None

    @property
    def is_unsettled(self) -> bool:
        """Whether all that is known is that it was sent."""
        return self.settled is None and self.forwarded is not None

    def size(self) -> int:
        """Give the bytes that it takes."""
        return len(self.forwarded or b"") + len(self.settled or b"")


class Calls:
    """The open ones, by id. `size_bytes` is what they say, `unacknowledged` how many await the store."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self.unacknowledged = 0
        self._open: dict[str, Call] = {}
        self._paid: defaultdict[str, deque[Call]] = defaultdict(deque)

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._open.values())

    def forwarded(self, call_id: str, content: bytes) -> None:
        """Note that a call is about to be sent."""
        call = self._of(call_id)
        self.size_bytes += len(content)
        call.forwarded = content

    def grown(self, call_id: str, granted_tokens: int) -> bool:
        """Note that it may use so much; False where it is unknown."""
        call = self._open.get(call_id)
        if call is None:
            return False
        call.granted_tokens = granted_tokens
        return True

    def settled(self, call_id: str, content: bytes, at: float = 0.0) -> None:
        """Note its charge, which is all that is needed from now on."""
        call = self._of(call_id)
        call.settled_at = at
        self.size_bytes += len(content) - call.size()
        call.forwarded, call.settled = None, content

    def acknowledged(self, call_id: str, epoch: str, at: float) -> bool:
        """Note the store's answer; False where the call is unknown."""
        call = self._open.get(call_id)
        if call is None:
            return False
        if call.epoch is None:
            self.unacknowledged -= 1
        else:
            self._paid[call.epoch].remove(call)
        call.epoch, call.acknowledged_at = epoch, at
        self._paid[epoch].append(call)
        return True

    def ended(self, call_id: str) -> bool:
        """Forget one that the store has for good; False where it is unknown."""
        call = self._open.pop(call_id, None)
        if call is None:
            return False
        self.size_bytes -= call.size()
        self.unacknowledged -= 1
        return True

    def heard(self, at: float, epoch: str) -> None:
        """Forget what the memory of this epoch acknowledged long before it last answered."""
        paid = self._paid.get(epoch)
        # One of the future is of a clock that was set back since.
        while paid and not at - LINGER_SECONDS <= paid[0].acknowledged_at <= at + LINGER_SECONDS:
            call = paid.popleft()
            self.size_bytes -= call.size()
            del self._open[call.id]
        if not paid:
            self._paid.pop(epoch, None)

    def take(self, records: Iterable[tuple[int, str, Any]]) -> None:
        """Read records back."""
        for kind, call_id, content in records:
            match kind:
                case Kind.FORWARDED:
                    self.forwarded(call_id, content)
                case Kind.GROWN:
                    self.grown(call_id, content)
                case Kind.SETTLED:
                    self.settled(call_id, content)
                case Kind.ACKNOWLEDGED:
                    epoch, at = content
                    self.acknowledged(call_id, epoch, at)
                case _:
                    pass  # of a later version, which says nothing that this one needs

    def _of(self, call_id: str) -> Call:
        call = self._open.get(call_id)
        if call is None:
            call = self._open[call_id] = Call(call_id)
            self.unacknowledged += 1
        return call


Row = tuple[str, bytes | None, int | None, bytes | None, str | None, float]


def row(call: Call) -> Row:
    """Give a call as values that do not change while they are written."""
    return call.id, call.forwarded, call.granted_tokens, call.settled, call.epoch, call.acknowledged_at


def frames_of(call: Row) -> Iterator[bytes]:
    """Write one call down anew."""
    call_id, forwarded, granted_tokens, settled, epoch, at = call
    if forwarded is not None:
        yield frame(Kind.FORWARDED, call_id, forwarded)
    if granted_tokens is not None:
        yield frame(Kind.GROWN, call_id, granted_tokens)
    if settled is not None:
        yield frame(Kind.SETTLED, call_id, settled)
    if epoch is not None:
        yield frame(Kind.ACKNOWLEDGED, call_id, (epoch, at))
