"""Many callers, budgets far too small: no sample ever shows more than a limit, and nothing is wasted or lost."""

import asyncio
from dataclasses import dataclass, field
from random import Random

import pytest

from benchmarks.overshoot import HEADER, measure
from gateway.budget import Lease, Ledger, Refusal, Verdict
from gateway.model import Budget, Calendar, Fixed, Increment, Lifetime, Period, Rollup, Unit
from tests.budget.clock import Clock, is_cluster, ledger_at, stoppable
from tests.budget.orders import COMPANY, SHARD, budget, order
from tests.store.servers import on_every_store

USERS = 4
TRUTH = f"{SHARD}u:truth"
PAUSE_SECONDS = 0.002


@dataclass
class Race:
    """One company, its users and workers; what really was used is summed here, beside the ledger."""

    workers: list[Ledger]
    clock: Clock
    limit: int
    flying: int
    truth: list[int] = field(default_factory=lambda: [0] * USERS)
    requests: int = 0
    released: int = 0
    cancelled: int = 0

    def __post_init__(self) -> None:
        self.company = budget(self.limit)
        self.days = [budget(self.limit // 3, Calendar(Period.DAY), "day", subject=f"u:{user}") for user in range(USERS)]
        self.per_second = budget(50, Fixed(1), "rps", unit=Unit.REQUESTS)
        self.in_flight = budget(self.flying, Lifetime(), "flying", unit=Unit.IN_FLIGHT)

    def of(self, user: int) -> tuple[Budget, ...]:
        """Give the budgets that a user's calls count in."""
        return (self.company, self.days[user], self.per_second, self.in_flight)

    async def call(self, name: str, user: int, most: int, dice: Random) -> Refusal | None:
        """Make one call: hold, perhaps grow, then settle what it used, however it ends."""
        ledger = dice.choice(self.workers)
        prompt = dice.randint(1, most)
        asked = order(name, *self.of(user), prompt=prompt, want=dice.randint(0, most), share=dice.random() < 0.5)
        lease = await ledger.reserve(asked)
        if isinstance(lease, Refusal):
            return lease
        granted = lease.granted_tokens
        try:
            await asyncio.sleep(dice.random() * PAUSE_SECONDS)
            while dice.random() < 0.3:
                granted = (await ledger.extend(lease, granted + dice.randint(1, most))).granted_tokens
            await asyncio.sleep(dice.random() * PAUSE_SECONDS)
        finally:
            self.close(ledger, lease, user, prompt + dice.randint(0, granted), dice.random() < 0.1)
        return None

    def close(self, ledger: Ledger, lease: Lease, user: int, used: int, is_release: bool) -> None:
        """Settle or release, and remember what is true."""
        if is_release:
            self.released += 1
            ledger.release(lease)
            return
        self.truth[user] += used
        self.requests += 1
        ledger.settle(lease, [used, used, 1, 0], Rollup((Increment(TRUTH, "tokens", used),), (), 1000))

    async def caller(self, number: int) -> None:
        """Keep calling for one user after the other, with ever smaller calls, until the company has not one token."""
        dice, calls, most = Random(number), 0, 300
        while most > 0:
            calls += 1
            user = dice.randrange(USERS)
            calling = asyncio.create_task(self.call(f"{number}-{calls}", user, most, dice))
            if dice.random() < 0.1:
                await asyncio.sleep(dice.random() * PAUSE_SECONDS)
                calling.cancel()
            await asyncio.wait({calling})
            if calling.cancelled():
                self.cancelled += 1
            elif (refusal := calling.result()) is not None:
                if refusal.verdicts[0][0] in {Verdict.SPENT, Verdict.TOO_LARGE}:
                    most //= 2
                await asyncio.sleep(PAUSE_SECONDS)

    async def watch(self, reader: Ledger, samples: list[int]) -> None:
        """Look at every budget all the time; time goes on meanwhile."""
        every = (self.company, *self.days, self.per_second, self.in_flight)
        while True:
            for level in await reader.read(COMPANY, every):
                assert level.used + level.held <= level.limit, level
                assert min(level.used, level.held) >= 0, level
            samples.append(level.held)
            await self.clock.advance(250)


@on_every_store
@pytest.mark.parametrize(("callers", "limit", "flying"), [(64, 40_000, 24), (256, 60_000, 64)])
async def test_a_crowd_never_gets_past_a_limit_and_wastes_nothing(store, callers, limit, flying):
    """Two workers, growing and cancelled calls: every sample within every limit, and the truth is charged."""
    first, clock = await ledger_at(store, lease_seconds=10**6)
    script = stoppable(in_cluster=is_cluster(store))
    second = Ledger(store, script, lease_seconds=10**6)
    race = Race([first, second], clock, limit, flying)
    samples: list[int] = []
    watching = asyncio.create_task(race.watch(Ledger(store, script, lease_seconds=1), samples))
    racing = asyncio.gather(*map(race.caller, range(callers)))
    await asyncio.wait({watching, racing}, return_when=asyncio.FIRST_COMPLETED)
    assert not watching.done(), watching.exception()
    await racing
    assert [await worker.drain(10) for worker in race.workers] == [0, 0]
    watching.cancel()
    company, *days, flown = await first.read(COMPANY, (race.company, *race.days, race.in_flight))
    assert [(day.used, day.held) for day in days] == [(used, 0) for used in race.truth]
    assert (company.used, company.held, flown.held) == (sum(race.truth), 0, 0)
    assert company.used >= 0.99 * limit
    assert int(await store.execute("HGET", TRUTH, "tokens")) == sum(race.truth)
    assert await store.execute("HLEN", f"{SHARD}L") == 0
    assert len(samples) > 20
    assert min(race.released, race.cancelled, max(samples)) > 0


@pytest.mark.parametrize("callers", [64, 256])
async def test_beside_a_naive_counter(valkey_store, callers, capsys):
    """The same race against check-then-add: ours ends at the limit; how far the other gets past it is for show."""
    row = await measure(valkey_store, callers, limit=15_000)
    with capsys.disabled():
        print(f"\n{HEADER}\n{row}")  # noqa: T201 - this is what it is for
    assert row.our_overshoot == 0
    assert row.ours >= 0.99 * row.limit
