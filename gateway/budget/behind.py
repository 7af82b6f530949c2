"""Charges that nobody waits for: each is written down at once, and they are sent together a moment later.

The rule that matters: each stays a settle of its own in the journal, and the store remembers every call by its id. So
what is sent again is known there, and events and `gateway reconcile --call` know every call. Only the sums are added
at once: it is these that cost the store its time.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from gateway.budget.closing import Closing
from gateway.budget.late import BELIEVED_MS
from gateway.budget.lease import Lease
from gateway.budget.operations import Operations
from gateway.budget.record import ADMITTED
from gateway.budget.wire import Operation
from gateway.model import Increment, Rollup

DELAY_SECONDS = 0.25
"""How long a charge waits for others; many do not wait."""
MOST_TOGETHER = 256


class Charge(NamedTuple):
    """One call's: what its lease says, an amount for each of its budgets, its roll-up, and the settle by itself."""

    lease: Lease
    amounts: Sequence[int]
    rollup: Rollup
    op: Operation


class Behind:
    """Those that wait to be sent, by shard."""

    def __init__(self, closing: Closing, operations: Operations) -> None:
        self._closing = closing
        self._operations = operations
        self._waiting: dict[str, list[Charge]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def settle(self, prefix: str, charge: Charge, now_ms: int) -> None:
        """Write a charge of a call down that the store has never heard of; it is sent soon, with others."""
        op = charge.op
        if now_ms - op.fields[ADMITTED] > BELIEVED_MS:
            op.fields[ADMITTED] = now_ms  # its places say where the charge belongs
            _ = self._closing.close(prefix, op)
            return
        self._closing.write_down(prefix, op)
        waiting = self._waiting.setdefault(prefix, [])
        waiting.append(charge)
        if len(waiting) >= MOST_TOGETHER:
            self._send(prefix)
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY_SECONDS, self.flush)

    def flush(self) -> None:
        """Send all that waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for prefix in tuple(self._waiting):
            self._send(prefix)

    def _send(self, prefix: str) -> None:
        alike: dict[object, list[Charge]] = defaultdict(list)
        for charge in self._waiting.pop(prefix, ()):
            lease = charge.lease
            alike[tuple([id(ask.budget) for ask in lease.order.asks]), lease.positions].append(charge)
        for charges in alike.values():
            if len(charges) == 1:
                _ = self._closing.send(prefix, charges[0].op)
            else:
                together = self._operations.together(
                    [one.lease for one in charges], [one.amounts for one in charges], _sum(charges)
                )
                self._closing.send_together(prefix, together, [one.op for one in charges])


def _sum(charges: Sequence[Charge]) -> Rollup:
    """Add roll-ups up: sums commute, so reports are the same as if each had come alone."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    members: dict[tuple[str, str], None] = {}
    ttl_seconds = 0
    for _, _, rollup, _ in charges:
        for one in rollup.increments:
            sums[one.key, one.field] += one.amount
        members.update(dict.fromkeys(rollup.members))
        ttl_seconds = max(ttl_seconds, rollup.ttl_seconds)
    return Rollup(tuple([Increment(*which, amount) for which, amount in sums.items()]), tuple(members), ttl_seconds)
