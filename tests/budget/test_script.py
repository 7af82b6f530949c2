"""The one script: all its files, the store's time, every key declared, and no read after the first write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources

import msgspec
import pytest
from redis.asyncio import Redis

from gateway.budget import Ledger, LedgerFault, keys, script
from gateway.budget.lease import Report
from gateway.model import Calendar, Fixed, Increment, Lifetime, Period, Rollup, Unit
from tests.budget.clock import ledger_at
from tests.budget.orders import COMPANY, DAY, MINUTE, ONE, SHARD, budget, charge, contents, hold, numbers, order

BUDGETS = (
    budget(100_000),
    budget(100_000, Calendar(Period.DAY), "day", subject="u:1"),
    budget(1000, Fixed(60), "rpm", unit=Unit.REQUESTS),
    budget(100, Lifetime(), "flying", unit=Unit.IN_FLIGHT),
    budget(10**9, Lifetime(), "total"),
)
PLAN = Rollup((Increment(f"{SHARD}u:x", "output", 5, ONE),), ((f"{SHARD}s:x", "00ff"),), 1000)
TRUTH = Rollup((Increment(f"{SHARD}u:y", "output", 5),), ((f"{SHARD}s:y", "00ff"),), 1000)
KEYLESS = {"TIME"}


@dataclass
class Run:
    """One run of the script as the server saw it: the keys it declared, and each command with its key."""

    declared: set[str]
    commands: list[tuple[str, str]] = field(default_factory=list)


@asynccontextmanager
async def watched(store) -> AsyncIterator[list[Run]]:
    """Give what the script did during the block, complete at its end."""
    runs: list[Run] = []
    async with Redis.from_url(store.address) as redis, redis.monitor() as monitor:
        yield runs
        await store.execute("ECHO", "end")
        while (seen := await monitor.next_command())["command"] != "ECHO end":
            words = seen["command"].split(" ")
            if words[0].upper() == "EVALSHA":
                runs.append(Run(set(words[3 : 3 + int(words[2])])))
            elif seen["client_type"] == "lua" and words[1:] != ["clock"]:
                runs[-1].commands.append((words[0].upper(), words[1] if len(words) > 1 else ""))


async def everything(ledger: Ledger, clock) -> None:
    """Take every way through every operation, one a run: what is new, what is known, what has rolled, what is gone."""
    await ledger.override(COMPANY, {BUDGETS[0]: 90_000, BUDGETS[2]: 900}, "ops")
    lease = await hold(ledger, "first", *BUDGETS, prompt=10, want=100, plan=PLAN)
    await ledger.reserve(lease.order)
    await ledger.extend(lease)
    await ledger.extend(lease, 200)
    await ledger.extend(lease, 10**7)
    await ledger.settle(lease, [50, 50, 1, 0, 50], TRUTH)
    await ledger.settle(lease, [50, 50, 1, 0, 50], TRUTH)
    with pytest.raises(LedgerFault):
        await ledger.reserve(lease.order)
    await ledger.extend(lease)
    for n in range(3):
        await clock.advance(20 * DAY)
        await charge(ledger, f"later-{n}", 10, *BUDGETS)
    released = await hold(ledger, "released", *BUDGETS, prompt=10, plan=PLAN)
    await ledger.release(released)
    for call, asked_again in (("dead", False), ("gone", True)):
        dead = await hold(ledger, call, *BUDGETS, prompt=10, want=9, plan=PLAN)
        await clock.advance(MINUTE)
        if asked_again:
            await ledger.reserve(order("refused", *BUDGETS, prompt=10**6))
        await ledger.reap(SHARD)
        await (ledger.release(dead) if asked_again else ledger.settle(dead, [7, 7, 1, 0, 7], TRUTH))
    for name in ("reported", "reported", "later"):
        assert await ledger.report(Report(name, "digest", 900, COMPANY, BUDGETS, (5, 5, 1, 0, 5), TRUTH, "who"))
        await clock.advance(DAY)
    await ledger.read(COMPANY, BUDGETS)
    await ledger.override(COMPANY, {BUDGETS[0]: None, BUDGETS[2]: 901}, "ops")


@pytest.fixture
async def runs(store) -> list[Run]:
    """Give every run of a scenario that leaves no operation out."""
    ledger, clock = await ledger_at(store)
    await ledger.read(COMPANY, BUDGETS)
    async with watched(store) as seen:
        await everything(ledger, clock)
    assert len(seen) > 25
    return seen


async def test_every_key_that_is_touched_was_declared(runs):
    """A cluster may move a slot at any time: the script touches what its caller named and nothing else."""
    for run in runs:
        touched = {key for command, key in run.commands if command not in KEYLESS}
        assert touched <= run.declared


async def test_every_key_carries_the_shard_s_tag(runs, store):
    """All keys of one call are in one slot."""
    assert {key for run in runs for key in run.declared if not key.startswith(SHARD)} == set()
    names = set(await store.execute("KEYS", "*")) - {b"clock"}
    assert names
    assert all(name.startswith(SHARD.encode()) for name in names)


async def test_all_reads_come_before_the_first_write(runs, store):
    """An operation that finds something unreadable fails before it has changed anything."""
    names = sorted({command for run in runs for command, _ in run.commands})
    flags = {name: (await store.execute("COMMAND", "INFO", name))[name.lower()]["flags"] for name in names}
    writes = {name for name in names if "write" in flags[name]}
    assert {"HSET", "ZADD", "HINCRBY", "XADD", "SADD", "EXPIRE", "HDEL", "ZREM", "SET"} == writes
    for run in runs:
        kinds = [command in writes for command, _ in run.commands]
        assert kinds == sorted(kinds), run.commands


async def test_every_run_asks_for_the_time_once(store):
    """One instant rules a whole batch: the server's own."""
    ledger = Ledger(store, script.load(), lease_seconds=60)
    await ledger.read(COMPANY, BUDGETS)
    async with watched(store) as seen:
        await hold(ledger, "call", *BUDGETS, prompt=10)
    assert [command for run in seen for command, _ in run.commands].count("TIME") == len(seen) == 1


