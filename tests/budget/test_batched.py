"""A batch writes each field once, and leaves the same as its operations one by one."""

import asyncio
import random
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.budget import Lease, Refusal
from gateway.budget.lease import Report
from gateway.model import Calendar, Fixed, Increment, Level, Lifetime, Period, Rolling, Rollup, Unit
from gateway.store.connection import Store
from tests.budget.clock import Clock, ledger_at
from tests.budget.orders import COMPANY, DAY, MINUTE, ONE, SHARD, budget, charge, contents, hold, numbers, order

OF_COMPANY = (budget(900), budget(100, Lifetime(), "flying", unit=Unit.IN_FLIGHT), budget(-1, Rolling(3), "wide"))
OF_USERS = tuple(
    (budget(300, Calendar(Period.DAY), "day", subject=f"u:{user}"), budget(12, Fixed(60), "rpm", subject=f"u:{user}"))
    for user in range(2)
)
EVENTS = f"{SHARD}E"
MANY = 20
LEASE_DAYS = 20

Action = tuple[str, tuple[Any, ...]]
"""What is asked of a ledger: a method's name, and its arguments."""


def rollup(user: int, amount: int) -> Rollup:
    """Give what a call adds to the usage of its user."""
    one = Increment(f"{SHARD}u:{user}", "output", amount, ONE if amount == 0 else 0)
    return Rollup((one, Increment(f"{SHARD}c:x", "chat", amount)), ((f"{SHARD}s:{user}", "00ff"),), 1000)


def some_actions(chance: random.Random, leases: list[Lease], turn: int) -> list[Action]:
    """Give what a few callers ask in one turn; each lease is ended at most once. Charges come first, as they do."""
    chance.shuffle(leases)
    actions: list[Action] = []
    charges: list[Action] = []
    for n in range(chance.randrange(2, 24)):
        user, amount = chance.randrange(2), chance.randrange(40)
        budgets = (*OF_COMPANY, *OF_USERS[user])
        kind = chance.choice(["reserve"] * 4 + ["settle"] * 3 + ["extend", "release", "report", "read", "override"])
        if kind in {"settle", "release", "extend"} and not leases:
            kind = "reserve"
        match kind:
            case "reserve":
                asked = order(f"{turn}-{n}", *budgets, prompt=amount, want=2 * amount, plan=rollup(user, 0))
                actions.append((kind, (asked,)))
            case "settle":
                charges.append((kind, (leases.pop(), [amount] * len(budgets), rollup(user, amount))))
            case "release":
                charges.append((kind, (leases.pop(),)))
            case "extend":
                actions.append((kind, (chance.choice(leases), 3 * amount)))
            case "report":
                amounts, usage = (amount,) * len(budgets), rollup(user, amount)
                report = Report(f"{turn}-{n}", "d", 1000, COMPANY, budgets, amounts, usage, "reporter")
                actions.append((kind, (report,)))
            case "read":
                actions.append((kind, (COMPANY, budgets)))
            case _:
                actions.append((kind, (COMPANY, {OF_COMPANY[0]: chance.choice([None, 500, 1500])}, "ops")))
    return charges + actions


async def found(store: Store) -> tuple[Any, Any]:
    """Give all that the store holds but what names an instant of its own clock, and the events without it."""
    hashes = {
        name: await store.execute("HGETALL", name) for name in await contents(store) if await is_hash(store, name)
    }
    others = sorted(set(await contents(store)) - set(hashes))
    ends = {name: (await store.execute("TTL", name)) > 0 for name in [*hashes, *others]}
    events = [fields for _, fields in await store.execute("XRANGE", EVENTS, "-", "+") or []]
    return (hashes, others, ends), events


async def is_hash(store: Store, name: bytes) -> bool:
    return (await store.execute("TYPE", name)) in {b"hash", "hash"}


