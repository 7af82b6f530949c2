"""What is brought to a store that is back, whatever has become of it meanwhile: each charge once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway.budget import Lease, Ledger, LedgerFault, record
from gateway.budget.away import Away
from gateway.budget.record import settlement
from gateway.errors import StoreUnavailable
from gateway.journal import Journal
from gateway.model import Calendar, Increment, OnFailure, Period, Rollup, Tariff, Weights
from gateway.pipeline.hold import Hold, Holds
from gateway.pipeline.recovery import Recovery
from gateway.store.breaker import State
from gateway.store.connection import Store
from tests.budget.clock import START_MS, Clock, stoppable
from tests.budget.orders import DAY, HOUR, MINUTE, NO_ROLLUP, ONE, SHARD, budget, charge, hold, numbers, order
from tests.store.restartable import eating, restartable
from tests.store.servers import until

BUDGETS = (budget(1000), budget(1000, Calendar(Period.DAY), "day"))
USAGE = f"{SHARD}u:usage"
PLAN = Rollup((Increment(USAGE, "input", 10), Increment(USAGE, "output", 0, ONE)), (), 1000)


class Rig:
    """A ledger with a journal on the test's clock, and what recovers it."""

    def __init__(self, store: Store, clock: Clock, journal: Journal, away: Away | None = None) -> None:
        self.replayed = self.lost = 0
        self.seconds = 0.0
        self.journal = journal
        (part,) = store.parts()
        self.breaker = part.breaker
        self.ledger = Ledger(
            store, stoppable(), lease_seconds=60, clock=clock.local, on_lost=self._lose, kept=journal, away=away
        )
        self.holds = Holds(self.ledger, every_seconds=60)
        self.recovery = Recovery(
            store,
            self.ledger,
            journal,
            self.holds,
            on_replayed=self._count,
            on_lost=self._lose,
            clock=lambda: self.seconds,
        )

    def _count(self) -> None:
        self.replayed += 1

    def _lose(self) -> None:
        self.lost += 1

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


@pytest.fixture
async def aside(valkey_store: Store) -> AsyncIterator[Store]:
    """Give another way to the same server, which no breaker stops."""
    store = Store.connect(valkey_store.address)
    yield store
    await store.close()


async def opened(
    store: Store, aside: Store, directory: Path | None = None, now_ms: int = START_MS, away: Away | None = None
) -> tuple[Rig, Clock]:
    """Give a rig that has recovered, and its clock."""
    clock = Clock(aside)
    await clock.move_to(now_ms)
    rig = Rig(store, clock, Journal(directory, "store"), away)
    rig.breaker.close()
    return rig, clock


async def test_a_charge_that_the_store_cannot_judge_is_made_where_it_belongs(valkey_store: Store, aside: Store) -> None:
    """After hours, in a store that has lost everything: charged on the day of the call, and once."""
    rig, clock = await opened(valkey_store, aside, now_ms=START_MS + DAY - MINUTE)
    lease = await hold(rig.ledger, "call", *BUDGETS, prompt=10)
    rig.breaker.trip()
    assert await rig.ledger.settle(lease, [7, 7], NO_ROLLUP) == "kept"
    await aside.execute("FLUSHALL")
    await clock.move_to(START_MS + DAY + 3 * HOUR)
    await rig.recovered()
    assert await numbers(rig.ledger, *BUDGETS) == ((7, 0), (0, 0))
    assert (rig.journal.open_calls, rig.replayed) == (0, 1)


async def test_a_charge_whose_answer_was_lost_is_not_made_again_after_hours(valkey_store: Store, aside: Store) -> None:
    """The store's memory of the call has gone, the events tell that it was charged."""
    rig, clock = await opened(valkey_store, aside)
    lease = await hold(rig.ledger, "call", *BUDGETS, prompt=10)
    assert await rig.ledger.settle(lease, [7, 7], NO_ROLLUP) == "settled"
    again, _ = await opened(valkey_store, aside)
    (call,) = rig.journal.settled_calls()
    assert call.settled is not None
    again.journal.settled("call", call.settled)
    await aside.execute("DEL", f"{SHARD}t:call")
    await clock.advance(3 * HOUR)
    await again.recovered()
    assert await numbers(again.ledger, *BUDGETS) == ((7, 0), (7, 0))
    assert (again.journal.open_calls, again.replayed) == (0, 0)


