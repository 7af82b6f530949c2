"""What a process that died has left: its calls, until each is charged or given up.

The rule that matters: a charge that fails is tried again, and a file goes only when none of its calls is owed any more.
"""

from collections.abc import Callable, Collection, Sequence

import msgspec
import structlog

from gateway.budget.record import by_policy, settlement, shard_of_record
from gateway.budget.wire import Operation
from gateway.journal import Call, Inherited

MOST_TRIES = 10
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0
"""Between two tries of a charge, twice as long each time: some four minutes in all."""
_UNREADABLE = (msgspec.MsgspecError, LookupError, TypeError, ValueError)

log = structlog.get_logger("recovery")

Charge = tuple[str, str, Operation]
"""A call's id, its shard, its settle."""


class Estate:
    """`calls` are those that are not seen to yet."""

    def __init__(self, left: Inherited) -> None:
        self.calls = [call for call in left.calls if call.settled is not None or call.forwarded is not None]
        self._left = left
        self._tries: dict[str, tuple[int, float]] = {}

    def due(self, now: float) -> list[Call]:
        """Give the calls to be charged now (seconds): those of which no charge has failed a moment ago."""
        return [call for call in self.calls if self._tries.get(call.id, (0, now))[1] <= now]

    def drop(self, is_meant: Callable[[Call], bool]) -> list[Call]:
        """Give up the calls that are meant; gives them."""
        dropped = [call for call in self.calls if is_meant(call)]
        gone = set(dropped)
        self.calls = [call for call in self.calls if call not in gone]
        return dropped

    def close(self, tried: Sequence[Call], failed: Collection[str], now: float) -> list[Call]:
        """Strike out what was tried but what failed, by id, which is due again later; gives those that are given up."""
        self.drop({call for call in tried if call.id not in failed}.__contains__)
        for call_id in failed:
            tries = self._tries.get(call_id, (0, now))[0] + 1
            self._tries[call_id] = tries, now + min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** (tries - 1))
        return self.drop(lambda call: self._tries.get(call.id, (0, now))[0] >= MOST_TRIES)

    def end(self) -> None:
        """Remove the file; where that fails it stays locked, so nobody sees to it again before a restart."""
        try:
            self._left.file.remove()
        except OSError as error:
            log.error("journal_not_removed", reason=error.strerror)  # noqa: TRY400 - the reason is all there is


def charge_of(call: Call) -> Charge:
    """Give the charge of a call that is settled."""
    assert call.settled is not None
    return call.id, *settlement(call.settled)


def charge_by_policy(call: Call) -> Charge:
    """Give the charge of a call of which nothing is known but that it was sent."""
    assert call.forwarded is not None
    return call.id, *by_policy(call.forwarded, call.granted_tokens)


def is_readable(call: Call) -> bool:
    """Whether what was written down of a call can be read: not if a later version wrote it otherwise."""
    try:
        _ = charge_by_policy(call) if call.is_unsettled else charge_of(call)
        _ = shard_of_record(call.settled or call.forwarded or b"")
    except _UNREADABLE:
        return False
    return True
