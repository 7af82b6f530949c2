"""After an outage, at a start, and where the store's memory is another one: what is known here is brought there first.

In order: charges that another memory of the store acknowledged in its last seconds; charges it never answered for;
what processes that died left behind; the holds of calls in flight. Only then are calls admitted again.

The rule that matters: all of it is idempotent by the call's id, so each step may be repeated, also by two at once.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import structlog

from gateway.budget import Ledger, LedgerFault
from gateway.budget.breaker import State
from gateway.budget.late import charged_among
from gateway.budget.record import ADMITTED, by_policy, settlement
from gateway.budget.wire import Operation
from gateway.errors import StoreUnavailable
from gateway.journal import Call, Inherited, Journal
from gateway.journal.journal import forgettable
from gateway.pipeline.hold import Hold, Holds
from gateway.store.connection import CommandRefused, Store

log = structlog.get_logger("recovery")

LOOK_SECONDS = 1.0
PROBE_SECONDS = 0.5
_JITTER = 0.25
AWAY = (StoreUnavailable, LedgerFault, CommandRefused)
"""A server that does not understand us is of no more use than none."""
_AT_ONCE = 256

Charge = tuple[str, str, Operation]
"""A call's id, its shard, its settle."""


class Recovery:
    """Keeps the breaker of one process: opens its way back, and looks after what the dead leave behind.

    `on_replayed` is told of each charge that was sent again and was not there yet.
    """

    def __init__(
        self, store: Store, ledger: Ledger, journal: Journal, holds: Holds, *, on_replayed: Callable[[], None]
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._breaker = ledger.breaker
        self._journal = journal
        self._holds = holds
        self._on_replayed = on_replayed
        self._inherited: list[Inherited] = []
        self._heard_epoch = store.epoch

    async def run(self) -> None:
        """Do it for ever."""
        self._store.on_new_epoch.append(self._meet)
        await self._recover()
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._breaker.disturbed.wait()
            except TimeoutError:
                await self._look_after()
                continue
            if self._breaker.state is State.OPEN:
                await asyncio.sleep(PROBE_SECONDS * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - no secret
                await self._probe()
            else:
                await self._recover()

    def _meet(self, epoch: str) -> None:
        """Meet another memory of the store, before anything is asked of it; the first of all has nothing to forget."""
        known, self._heard_epoch = self._heard_epoch, epoch
        if known and self._breaker.is_closed:
            self._breaker.recover()

    async def _probe(self) -> None:
        """Ask the store for anything, as one would for a call."""
        try:
            await self._store.ping()
            self._breaker.recover()
            await self._ledger.read("", ())
        except AWAY:
            self._breaker.trip()
        else:
            await self._recover()

    async def _recover(self) -> None:
        began = asyncio.get_running_loop().time()
        try:
            await self._ledger.read("", ())  # a connection, and so the store's epoch
            epoch = self._store.epoch
            sent = await self._bring(epoch)
            held = await self._hold_again()
        except AWAY as error:
            self._breaker.trip()
            log.warning("store_away", reason=str(error))
            return
        if self._store.epoch == epoch and not self._breaker.is_open:
            self._breaker.close()
            seconds = round(asyncio.get_running_loop().time() - began, 3)
            if sent or held:
                log.info("store_back", charges_sent=sent, holds=held, seconds=seconds)

    async def _bring(self, epoch: str) -> int:
        """Send every charge that the store may not have; gives how many. Raises StoreUnavailable."""
        calls = self._journal.of_other_epochs(epoch) + self._journal.unpaid()
        sent = await self._send(_settled(calls))
        return sent + await self._take_over(epoch)

    async def _take_over(self, epoch: str) -> int:
        """Charge what the dead left behind: as they settled it, else by policy. Raises StoreUnavailable."""
        try:
            self._inherited += self._journal.left_behind()
        except OSError as error:
            log.error("journal_unreadable", reason=error.strerror)  # noqa: TRY400 - the reason is all there is
        sent = 0
        while self._inherited:
            one = self._inherited[-1]
            calls = forgettable(one.calls, epoch) + [call for call in one.calls if call.is_unpaid]
            unknown = [call for call in one.calls if call.is_unsettled]
            sent += await self._send(_settled(calls)) + await self._send(_by_policy(unknown))
            one.file.remove()
            self._inherited.pop()
            log.info("journal_taken_over", file=one.file.path.name, settled=len(calls), by_policy=len(unknown))
        return sent

    async def _send(self, charges: Iterable[Charge]) -> int:
        every = list(charges)
        late: dict[str, list[Charge]] = defaultdict(list)
        for at in range(0, len(every), _AT_ONCE):
            some = every[at : at + _AT_ONCE]
            words = await asyncio.gather(*(self._closed(charge) for charge in some))
            for charge, word in zip(some, words, strict=True):
                if word == "doubtful":
                    late[charge[1]].append(charge)
        for prefix, doubtful in late.items():
            await self._send_late(prefix, doubtful)
        return len(every)

    async def _send_late(self, prefix: str, charges: Sequence[Charge]) -> None:
        """Charge what the store is too late to judge by its own memory of calls."""
        since_ms = min(op.fields[ADMITTED] for _, _, op in charges)
        try:
            done = await charged_among(self._store, prefix, [call_id for call_id, _, _ in charges], since_ms)
        except CommandRefused as error:  # a user who may not: rather charged twice than not at all
            log.error("events_unreadable", reason=str(error))  # noqa: TRY400 - the reason is all there is
            done = set()
        for call_id, _, op in charges:
            if call_id in done:
                self._journal.acknowledged(call_id, self._store.epoch)
                continue
            op.fields[ADMITTED] = self._ledger.now_ms()  # its places say where the charge belongs
            await self._closed((call_id, prefix, op))

    async def _closed(self, charge: Charge) -> str:
        try:
            word = await self._ledger.close_again(*charge)
        except LedgerFault as fault:  # one that cannot be read must not keep the others from being charged
            log.error("charge_failed", call=charge[0], reason=str(fault))  # noqa: TRY400 - the reason is all there is
            return "failed"
        if word not in {"already", "doubtful"}:
            self._on_replayed()
        return word

    async def _hold_again(self) -> int:
        """Hold what calls in flight have, until there is none that was not. Raises StoreUnavailable."""
        done: set[Hold] = set()
        while waiting := [hold for hold in self._holds.all() if hold not in done][:_AT_ONCE]:
            await asyncio.gather(*(_held_again(hold) for hold in waiting))
            done.update(waiting)
        return len(done)

    async def _look_after(self) -> None:
        """Take over what the dead left, send what was not answered for long, let go what has lasted."""
        try:
            if self._journal.lingers:
                await self._store.ping()
                self._journal.heard()
            await self._take_over(self._store.epoch)
            await self._send(_settled(self._journal.unpaid_for_long()))
        except AWAY as error:
            log.warning("store_away", reason=str(error))


def _settled(calls: Iterable[Call]) -> Iterable[Charge]:
    return ((call.id, *settlement(call.settled)) for call in calls if call.settled is not None)


def _by_policy(calls: Iterable[Call]) -> Iterable[Charge]:
    return ((call.id, *by_policy(call.forwarded, call.granted_tokens)) for call in calls if call.forwarded is not None)


async def _held_again(hold: Hold) -> None:
    try:
        await hold.hold_again()
    except LedgerFault as fault:
        log.error("hold_not_renewed", reason=str(fault))  # noqa: TRY400 - the reason is all there is