async def test_a_charge_that_no_event_could_tell_of_is_made_and_told(valkey_store: Store, aside: Store, capsys) -> None:
    """A busy shard's events may not reach back: rather charged twice than not at all, and it is said."""
    rig, clock = await opened(valkey_store, aside)
    lease = await hold(rig.ledger, "call", *BUDGETS, prompt=10)
    rig.breaker.trip()
    assert await rig.ledger.settle(lease, [7, 7], NO_ROLLUP) == "kept"
    await aside.execute("FLUSHALL")
    await clock.move_to(START_MS + 3 * HOUR)
    other, _ = await opened(valkey_store, aside, now_ms=START_MS + 3 * HOUR)
    await charge(other.ledger, "later", 1, *BUDGETS)
    await rig.recovered()
    assert await numbers(rig.ledger, *BUDGETS) == ((8, 0), (8, 0))
    assert "charged_unseen" in capsys.readouterr().out


async def test_an_outage_s_end_is_told_though_nothing_was_owed(valkey_store: Store, aside: Store, capsys) -> None:
    """Who was told that the store is away hears that it is back; a start is no return."""
    rig, _ = await opened(valkey_store, aside)
    async with rig.running():
        assert "store_back" not in capsys.readouterr().out
        rig.breaker.trip()
        await until(lambda: rig.breaker.is_closed)
        assert "store_back" in capsys.readouterr().out


async def test_who_died_in_a_call_is_charged_as_the_reaper_would(
    valkey_store: Store, aside: Store, tmp_path: Path
) -> None:
    """All that it held, grown as it had, in budgets and in usage; before the lease runs out and after; once."""
    for reaped_first in (False, True):
        await aside.execute("FLUSHALL")
        dead, clock = await opened(valkey_store, aside, tmp_path)
        lease = await hold(dead.ledger, "call", *BUDGETS, prompt=10, want=20, plan=PLAN)
        dead.ledger.forwarding(lease)
        assert (await dead.ledger.extend(lease, 50)).granted_tokens == 50
        await dead.journal.close()
        next_one, _ = await opened(valkey_store, aside, tmp_path)
        if reaped_first:
            await clock.advance(2 * MINUTE)
            assert await next_one.ledger.reap(SHARD) == 1
        await next_one.recovered()
        assert await numbers(next_one.ledger, *BUDGETS) == ((60, 0), (60, 0))
        assert await aside.execute("HGETALL", USAGE) == {b"input": b"10", b"output": b"50"}
        await next_one.journal.close()
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - a test may wait for its disk


async def test_a_settle_that_stayed_away_is_sent_by_whoever_looks_after(valkey_store: Store, aside: Store) -> None:
    """A breaker that never opened, a process that gave up on it: what is unpaid for long is sent again."""
    rig, _ = await opened(valkey_store, aside)
    lease = await hold(rig.ledger, "call", *BUDGETS, prompt=10)
    op = rig.ledger._operations.settle(lease, [7, 7], NO_ROLLUP)
    async with rig.running():
        rig.journal._calls.settled("call", record.settled(SHARD, op), at=0.0)
        await until(lambda: rig.replayed == 1)
    assert await numbers(rig.ledger, *BUDGETS) == ((7, 0), (7, 0))


async def test_one_that_cannot_be_charged_keeps_no_other_from_it(valkey_store: Store, aside: Store) -> None:
    """It is told; the breaker closes, the others are charged."""
    rig, _ = await opened(valkey_store, aside)
    first, second = [await hold(rig.ledger, call, *BUDGETS, prompt=10) for call in ("a", "b")]
    rig.breaker.trip()
    assert await rig.ledger.settle(first, [7, 7], NO_ROLLUP) == "kept"
    broken = rig.ledger._operations.settle(second, [7, 7], NO_ROLLUP)
    broken.fields[7] = ["no number", None]
    rig.journal.settled("b", record.settled(SHARD, broken))
    await rig.recovered()
    assert await numbers(rig.ledger, *BUDGETS) == ((7, 10), (7, 10))
    assert rig.journal.open_calls == 1


async def left_by(store: Store, aside: Store, directory: Path) -> tuple[Path, Lease]:
    """Let a process settle a call while the store is away, and end; gives its journal, and the lease."""
    dead, _ = await opened(store, aside, directory)
    lease = await hold(dead.ledger, "call", *BUDGETS, prompt=10)
    dead.breaker.trip()
    assert await dead.ledger.settle(lease, [7, 7], NO_ROLLUP) == "kept"
    await dead.journal.close()
    (left,) = directory.iterdir()  # noqa: ASYNC240 - a test may wait for its disk
    return left, lease


