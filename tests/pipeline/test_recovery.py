"""What is brought to a store that is back, whatever has become of it meanwhile: each charge once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.budget import Ledger, record
from gateway.budget.breaker import Breaker, State
from gateway.journal import Journal
from gateway.model import Calendar, Increment, Period, Rollup
from gateway.pipeline.hold import Holds
from gateway.pipeline.recovery import Recovery
from gateway.store.connection import Store
from tests.budget.clock import START_MS, Clock, stoppable
from tests.budget.orders import DAY, HOUR, MINUTE, NO_ROLLUP, ONE, SHARD, budget, hold, numbers
from tests.store.servers import until

BUDGETS = (budget(1000), budget(1000, Calendar(Period.DAY), "day"))
USAGE = f"{SHARD}u:usage"
PLAN = Rollup((Increment(USAGE, "input", 10), Increment(USAGE, "output", 0, ONE)), (), 1000)


class Rig:
    """A ledger with a journal on the test's clock, and what recovers it."""

    def __init__(self, store: Store, clock: Clock, journal: Journal) -> None:
        self.replayed = 0
        self.journal = journal
        self.breaker = Breaker(armed=True)
        self.ledger = Ledger(
            store, stoppable(), lease_seconds=60, clock=clock.local, breaker=self.breaker, kept=journal
        )
        holds = Holds(self.ledger, every_seconds=60)
        self.recovery = Recovery(store, self.ledger, journal, holds, on_replayed=self._count)

    def _count(self) -> None:
        self.replayed += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let it recover, for as long as the block."""
        self.breaker.recover()
        task = asyncio.ensure_future(self.recovery.run())
        await until(lambda: self.breaker.is_closed)
        yield
        task.cancel()
        await asyncio.wait({task})

    async def recovered(self) -> None:
        """Recover once."""
        async with self.running():
            assert self.breaker.state is State.CLOSED


async def opened(store: Store, directory: Path | None = None, now_ms: int = START_MS) -> tuple[Rig, Clock]:
    """Give a rig that has recovered, and its clock."""
    clock = Clock(store)
    await clock.move_to(now_ms)
    rig = Rig(store, clock, Journal(directory, "store"))
    rig.breaker.close()
    return rig, clock


async def test_a_charge_that_the_store_cannot_judge_is_made_where_it_belongs(valkey_store: Store) -> None:
    """After hours, in a store that has lost everything: charged on the day of the call, and once."""
    rig, clock = await opened(valkey_store, now_ms=START_MS + DAY - MINUTE)
    lease = await hold(rig.ledger, "call", *BUDGETS, prompt=10)
    rig.breaker.trip()
    assert await rig.ledger.settle(lease, [7, 7], NO_ROLLUP) == "kept"
    await valkey_store.execute("FLUSHALL")
    await clock.move_to(START_MS + DAY + 3 * HOUR)
    await rig.recovered()
    assert await numbers(rig.ledger, *BUDGETS) == ((7, 0), (0, 0))
    assert (rig.journal.open_calls, rig.replayed) == (0, 1)


async def test_a_charge_whose_answer_was_lost_is_not_made_again_after_hours(valkey_store: Store) -> None:
    """The store's memory of the call has gone, the events tell that it was charged."""
    rig, clock = await opened(valkey_store)
    lease = await hold(rig.ledger, "call", *BUDGETS, prompt=10)
    assert await rig.ledger.settle(lease, [7, 7], NO_ROLLUP) == "settled"
    again, _ = await opened(valkey_store)
    (call,) = rig.journal.of_other_epochs("another")
    assert call.settled is not None
    again.journal.settled("call", call.settled)
    await valkey_store.execute("DEL", f"{SHARD}t:call")
    await clock.advance(3 * HOUR)
    await again.recovered()
    assert await numbers(again.ledger, *BUDGETS) == ((7, 0), (7, 0))
    assert (again.journal.open_calls, again.replayed) == (0, 0)


async def test_who_died_in_a_call_is_charged_as_the_reaper_would(valkey_store: Store, tmp_path: Path) -> None:
    """All that it held, grown as it had, in budgets and in usage; before the lease runs out and after; once."""
    for reaped_first in (False, True):
        await valkey_store.execute("FLUSHALL")
        dead, clock = await opened(valkey_store, tmp_path)
        lease = await hold(dead.ledger, "call", *BUDGETS, prompt=10, want=20, plan=PLAN)
        dead.ledger.forwarding(lease)
        assert (await dead.ledger.extend(lease, 50)).granted_tokens == 50
        await dead.journal.close()
        next_one, _ = await opened(valkey_store, tmp_path)
        if reaped_first:
            await clock.advance(2 * MINUTE)
            assert await next_one.ledger.reap(SHARD) == 1
        await next_one.recovered()
        assert await numbers(next_one.ledger, *BUDGETS) == ((60, 0), (60, 0))
        assert await valkey_store.execute("HGETALL", USAGE) == {b"input": b"10", b"output": b"50"}
        await next_one.journal.close()
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - a test may wait for its disk


async def test_a_settle_that_stayed_away_is_sent_by_whoever_looks_after(valkey_store: Store) -> None:
    """A breaker that never opened, a process that gave up on it: what is unpaid for long is sent again."""
    rig, _ = await opened(valkey_store)
    lease = await hold(rig.ledger, "call", *BUDGETS, prompt=10)
    op = rig.ledger._operations.settle(lease, [7, 7], NO_ROLLUP)
    async with rig.running():
        rig.journal._calls.settled("call", record.settled(SHARD, op), at=0.0)
        await until(lambda: rig.replayed == 1)
    assert await numbers(rig.ledger, *BUDGETS) == ((7, 0), (7, 0))


async def test_one_that_cannot_be_charged_keeps_no_other_from_it(valkey_store: Store) -> None:
    """It is told; the breaker closes, the others are charged."""
    rig, _ = await opened(valkey_store)
    first, second = [await hold(rig.ledger, call, *BUDGETS, prompt=10) for call in ("a", "b")]
    rig.breaker.trip()
    assert await rig.ledger.settle(first, [7, 7], NO_ROLLUP) == "kept"
    broken = rig.ledger._operations.settle(second, [7, 7], NO_ROLLUP)
    broken.fields[7] = ["no number", None]
    rig.journal.settled("b", record.settled(SHARD, broken))
    await rig.recovered()
    assert await numbers(rig.ledger, *BUDGETS) == ((7, 10), (7, 10))
    assert rig.journal.open_calls == 1
