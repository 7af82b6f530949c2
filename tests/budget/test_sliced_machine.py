"""Gateways with slices against the model in plain Python: whatever happens, the store holds and charges the truth."""

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gateway.budget import Ask, Lease, Order, Refusal, Share
from gateway.budget.amounts import held_for
from gateway.budget.holding import SlicedLease
from gateway.budget.keys import INSTALLATION
from gateway.budget.late import charged_among
from gateway.budget.ledger import Ledger
from gateway.budget.reaper import sweep
from gateway.budget.record import ADMITTED, by_policy, settlement
from gateway.budget.sliced import SlicedLedger
from gateway.budget.windows import bucket_width_ms
from gateway.budget.wire import Operation
from gateway.journal import Journal
from gateway.model import Budget, Calendar, Enforcement, Fixed, Lifetime, Period, Rolling, Rollup, Scope, Unit, Window
from gateway.store.connection import Store
from tests.budget import model
from tests.budget.clock import Clock, stoppable

COMPANIES = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
LEASE_MS = 60_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ENDED = {"settled", "corrected"}
"""Corrected: it had expired where a jump of the clock came before its heartbeat."""


def budget(name: str, window: Window, limit: int, unit: Unit = Unit.TOKENS, hardness: str = "hard") -> Budget:
    scope, zone = Scope.INSTALLATION, "Europe/Rome"
    return Budget(name, name, scope, "i:all", unit, window, limit, Enforcement(hardness), zone, sliced=True)


SLICED = (
    budget("rolling", Rolling(2), 60_000),
    budget("day", Calendar(Period.DAY), 20_000),
    budget("minute", Fixed(60), 9_000),
    budget("ever", Lifetime(), 200_000),
    budget("calls", Fixed(60), 12, Unit.REQUESTS),
    budget("flying", Lifetime(), 6, Unit.IN_FLIGHT),
    budget("soft", Rolling(30), 25_000, hardness="soft"),
    budget("shadow", Calendar(Period.MONTH), 300, hardness="shadow"),
    budget("unlimited", Rolling(1), -1),
)
OWN = tuple(
    Budget("own", "own", Scope.COMPANY, f"c:{each}", Unit.TOKENS, Rolling(2), 30_000, Enforcement.HARD)
    for each in COMPANIES
)
FREE = tuple(
    Budget("free", "free", Scope.USER, f"u:{each}:ada", Unit.TOKENS, Calendar(Period.DAY), -1, Enforcement.HARD)
    for each in COMPANIES
)
HOT = tuple(
    Budget("hot", "hot", Scope.COMPANY, f"c:{each}", Unit.TOKENS, Rolling(2), 40_000, Enforcement.HARD, sliced=True)
    for each in COMPANIES
)


def ask(one: Budget, minimum: int) -> Ask:
    return Ask(one, minimum, 1_000_000) if one.unit is Unit.TOKENS else Ask(one, 1, 0)


class Outliving(Journal):
    """A journal that outlives its gateway, as one on a disk does: the machine hands it to whoever takes over."""

    @property
    def is_sound(self) -> bool:
        return True