async def test_an_inherited_charge_that_fails_is_tried_again(valkey_store: Store, aside: Store, tmp_path: Path) -> None:
    """Its file stays until the cause is gone and it is charged, once, not sooner than a moment later."""
    left, lease = await left_by(valkey_store, aside, tmp_path)
    rig, _ = await opened(valkey_store, aside, tmp_path)
    assert lease.asked is not None
    key = [name for name in lease.asked.keys if await aside.execute("TYPE", name) == b"hash"][0]  # noqa: RUF015
    await aside.execute("RENAME", key, f"{key}:away")
    await aside.execute("SET", key, "no hash")
    await rig.recovered()
    assert (rig.replayed, rig.lost, left.exists()) == (0, 0, True)
    await aside.execute("RENAME", f"{key}:away", key)
    await rig.recovered()
    assert rig.replayed == 0
    rig.seconds += 1
    await rig.recovered()
    assert await numbers(rig.ledger, *BUDGETS) == ((7, 0), (7, 0))
    assert (rig.replayed, rig.lost, left.exists()) == (1, 0, False)
    await rig.journal.close()


async def test_who_is_cancelled_while_reading_leaves_it_to_the_next(
    valkey_store: Store, aside: Store, tmp_path: Path
) -> None:
    """The file is locked by then: what was read of it is charged by whoever comes next, once."""
    left, _ = await left_by(valkey_store, aside, tmp_path)
    rig, _ = await opened(valkey_store, aside, tmp_path)
    first = asyncio.ensure_future(rig.recovery._inherit())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})
    assert first.cancelled()
    await rig.recovered()
    assert await numbers(rig.ledger, *BUDGETS) == ((7, 0), (7, 0))
    assert (rig.replayed, left.exists()) == (1, False)
    await rig.journal.close()


async def test_a_part_waits_for_what_another_s_look_finds(valkey_store: Store, aside: Store, tmp_path: Path) -> None:
    """Else it would admit calls before the charges of the dead."""
    left, _ = await left_by(valkey_store, aside, tmp_path)
    rig, _ = await opened(valkey_store, aside, tmp_path)
    first = asyncio.ensure_future(rig.recovery._inherit())
    await asyncio.sleep(0)
    await rig.recovery._inherit()
    assert [[call.id for call in estate.calls] for estate in rig.recovery._estates] == [["call"]]
    await first
    await rig.recovered()
    assert (rig.replayed, left.exists()) == (1, False)
    await rig.journal.close()


async def test_a_journal_of_which_nothing_is_owed_goes_silently(
    valkey_store: Store, aside: Store, tmp_path: Path, capsys
) -> None:
    """The store had answered: there is nothing to tell. What is charged is told."""
    dead, _ = await opened(valkey_store, aside, tmp_path)
    await valkey_store.meet(*valkey_store.parts())
    lease = await hold(dead.ledger, "paid", *BUDGETS, prompt=10)
    assert await dead.ledger.settle(lease, [7, 7], NO_ROLLUP) == "settled"
    await dead.journal.close()
    assert len(list(tmp_path.iterdir())) == 1  # noqa: ASYNC240 - a test may wait for its disk
    rig, _ = await opened(valkey_store, aside, tmp_path)
    await rig.recovered()
    assert list(tmp_path.glob("*.journal")) == []  # noqa: ASYNC240 - a test may wait for its disk
    assert "journal_taken_over" not in capsys.readouterr().out
    await aside.execute("FLUSHALL")
    await left_by(valkey_store, aside, tmp_path)
    await rig.recovered()
    assert "journal_taken_over" in capsys.readouterr().out
    await rig.journal.close()


async def test_one_that_can_never_be_charged_is_given_up(
    valkey_store: Store, aside: Store, tmp_path: Path, capsys
) -> None:
    """After ten tries over minutes, told once; one that cannot even be read at once. Others are charged meanwhile."""
    dead, _ = await opened(valkey_store, aside, tmp_path)
    good, bad = [await hold(dead.ledger, call, *BUDGETS, prompt=10) for call in ("good", "bad")]
    dead.breaker.trip()
    assert await dead.ledger.settle(good, [7, 7], NO_ROLLUP) == "kept"
    broken = dead.ledger._operations.settle(bad, [7, 7], NO_ROLLUP)
    broken.fields[7] = ["no number", None]
    dead.journal.settled("bad", record.settled(SHARD, broken))
    dead.journal.settled("unreadable", b"\x93")
    await dead.journal.close()
    (left,) = tmp_path.iterdir()  # noqa: ASYNC240 - a test may wait for its disk
    rig, _ = await opened(valkey_store, aside, tmp_path)
    tries = 0
    while left.exists():
        await rig.recovered()
        tries += 1
        assert rig.lost == (1 if left.exists() else 2)
        rig.seconds += 60
    assert tries == 10
    assert await numbers(rig.ledger, *BUDGETS) == ((7, 10), (7, 10))
    told = [line for line in capsys.readouterr().out.splitlines() if "charge_lost" in line]
    assert ["unreadable" in line for line in told] == [True, False]
    await rig.journal.close()


