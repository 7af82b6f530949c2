"""A call that goes on after its lease has expired: what it sets aside anew, and what becomes of that."""

import asyncio

import pytest

from gateway.budget import Ledger
from gateway.journal import Journal
from gateway.model import Calendar, Level, Period, Tariff, Weights
from gateway.pipeline.hold import Hold, Holds
from gateway.store.connection import Store
from tests.budget.clock import Clock, stoppable
from tests.budget.orders import MINUTE, NO_ROLLUP, SHARD, budget, hold, numbers

OWN, DAILY = budget(1000), budget(500, Calendar(Period.DAY), "day")
PROMPT = 10


class Rig:
    """A ledger with a journal on a clock of ours, and a call whose lease has expired with 100 tokens granted."""

    def __init__(self, store: Store) -> None:
        self.clock = Clock(store)
        self.journal = Journal(None, "store")
        self.ledger = Ledger(store, stoppable(), lease_seconds=60, clock=self.clock.local, kept=self.journal)
        self.holds = Holds(self.ledger, every_seconds=0.01)

    async def expired(self) -> Hold:
        await self.clock.move_to(self.clock.now_ms)
        lease = await hold(self.ledger, "call", OWN, DAILY, prompt=PROMPT, want=100)
        one = Hold(self.holds, lease, Tariff(Weights()), PROMPT, lambda *_: NO_ROLLUP)
        self.ledger.forwarding(lease)
        await self.pass_a_lease()
        return one

    async def pass_a_lease(self) -> None:
        await self.clock.advance(MINUTE)
        assert await self.ledger.reap(SHARD) == 1


@pytest.fixture
def rig(valkey_store: Store) -> Rig:
    return Rig(valkey_store)


async def test_more_is_held_anew_and_the_settle_frees_it(rig: Rig) -> None:
    """What expired was charged; beyond it is held; in the end the call is charged what it used, once."""
    one = await rig.expired()
    assert await numbers(rig.ledger, OWN, DAILY) == ((110, 0), (110, 0))
    assert (await one.grow_to(150)).granted_tokens == 150
    assert (await one.grow_to(220)).granted_tokens == 220
    assert await numbers(rig.ledger, OWN, DAILY) == ((110, 120), (110, 120))
    one.settle(one.all_of_it())
    await one.closed()
    assert await rig.ledger.drain(5) == 0
    assert await numbers(rig.ledger, OWN, DAILY) == ((230, 0), (230, 0))


async def test_the_journal_knows_how_far_it_may_go(rig: Rig) -> None:
    """Whoever takes over charges as much as the call may have come to."""
    one = await rig.expired()
    await one.grow_to(150)
    (call,) = [call for call in rig.journal._calls if call.id == "call"]
    assert call.granted_tokens == 150


async def test_a_limit_grants_what_there_is_and_then_refuses(rig: Rig) -> None:
    """Other calls count, as ever."""
    one = await rig.expired()
    await hold(rig.ledger, "other", OWN, DAILY, prompt=300)
    assert (await one.grow_to(400)).granted_tokens == 190
    extension = await one.grow_to(400)
    assert isinstance(extension.refused_by, Level)
    assert (extension.granted_tokens, extension.refused_by.budget) == (190, DAILY)
    assert await numbers(rig.ledger, DAILY) == ((110, 390),)


async def test_what_is_held_anew_is_kept_alive_and_may_expire_too(rig: Rig) -> None:
    """It costs nothing as it expires, and is held once more."""
    one = await rig.expired()
    await one.grow_to(150)
    await rig.clock.advance(MINUTE // 2)
    await one.keep_alive()
    await rig.clock.advance(MINUTE // 2)
    assert await rig.ledger.reap(SHARD) == 0
    await rig.pass_a_lease()
    assert await numbers(rig.ledger, OWN) == ((110, 0),)
    assert (await one.grow_to(180)).granted_tokens == 180
    assert await numbers(rig.ledger, OWN) == ((110, 80),)


@pytest.mark.parametrize("how", ["settled", "released"])
async def test_a_call_that_ends_meanwhile_holds_nothing(rig: Rig, how: str) -> None:
    """Its end may come while the store is asked for more."""
    one = await rig.expired()
    growing = asyncio.ensure_future(one.grow_to(150))
    await asyncio.sleep(0)
    one.settle(one.all_of_it()) if how == "settled" else one.release()
    await growing
    assert await rig.ledger.drain(5) == 0
    assert await numbers(rig.ledger, OWN) == ((110 if how == "settled" else 0, 0),)