class Gateway:
    """One gateway with its own connections; `kill` cuts them."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.store = Store.connect(url)
        self.journal = Outliving(None, "store")
        self.clock = clock
        self.ledger = SlicedLedger(
            self.store,
            stoppable(),
            lease_seconds=LEASE_MS // 1000,
            clock=clock.local,
            monotonic=self.monotonic,
            kept=self.journal,
        )
        self.calls: dict[str, Lease] = {}

    def monotonic(self) -> float:
        return self.clock.now_ms / 1000


class SlicesMachine(RuleBasedStateMachine):
    """Random calls at several gateways, which also die; time goes on in steps of all sizes."""

    calls = Bundle("calls")

    def __init__(self, url: str) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.model = model.Model()
        self.count = 0
        self.is_exact = True
        self.url = url
        self.do(self.start())

    async def start(self) -> None:
        self.store = Store.connect(self.url)
        await self.store.execute("FLUSHALL")
        self.clock = Clock(self.store)
        await self.clock.move_to(self.clock.now_ms)
        self.plain = Ledger(self.store, stoppable(), lease_seconds=LEASE_MS // 1000, clock=self.clock.local)
        self.gateways = [Gateway(self.url, self.clock) for _ in range(3)]

    def do(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    @rule(
        target=calls,
        at=st.integers(0, 2),
        company=st.integers(0, 1),
        chosen=st.sets(st.sampled_from(range(len(SLICED))), min_size=1, max_size=4),
        minimum=st.integers(0, 300),
        want=st.integers(0, 700),
        share=st.sampled_from(Share),
        beside=st.sampled_from([(), (OWN,), (FREE,), (HOT,), (HOT, FREE), (HOT, FREE), (HOT, OWN, FREE)]),
        times=st.sampled_from([1, 1, 6]),
    )
    def reserve(self, at, company, chosen, minimum, want, share, beside, times):
        """Make calls alike, some after the other: only then does a gateway lease more than one needs."""
        asks = tuple(ask(SLICED[i], minimum) for i in sorted(chosen))
        asks += tuple(ask(each[company], minimum) for each in beside)
        names = []
        for _ in range(times):
            self.count += 1
            names.append(f"call-{self.count}")
            least = want if share is Share.OR_REFUSE else min(want, 1)
            order = Order(names[-1], COMPANIES[company], asks, want, least, share)
            self.do(self.reserved(self.gateways[at], order))
        return names[-1]

    async def reserved(self, gateway: Gateway, order: Order) -> None:
        outcome = await gateway.ledger.reserve(order)
        if isinstance(outcome, Refusal):
            (place,) = (place for place, (verdict, _) in enumerate(outcome.verdicts) if verdict > 0)
            level, need = outcome.levels[place], held_for(order.asks[place], order.least_tokens)
            assert order.share is Share.OR_REFUSE or level.used + level.held + need > level.limit
            return
        assert order.least_tokens <= outcome.granted_tokens <= order.want_tokens
        gateway.ledger.forwarding(outcome)
        gateway.calls[order.call_id] = outcome
        self.hold(outcome, outcome.granted_tokens, self.clock.now_ms)
        if len(self.model.leases) % 3 == 0:
            await self.settled(gateway, order.call_id, 50)

    def hold(self, lease: Lease, granted: int, admitted_ms: int) -> None:
        reserved = [held_for(one, granted) for one in lease.order.asks]
        self.model.leases[lease.order.call_id] = model.Lease(admitted_ms, 0, granted, True, lease.order.asks, reserved)

    async def settled(self, gateway: Gateway, call: str, percent: int) -> None:
        held, lease = self.model.leases[call], gateway.calls.pop(call)
        amounts = self.used(held, percent)
        self.model.settle(call, amounts)
        assert await gateway.ledger.settle(lease, amounts, Rollup()) in ENDED

    def used(self, held: model.Lease, percent: int) -> list[int]:
        units = {Unit.REQUESTS: 1, Unit.IN_FLIGHT: 0}
        return [
            units.get(one.budget.unit, reserved * percent // 100)
            for one, reserved in zip(held.asks, held.reserved, strict=True)
        ]

    def gateway_of(self, call: str) -> Gateway | None:
        return next((each for each in self.gateways if call in each.calls), None)

    @rule(call=calls, percent=st.integers(0, 100))
    def settle(self, call, percent):
        gateway = self.gateway_of(call)
        if gateway:
            self.do(self.settled(gateway, call, percent))

    @rule(call=calls)
    def release(self, call):
        gateway = self.gateway_of(call)
        if gateway:
            self.model.settle(call, [0] * len(self.model.leases[call].asks))
            self.do(self.released(gateway, call))

    async def released(self, gateway: Gateway, call: str) -> None:
        lease = gateway.calls.pop(call)
        is_behind = isinstance(lease, SlicedLease) and lease.is_behind
        assert await gateway.ledger.release(lease) in ({"already"} if is_behind else ENDED)

    @rule(call=calls, more=st.integers(0, 900))
    def extend(self, call, more):
        gateway = self.gateway_of(call)
        if gateway is None:
            return
        held, lease = self.model.leases[call], gateway.calls[call]
        extension = self.do(gateway.ledger.extend(lease, held.granted + more))
        assert held.granted <= extension.granted_tokens <= held.granted + more
        if extension.granted_tokens > held.granted:
            windows = [one.budget.window for one in held.asks]
            widths = [bucket_width_ms(window.days) for window in windows if isinstance(window, Rolling)]
            # What a call takes later of a rolling window leaves it later, too.
            self.is_exact &= all(held.admitted_ms // n == self.clock.now_ms // n for n in widths)
            held.granted = extension.granted_tokens
            for place, one in enumerate(held.asks):
                if self.model.counts_at(one.budget, held.admitted_ms, self.clock.now_ms):
                    held.reserved[place] = held_for(one, held.granted)

    @rule(by=st.sampled_from([1, 200, 999, 2_001, 11_000, 30_000, 54_000, MINUTE, HOUR, 7 * HOUR, DAY, 3 * DAY]))
    def advance(self, by):
        """Let time pass; gateways beat as often as they do, those with calls in flight stay alive."""
        self.do(self.advanced(by))

    async def advanced(self, by: int) -> None:
        step = LEASE_MS // 3
        for _ in range(min(3, by // step)):
            await self.clock.advance(step)
            await self.beaten()
        await self.clock.advance(max(0, by - step * min(3, by // step)))
        await self.beaten()

    async def beaten(self) -> None:
        for gateway in self.gateways:
            gateway.ledger.beat()
            for lease in gateway.calls.values():
                await gateway.ledger.extend(lease)
        await asyncio.sleep(0.002)

    @rule(skew=st.sampled_from([0, -HOUR, DAY]))
    def skew(self, skew):
        """Set the gateways' clocks wrong: that changes nothing."""
        self.clock.skew_ms = skew

    @rule()
    def reap(self):
        self.do(sweep(self.plain, self.store))

    @rule(at=st.integers(0, 2), percent=st.integers(0, 100))
    def kill(self, at, percent):
        """Cut a gateway off, and start another: what its calls had used its journal tells, or nobody."""
        dead = self.gateways[at]
        self.is_exact = False
        for call in dead.calls:
            self.model.settle(call, self.used(self.model.leases[call], percent))
        self.do(dead.store.close())
        self.do(self.taken_over(dead))
        self.gateways[at] = Gateway(self.url, self.clock)

    async def taken_over(self, dead: Gateway) -> None:
        """Charge what a journal has, as those do who find it (pipeline/recovery.py)."""
        for call in dead.journal._calls:
            if call.settled is not None:
                await self.sent(self.plain, call.id, *settlement(call.settled))
            elif call.forwarded is not None:
                await self.sent(self.plain, call.id, *by_policy(call.forwarded, call.granted_tokens))

    async def sent(self, ledger: Ledger, call: str, prefix: str, op: Operation) -> None:
        """Charge what is written down; where it is too old to be believed, unless the events tell of it."""
        since_ms = op.fields[ADMITTED]
        if await ledger.close_again(call, prefix, op) == "doubtful" and not await charged_among(
            self.store, prefix, [call], since_ms
        ):
            op.fields[ADMITTED] = self.clock.now_ms
            assert await ledger.close_again(call, prefix, op) in ENDED | {"recovered"}

    async def levels(self):
        levels = list(await self.plain.read(INSTALLATION, SLICED))
        for company, *own in zip(COMPANIES, OWN, FREE, HOT, strict=True):
            levels += await self.plain.read(company, own)
        return levels

    @invariant()
    def the_store_has_set_aside_the_truth(self):
        """No budget is over its limit, and none has less than what was used and is in flight.

        What limits nothing may be told later: in the end it is told, too.
        """
        now_ms = self.clock.now_ms
        for level in self.do(self.levels()):
            one = level.budget
            assert min(level.used, level.held) >= 0
            if one.enforcement is Enforcement.HARD and one.limit >= 0:
                assert level.used + level.held <= level.limit, one.name
            if one.enforcement is not Enforcement.SOFT and one.name != "free":
                assert level.used + level.held >= self.model.used(one, now_ms) + self.model.held(one, now_ms), one.name

    def teardown(self) -> None:
        try:
            self.do(self.ended())
        finally:
            self.do(self.left())
            self.loop.close()

    async def ended(self) -> None:
        """Settle what is in flight: nothing stays held, and without deaths the charges are exact."""
        for gateway in self.gateways:
            for call in tuple(gateway.calls):
                await self.settled(gateway, call, 70)
            assert await gateway.ledger.drain(5) == 0
            for unpaid in [one for one in gateway.journal.settled_calls() if one.is_unpaid]:
                await self.sent(gateway.ledger, unpaid.id, *settlement(unpaid.settled))
        await self.clock.advance(LEASE_MS)
        await sweep(self.plain, self.store)
        for level in await self.levels():
            truth = self.model.used(level.budget, self.clock.now_ms)
            assert level.held == 0, level.budget.name
            assert level.used == truth if self.is_exact else level.used >= truth, level.budget.name

    async def left(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for gateway in self.gateways:
            await gateway.store.close()
        await self.store.close()


@pytest.mark.timeout(300)
def test_no_step_holds_or_charges_less_than_the_truth(valkey_url: str) -> None:
    """Whatever gateways take, settle, grow and lose, and when: limits hold, and nothing is forgotten."""
    run_state_machine_as_test(
        lambda: SlicesMachine(valkey_url),
        settings=settings(
            max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