async def test_a_charge_of_our_own_that_can_never_be_made_is_given_up(valkey_store: Store, aside: Store) -> None:
    """After ten tries over minutes, counted once, and out of memory; what a store that is away says is no try."""
    rig, _ = await opened(valkey_store, aside)
    lease = await hold(rig.ledger, "call", *BUDGETS, prompt=10)
    broken = rig.ledger._operations.settle(lease, [7, 7], NO_ROLLUP)
    broken.fields[7] = ["no number", None]
    with pytest.raises(LedgerFault):
        await rig.ledger._closing.close(SHARD, broken)
    tries = 0
    while rig.journal.open_calls:
        assert rig.lost == 0
        rig.breaker.trip()
        with pytest.raises(StoreUnavailable):
            await rig.recovery._recover(*valkey_store.parts())
        await rig.recovered()
        await rig.recovered()  # a moment later is no try
        tries += 1
        rig.seconds += 60
    assert (tries, rig.lost) == (10, 1)
    await rig.recovered()
    assert (rig.lost, rig.replayed) == (1, 0)


async def test_a_charge_of_our_own_that_failed_is_made_when_it_can_be(valkey_store: Store, aside: Store) -> None:
    """Also after many tries, and whatever it was that stood in the way; nothing was lost."""
    rig, _ = await opened(valkey_store, aside)
    lease = await hold(rig.ledger, "call", *BUDGETS, prompt=10)
    assert lease.asked is not None
    key = [name for name in lease.asked.keys if await aside.execute("TYPE", name) == b"hash"][0]  # noqa: RUF015
    await aside.execute("RENAME", key, f"{key}:away")
    await aside.execute("SET", key, "no hash")
    with pytest.raises(LedgerFault):
        await rig.ledger.settle(lease, [7, 7], NO_ROLLUP)
    for _ in range(9):
        await rig.recovered()
        rig.seconds += 60
    await aside.execute("RENAME", f"{key}:away", key)
    await rig.recovered()
    assert await numbers(rig.ledger, *BUDGETS) == ((7, 0), (7, 0))
    assert (rig.journal.open_calls, rig.replayed, rig.lost) == (0, 1, 0)


async def test_the_allowance_of_a_call_that_the_events_know_comes_back(valkey_store: Store, aside: Store) -> None:
    """Its charge arrived and the answer was lost, for hours: the store has it, so the allowance is free again."""
    away = Away(OnFailure.GRACE, grace_tokens=100)
    rig, clock = await opened(valkey_store, aside, away=away)
    lease = await hold(rig.ledger, "call", *BUDGETS, prompt=10, want=20)
    rig.breaker.trip()
    assert (await rig.ledger.extend(lease, 90)).granted_tokens == 90
    assert away.admit(order("too much", *BUDGETS, prompt=40)) is None
    assert await rig.ledger.settle(lease, [100, 100], NO_ROLLUP) == "kept"
    (call,) = rig.journal.settled_calls()
    assert call.settled is not None
    await Ledger(aside, stoppable(), lease_seconds=60, clock=clock.local).close_again("call", *settlement(call.settled))
    await aside.execute("DEL", f"{SHARD}t:call")
    await clock.advance(3 * HOUR)
    await rig.recovered()
    assert await numbers(rig.ledger, *BUDGETS) == ((100, 0), (100, 0))
    assert rig.replayed == 0
    assert away.admit(order("all of it", *BUDGETS, prompt=100)) == 0


async def test_what_was_missed_comes_first_then_holds_and_only_then_new_calls(tmp_path: Path) -> None:
    """The order in which a store that is back hears of everything: as its server sees it."""
    with restartable(tmp_path / "store") as server:
        async with eating(server) as (eater, url):
            store, aside = Store.connect(url), Store.connect(server.url)
            rig, _ = await opened(store, aside)
            acknowledged, kept, flying = [await hold(rig.ledger, call, *BUDGETS, prompt=1) for call in ("a", "b", "c")]
            rig.holds.add(Hold(rig.holds, flying, Tariff(Weights()), 1, lambda *_: NO_ROLLUP))
            assert await rig.ledger.settle(acknowledged, [1, 1], NO_ROLLUP) == "settled"
            server.kill()
            rig.breaker.trip()
            assert await rig.ledger.settle(kept, [1, 1], NO_ROLLUP) == "kept"
            server.start()
            del eater.seen[:]
            task = asyncio.ensure_future(rig.recovery.run())
            while True:
                with suppress(StoreUnavailable):
                    await hold(rig.ledger, "new", *BUDGETS, prompt=1)
                    break
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            heard = b"".join(eater.seen)
            steps = [b"ZADD", b"INFO", b"t:a", b"t:b", b"t:c", b"t:new"]  # a probe, the epoch, then calls' tombstones
            places = [heard.index(step) for step in steps]
            assert places == sorted(places)
            assert await numbers(rig.ledger, *BUDGETS) == ((2, 2), (2, 2))
            for one in (store, aside):
                await one.close()