async def played(store: Store, seed: int, *, at_once: bool) -> list[Any]:
    """Play turns of actions, each in one batch or one action after the other; gives every answer and what is left."""
    await store.execute("FLUSHALL")
    # No lease runs out on the way: whoever is refused would have it swept up, and ask again in a later batch.
    ledger, clock = await ledger_at(store, lease_seconds=LEASE_DAYS * DAY // 1000)
    chance, leases, seen = random.Random(seed), [], []
    for turn in range(8):
        actions = some_actions(chance, leases, turn)
        if at_once:
            answers = await asyncio.gather(*(getattr(ledger, name)(*words) for name, words in actions))
        else:
            answers = [await getattr(ledger, name)(*words) for name, words in actions]
        leases += [answer for answer in answers if isinstance(answer, Lease)]
        seen += [plain(answer) for answer in answers]
        seen.append(await found(store))
        await moved(clock, chance)
    await clock.advance(LEASE_DAYS * DAY)
    seen.append([await ledger.reap(SHARD), await found(store)])
    return seen


async def moved(clock: Clock, chance: random.Random) -> None:
    """Let some time pass: within a window, into the next, out of the rolling one."""
    await clock.advance(chance.choice([1000, 10_000, MINUTE + 1, DAY, 2 * DAY]))


def plain(answer: Any) -> Any:
    """Give an answer's words and numbers."""
    if isinstance(answer, Lease):
        return answer.order.call_id, answer.admitted_ms, answer.granted_tokens, answer.positions, rows(answer.levels)
    if isinstance(answer, Refusal):
        return answer.order.call_id, answer.verdicts, rows(answer.levels)
    return answer


def rows(levels: tuple[Level, ...]) -> list[tuple[Any, ...]]:
    """Give the numbers of each budget."""
    return [(one.budget.id, one.limit, one.used, one.held, one.resets_at_ms, one.is_override) for one in levels]


@pytest.mark.parametrize("seed", range(12))
async def test_a_batch_is_its_operations_one_by_one(store: Store, seed: int) -> None:
    """Each answer, each number in the store and each event is the same, whatever travels together."""
    together = await played(store, seed, at_once=True)
    apart = await played(store, seed, at_once=False)
    assert len(together) == len(apart)
    for one, other in zip(together, apart, strict=True):
        assert one == other


async def commands(store: Store) -> dict[str, int]:
    """Give how often each command was carried out since the statistics were reset."""
    stats = await store.execute("INFO", "commandstats")
    return {name.removeprefix("cmdstat_"): one["calls"] for name, one in stats.items()}


async def test_each_field_is_read_and_written_once(store: Store) -> None:
    """Twenty calls of one user cost the budgets of one: what grows with them is a lease each, and its end."""
    ledger, _ = await ledger_at(store)
    budgets = (*OF_COMPANY, OF_USERS[0][0])
    await charge(ledger, "first", 1, *budgets)
    await store.execute("CONFIG", "RESETSTAT")
    leases = await asyncio.gather(*(hold(ledger, f"call-{n}", *budgets, prompt=1) for n in range(MANY)))
    asked = await commands(store)
    assert asked["hset"] == MANY + 2
    assert asked["hget"] == MANY + 2 * len(budgets)
    await store.execute("CONFIG", "RESETSTAT")
    await asyncio.gather(*(ledger.settle(lease, [1, 1, 1, 1], rollup(0, 5)) for lease in leases))
    asked = await commands(store)
    assert asked["hset"] == 2
    assert asked["hincrby"] == 2 + 2
    assert asked["hget"] == MANY + len(budgets)


async def test_a_spoiled_field_is_told_and_takes_nobody_along(store: Store) -> None:
    """A number that is none fails at the end of a batch: the rest of it is written, and somebody hears of it."""
    ledger, _ = await ledger_at(store)
    one = OF_COMPANY[0]
    leases = [await hold(ledger, f"call-{n}", one, prompt=10) for n in range(3)]
    await store.execute("HSET", f"{SHARD}u:0", "output", "spoiled")
    with capture_logs() as logs:
        words = await asyncio.gather(*(ledger.settle(lease, [7], rollup(n, 7)) for n, lease in enumerate(leases)))
    assert words == ["settled"] * 3
    assert await numbers(ledger, one) == ((21, 0),)
    assert await store.execute("HGET", f"{SHARD}u:1", "output") == b"7"
    assert await store.execute("HGET", f"{SHARD}c:x", "chat") == b"21"
    (told,) = [line for line in logs if line["event"] == "ledger_fields_unwritten"]
    assert told["count"] == 1
    assert "not an integer" in told["reason"]


async def test_a_full_store_leaves_no_budget_changed(store: Store) -> None:
    """What a refused reserve would have held is not written with what others of its batch write."""
    ledger, _ = await ledger_at(store)
    one = OF_COMPANY[0]
    lease = await hold(ledger, "call", one, prompt=10)
    await store.execute("CONFIG", "SET", "maxmemory", 1)
    try:
        await asyncio.gather(
            *(ledger.reserve(order(f"next-{n}", one, prompt=10)) for n in range(3)),
            ledger.extend(lease, 50),
            ledger.settle(lease, [7], rollup(0, 7)),
            return_exceptions=True,
        )
    finally:
        await store.execute("CONFIG", "SET", "maxmemory", 0)
    assert await numbers(ledger, one) == ((7, 0),)