async def test_the_time_is_the_server_s(valkey_store):
    """A call is admitted at the instant that the server names."""
    ledger = Ledger(valkey_store, script.load(), lease_seconds=60, clock=lambda: 0.0)
    before, lease, after = (
        await valkey_store.execute("TIME"),
        await hold(ledger, "call", *BUDGETS, prompt=10),
        await valkey_store.execute("TIME"),
    )
    first, last = (int(seconds) * 1000 + int(micros) // 1000 for seconds, micros in (before, after))
    assert first <= lease.admitted_ms <= last


def test_every_file_is_part_of_the_script():
    """No Lua file is left out or named twice, and each announces itself in the whole."""
    folder = resources.files("gateway.budget") / "lua"
    files = sorted(entry.name.removesuffix(".lua") for entry in folder.iterdir())
    assert sorted(script.PARTS) == files
    text = script.load().text
    places = [text.index(f"-- {part}.lua\n") for part in script.PARTS]
    assert places == sorted(places)


def test_the_script_is_always_the_same():
    """Each worker loads the same bytes, so the server knows one script by one hash."""
    assert script.load() == script.load()


async def test_a_server_that_forgot_the_script_learns_it_again(store):
    """A restart or a flush of the scripts between two calls is not noticed."""
    ledger, _ = await ledger_at(store)
    await charge(ledger, "one", 1, BUDGETS[0])
    await store.execute("SCRIPT", "FLUSH")
    await charge(ledger, "two", 1, BUDGETS[0])
    assert await numbers(ledger, BUDGETS[0]) == ((2, 0),)


async def test_an_unknown_operation_is_an_error_of_its_own(store):
    """What no script file serves answers an error; the operation after it is carried out."""
    operations = [["nonsense", 3], ["override", 3, 1, "x", "ops", [["b", 5]], 2]]
    names = [*keys.shared(SHARD), f"{SHARD}o:x", keys.changes(SHARD)]
    reply = await store.run(script.load(), names, [msgspec.msgpack.encode(operations)])
    _, (bad, good), unwritten = msgspec.msgpack.decode(reply)
    assert bad[0] == "error"
    assert good == ["overridden", [""]]
    assert unwritten == []


@pytest.mark.parametrize("line", ["", "1:2:3", "1:2:3:4:5", "1:2.5:3:4", "1:1e3:0:0", " 1:2:3:4", "nan:0:0:0"])
async def test_a_state_that_cannot_be_read_is_an_error_and_stays(store, line):
    """The ledger never guesses at a number: it fails, and what is there can be repaired."""
    ledger, _ = await ledger_at(store)
    await store.execute("HSET", f"{SHARD}b:c:x", "tokens", line)
    before = await contents(store)
    with pytest.raises(LedgerFault, match="unreadable budget state"):
        await ledger.reserve(order("call", BUDGETS[0], prompt=1))
    assert await contents(store) == before


async def test_the_state_of_a_budget_is_readable_by_eye(store):
    """`start:used:held:mark` in decimal text, in milliseconds where they are instants."""
    ledger, clock = await ledger_at(store)
    await charge(ledger, "used", 12, BUDGETS[1])
    await hold(ledger, "held", BUDGETS[1], prompt=30)
    line = await store.execute("HGET", f"{SHARD}b:u:1", "day")
    assert line == b"%d:12:30:%d" % (clock.now_ms, clock.now_ms + DAY)
