"""After an outage, at a start, and where the store's memory is another one: what is known here is brought there first.

In order: charges that another memory of the store acknowledged in its last seconds; charges it never answered for;
what processes that died left behind; slices; the holds of calls in flight. Only then are calls admitted again. Each
part of the store by itself: what belongs to one that is away waits for it, and for nobody else.

The rule that matters: all of it is idempotent by the call's id, so each step may be repeated, also by two at once.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from weakref import WeakSet

import structlog

from gateway.budget import Ledger, LedgerFault
from gateway.budget.late import charged_among, reaches_back
from gateway.budget.record import ADMITTED, shard_of_record
from gateway.journal import Call, Journal
from gateway.journal.journal import forgettable
from gateway.pipeline.estate import Charge, Estate, Tries, charge_by_policy, charge_of, is_readable
from gateway.pipeline.hold import Hold, Holds
from gateway.store.border import CommandForbidden, StoreFull
from gateway.store.connection import CommandRefused, Store
from gateway.store.part import Part
from gateway.store.shards import prefix as shard_of
from gateway.store.tending import Tending

log = structlog.get_logger("recovery")

_AT_ONCE = 256
_FAILED = "failed"


class Recovery:
    """Brings the parts of a store what this process knows, and looks after what the dead leave behind.

    `on_replayed` is told of each charge that was sent again and was not there yet, `on_lost` of each that is given up.
    `clock` is in seconds.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        journal: Journal,
        holds: Holds,
        *,
        on_replayed: Callable[[], None],
        on_lost: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._journal = journal
        self._holds = holds
        self._on_replayed = on_replayed
        self._on_lost = on_lost
        self._clock = clock
        self._estates: list[Estate] = []
        self._tries = Tries()
        self._met: WeakSet[Part] = WeakSet()
        self._found: deque[tuple[Estate, list[Call]]] = deque()  # not inherited yet, each with what cannot be read
        self._looking: asyncio.Future[None] | None = None
        self._tending = Tending(store, self._recover, self._look_after)

    async def run(self) -> None:
        """Do it for ever."""
        await self._tending.run()

    async def _recover(self, part: Part) -> None:
        """Bring a part what it may not have. Raises StoreUnavailable."""
        began = asyncio.get_running_loop().time()
        sent = await self._bring(part)
        held = await self._hold_again(part)
        if sent or held or part in self._met:
            seconds = round(asyncio.get_running_loop().time() - began, 3)
            log.info("store_back", part=part.name, charges_sent=sent, holds=held, seconds=seconds)
        self._met.add(part)

    async def _bring(self, part: Part) -> int:
        """Send every charge that a part may not have; gives how many. Raises StoreUnavailable."""
        owed = self._owed(part, self._journal.settled_calls())
        await self._send_own(owed)
        return len(owed) + await self._take_over(part)

    def _owed(self, part: Part, calls: Iterable[Call]) -> list[Charge]:
        """Give the charges of a part that it has not answered for, or answered with another memory."""
        doubtful = [call for call in calls if call.is_unpaid or call.epoch not in {None, part.epoch}]
        mine = [call for call in doubtful if self._is_in(part, call)]
        forgotten = forgettable(mine, part.epoch)
        return [*map(charge_of, forgotten), *(charge_of(call) for call in mine if call.is_unpaid)]

    def _is_in(self, part: Part, call: Call) -> bool:
        content = call.settled or call.forwarded
        return content is not None and self._store.part_of(shard_of_record(content)) is part

    async def _take_over(self, part: Part) -> int:
        """Charge what the dead left behind: as they settled it, else by policy. Raises StoreUnavailable."""
        await self._inherit()
        sent = 0
        for estate in tuple(self._estates):
            mine = [call for call in estate.due(self._clock()) if self._is_in(part, call)]
            owed = self._owed(part, mine)
            unknown = [call for call in mine if call.is_unsettled]
            failed = await self._send([*owed, *map(charge_by_policy, unknown)])
            sent += len(owed) + len(unknown)
            if owed or unknown:
                log.info("journal_taken_over", part=part.name, settled=len(owed), by_policy=len(unknown))
            self._tell_of_lost(estate.close(mine, failed, self._clock()))
            if not estate.calls and estate in self._estates:
                self._estates.remove(estate)
                estate.end()
        return sent

    async def _inherit(self) -> None:
        """Look for estates beside the loop; what cannot be read is told of, and keeps nothing else from being charged.

        Nobody goes on while another part's look reads what may be this one's. What is found while who asked for it is
        cancelled is the next one's to inherit.
        """
        while self._looking is not None and not self._looking.done():
            await asyncio.wait({self._looking})
        self._looking = asyncio.ensure_future(asyncio.to_thread(self._look))
        try:
            await asyncio.shield(self._looking)
        except OSError as error:
            log.error("journal_unreadable", reason=error.strerror)  # noqa: TRY400 - the reason is all there is
        while self._found:
            estate, unreadable = self._found.popleft()
            self._tell_of_lost(unreadable)
            self._estates.append(estate)

    def _look(self) -> None:
        """Read what the dead left. OSError: the directory cannot be read."""
        for left in self._journal.left_behind():
            estate = Estate(left)
            self._found.append((estate, estate.drop(lambda call: not is_readable(call))))

    def _tell_of_lost(self, calls: Iterable[Call]) -> None:
        for call in calls:
            self._tell_lost(call.id)

    def _tell_lost(self, call_id: str) -> None:
        log.error("charge_lost", call=call_id)
        self._on_lost()

    async def _send_own(self, charges: Sequence[Charge]) -> None:
        """Send charges of this process; one that failed so often is struck out. Raises StoreUnavailable."""
        failed = await self._send(charges)
        for call_id, prefix, _ in charges:
            if call_id not in failed:
                self._tries.forget(call_id)
            elif self._tries.failed(call_id, self._clock()):
                self._ledger.strike_out(call_id, prefix)
                self._tell_lost(call_id)

    async def _send(self, every: Sequence[Charge]) -> set[str]:
        """Send charges; gives the calls that could not be charged. Raises StoreUnavailable."""
        failed: set[str] = set()
        late: dict[str, list[Charge]] = defaultdict(list)
        for at in range(0, len(every), _AT_ONCE):
            some = every[at : at + _AT_ONCE]
            words = await asyncio.gather(*(self._closed(charge) for charge in some))
            for charge, word in zip(some, words, strict=True):
                if word == "doubtful":
                    late[charge[1]].append(charge)
                elif word == _FAILED:
                    failed.add(charge[0])
        for prefix, doubtful in late.items():
            failed |= await self._send_late(prefix, doubtful)
        return failed

    async def _send_late(self, prefix: str, charges: Sequence[Charge]) -> set[str]:
        """Charge what the store is too late to judge by its own memory of calls; gives those that could not be."""
        failed: set[str] = set()
        since_ms = min(op.fields[ADMITTED] for _, _, op in charges)
        try:
            done = await charged_among(self._store, prefix, [call_id for call_id, _, _ in charges], since_ms)
            if len(done) < len(charges) and not await reaches_back(self._store, prefix, since_ms):
                log.warning("charged_unseen", calls=len(charges) - len(done))
        except (CommandRefused, CommandForbidden) as error:  # rather charged twice than not at all
            log.error("events_unreadable", reason=str(error))  # noqa: TRY400 - the reason is all there is
            done = set()
        for call_id, _, op in charges:
            if call_id in done:
                self._ledger.strike_out(call_id, prefix)
                continue
            op.fields[ADMITTED] = self._ledger.now_ms()  # its places say where the charge belongs
            if await self._closed((call_id, prefix, op)) == _FAILED:
                failed.add(call_id)
        return failed

    async def _closed(self, charge: Charge) -> str:
        try:
            word = await self._ledger.close_again(*charge)
        except LedgerFault as fault:  # one that cannot be read must not keep the others from being charged
            log.error("charge_failed", call=charge[0], reason=str(fault))  # noqa: TRY400 - the reason is all there is
            return _FAILED
        if word not in {"already", "doubtful"}:
            self._on_replayed()
        return word

    async def _hold_again(self, part: Part) -> int:
        """Hold what slices and calls in flight have in a part, until none is left out. Raises StoreUnavailable."""

        def is_here(company_id: str) -> bool:
            return self._store.part_of(shard_of(company_id)) is part

        slices = await self._ledger.hold_slices_again(is_here)
        done: set[Hold] = set()
        while waiting := [one for one in self._holds.all() if one not in done and is_here(one.lease.order.company_id)]:
            some = waiting[:_AT_ONCE]
            await asyncio.gather(*map(self._held_again, some))
            done.update(some)
        return slices + len(done)

    async def _held_again(self, hold: Hold) -> None:
        try:
            await hold.hold_again()
        except (LedgerFault, StoreFull) as fault:  # a full store admits nothing either, and heartbeats try again
            log.error("hold_not_renewed", reason=str(fault))  # noqa: TRY400 - the reason is all there is

    async def _look_after(self, part: Part) -> None:
        """Take over what the dead left, send what was not answered for long, let go what has lasted."""
        if self._journal.lingers:
            epoch = part.epoch
            await self._store.meet(part)
            if part.epoch == epoch:
                self._journal.heard(epoch)
        else:
            self._journal.rest()
        await self._take_over(part)
        await self._send_own([*map(charge_of, self._journal.unpaid_for_long(lambda call: self._is_in(part, call)))])
        known = {one.epoch for one in self._store.parts()}
        strays = (call for call in self._journal.settled_calls() if call.epoch not in known and not call.is_unpaid)
        await self._send_own(self._owed(part, strays))  # acknowledged by a server that is no part of the store any more
