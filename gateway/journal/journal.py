"""One process's journal: what it has sent, how far that has come, what the store has answered.

The rule that matters: it never stops a call. A disk that is full or gone is told loudly, and what is open stays in
memory and is written when the disk is back; who needs to be sure asks `secured`.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from gateway.journal import files
from gateway.journal.calls import LINGER_SECONDS, Call, Calls, row
from gateway.journal.files import SPACE_BYTES, Inherited
from gateway.journal.frames import Kind, frame
from gateway.journal.writing import Writing

RENEWED_BYTES = SPACE_BYTES * 3 // 4
"""A file that holds more is written anew, unless half of it is still open."""
IDLE_BYTES = SPACE_BYTES // 4
"""So is one that holds more while nothing is open."""
MOST_OPEN_BYTES = 64 << 20
"""What may be open at most before no call is admitted without the store any more."""

LONG_SECONDS = 10.0


class Journal:
    """Of one store, in a directory; without one, in memory alone. `clock` is Unix time in seconds.

    `may_forget`: whether the store may lose what it has acknowledged.
    """

    keeps = True

    def __init__(
        self,
        directory: Path | None,
        store: str,
        *,
        may_forget: bool = True,
        on_failure: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._store = store
        self._may_forget = may_forget
        self._clock = clock
        self._calls = Calls()
        self._passed = files.Passed()
        self._writing: Writing | None = None
        if directory is not None:
            self._writing = Writing(directory, store, lambda: [row(call) for call in self._calls], on_failure)

    @property
    def size_bytes(self) -> int:
        """Give the size of its file."""
        return self._writing.size_bytes if self._writing else 0

    @property
    def open_calls(self) -> int:
        """How many calls the store has not answered for: in flight, or settled while it was away."""
        return self._calls.unacknowledged

    @property
    def is_full(self) -> bool:
        """Whether so much is open that no call may be admitted without the store."""
        return self._calls.size_bytes >= MOST_OPEN_BYTES

    @property
    def is_sound(self) -> bool:
        """Whether it has room, and what is written in it now outlives this process."""
        return self._writing is not None and not self._writing.is_failing and not self.is_full

    @property
    def lingers(self) -> bool:
        """Whether acknowledged calls are kept: `heard` lets them go."""
        return len(self._calls) > self._calls.unacknowledged

    def forwarded(self, call_id: str, content: bytes) -> None:
        """Write down that a call is about to be sent, and what it is charged if nothing more is heard of it."""
        self._calls.forwarded(call_id, content)
        self._append(Kind.FORWARDED, call_id, content)

    def grown(self, call_id: str, granted_tokens: int) -> None:
        """Write down that it may use so much."""
        if self._calls.grown(call_id, granted_tokens):
            self._append(Kind.GROWN, call_id, granted_tokens)

    def settled(self, call_id: str, content: bytes) -> None:
        """Write down its charge."""
        self._calls.settled(call_id, content, self._clock())
        self._append(Kind.SETTLED, call_id, content)

    def acknowledged(self, call_id: str, epoch: str) -> None:
        """Write down that the store has it, in this epoch of its memory."""
        now, calls = self._clock(), self._calls
        if calls.acknowledged(call_id, epoch, now) if self._may_forget else calls.ended(call_id):
            self._append(Kind.ACKNOWLEDGED, call_id, (epoch, now))
            self._renew_if_large()

    def heard(self, epoch: str) -> None:
        """Note that the store was asked for its epoch, and it is this: what it acknowledged a while ago has lasted.

        An acknowledgement does not say so much: it may be another memory's, which nobody has met yet.
        """
        self._calls.heard(self._clock(), epoch)
        self.rest()

    def rest(self) -> None:
        """Make the file small again where nothing is open; to be called now and then."""
        if not self._calls and self._writing is not None and self._writing.size_bytes > IDLE_BYTES:
            self._writing.renew()
        else:
            self._renew_if_large()

    def _renew_if_large(self) -> None:
        if self._writing is not None and self._writing.size_bytes > max(RENEWED_BYTES, 2 * self._calls.size_bytes):
            self._writing.renew()

    async def secured(self) -> bool:
        """Wait until all of this is on the disk; False: it is not, and does not get there."""
        return self._writing is not None and await self._writing.synced()

    def settled_calls(self) -> list[Call]:
        """Give the calls that are settled, those that the store has acknowledged too."""
        return [call for call in self._calls if call.settled is not None]

    def unpaid_for_long(self, is_meant: Callable[[Call], bool]) -> list[Call]:
        """Give those meant whose own settle should have got through by now; each again only after as long."""
        now = self._clock()
        old = [call for call in self._calls if call.is_unpaid and call.settled_at < now - LONG_SECONDS]
        late = [call for call in old if is_meant(call)]
        for call in late:
            call.settled_at = now
        return late

    def left_behind(self) -> list[Inherited]:
        """Take over the journals of processes that have died. OSError: the directory cannot be read."""
        return list(files.left_behind(self._directory, self._store, self._passed)) if self._directory else []

    async def open(self) -> None:
        """Make the file, so that a directory that cannot be written is known from the start."""
        await self.secured()

    async def close(self) -> None:
        """End; what is open stays on the disk for the next process."""
        if self._writing is not None:
            await self._writing.close(removes=not self._calls)

    def _append(self, kind: Kind, call_id: str, content: object) -> None:
        if self._writing is not None:
            self._writing.append(frame(kind, call_id, content))


def forgettable(calls: Iterable[Call], epoch: str) -> list[Call]:
    """Give those whose answer came from another epoch, in the last seconds of that."""
    last: dict[str, float] = {}
    others = [call for call in calls if call.epoch is not None and call.epoch != epoch]
    for call in others:
        last[call.epoch or ""] = max(last.get(call.epoch or "", 0.0), call.acknowledged_at)
    return [call for call in others if call.acknowledged_at >= last[call.epoch or ""] - LINGER_SECONDS]
