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


class Tries:
    """How often charges have failed of which the store, which was there, made none. Times are seconds."""

    def __init__(self) -> None:
        self._failed: dict[str, tuple[int, float]] = {}

    def is_due(self, call_id: str, now: float) -> bool:
        """Whether a charge may be tried: none that has failed a moment ago."""
        return self._failed.get(call_id, (0, now))[1] <= now

    def failed(self, call_id: str, now: float) -> bool:
        """Note that one has failed, which counts where it was due; says whether it was the last try, and forgets it."""
        tries, due_at = self._failed.get(call_id, (0, now))
        if due_at > now:
            return False
        self._failed[call_id] = tries + 1, now + min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**tries)
        if tries + 1 < MOST_TRIES:
            return False
        self.forget(call_id)
        return True

    def forget(self, call_id: str) -> None:
        """Know nothing of one any more."""
        self._failed.pop(call_id, None)


class Estate:
    """`calls` are those that are not seen to yet."""

    def __init__(self, left: Inherited) -> None:
        self.calls = [call for call in left.calls if call.settled is not None or call.forwarded is not None]
        self._left = left
        self._tries = Tries()

    def due(self, now: float) -> list[Call]:
        """Give the calls to be charged now (seconds): those of which no charge has failed a moment ago."""
        return [call for call in self.calls if self._tries.is_due(call.id, now)]

    def drop(self, is_meant: Callable[[Call], bool]) -> list[Call]:
        """Give up the calls that are meant; gives them."""
        dropped = [call for call in self.calls if is_meant(call)]
        gone = set(dropped)
        self.calls = [call for call in self.calls if call not in gone]
        return dropped

    def close(self, tried: Sequence[Call], failed: Collection[str], now: float) -> list[Call]:
        """Strike out what was tried but what failed, by id, which is due again later; gives those that are given up."""
        self.drop({call for call in tried if call.id not in failed}.__contains__)
        given_up = {call_id for call_id in failed if self._tries.failed(call_id, now)}
        return self.drop(lambda call: call.id in given_up)

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
