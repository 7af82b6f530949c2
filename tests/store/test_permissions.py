"""The store's user needs exactly the commands that docs/operations.md lists: they are enough, and each is needed."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from gateway.budget import Ledger, reaper, script
from gateway.budget.late import charged_among
from gateway.budget.lease import Report
from gateway.budget.seen import seen_in
from gateway.errors import StoreRefused, StoreUnavailable
from gateway.model import Calendar, Fixed, Increment, Level, Lifetime, Period, Rolling, Rollup, Unit
from gateway.reconcile import Reconciled, What
from gateway.store import open_store
from gateway.store.connection import CommandRefused, Store
from gateway.store.tending import tended
from gateway.usage import keys as usage_keys
from gateway.usage.intervals import Interval, consumption
from gateway.usage.queries import credits_by_day, days
from gateway.warnings.outbox import Outbox
from tests.budget.orders import COMPANY, ONE, SHARD, budget, hold, order
from tests.reconcile.busy import ACME, BOB, START_MS, Office, office
from tests.reconcile.busy import SHARD as OFFICE
from tests.reconcile.test_reconcile import _bucket, _counter, _stray
from tests.store.groups import ClusterOf, Server, cluster, sentinels, serving
from tests.store.servers import DURABLE, REDIS, VALKEY

PAGE = Path(__file__).parents[2] / "docs/operations.md"
USER, PASSWORD = "gateway", "not-a-secret"
BUDGETS = (
    budget(10_000, Rolling(2)),
    budget(10_000, Calendar(Period.DAY), "day", subject="u:1"),
    budget(100, Fixed(60), "rpm", unit=Unit.REQUESTS),
    budget(100, Lifetime(), "flying", unit=Unit.IN_FLIGHT),
)
TODAY = datetime.now(UTC).date()
PAIR = "ada|-"


def documented(heading: str) -> list[str]:
    """Give the rules of an `ACL SETUSER` in the documentation."""
    (rules,) = re.findall(
        rf"ACL SETUSER gateway on >PASSWORD {re.escape(heading)}(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
    )
    return rules.replace("\\\n", " ").split()


COMMANDS = [rule for rule in documented("~{q* ~schema resetchannels") if rule.startswith("+")]
IN_CLUSTER = ["+asking", "+cluster|info", "+cluster|slots"]


(_BESIDE,) = re.findall(r"`gateway reconcile` needs\n`([^`]+)` beside", PAGE.read_text("utf-8"))
TO_RECONCILE = _BESIDE.split()
(TO_SENTINELS,) = re.findall(r"A user at the sentinels needs `([^`]+)` alone", PAGE.read_text("utf-8"))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Give a Valkey of this module, whose ACL its tests change."""
    with serving(VALKEY, *DURABLE) as one:
        yield one


@pytest.fixture(scope="module")
def redis7() -> Iterator[Server]:
    """Give a Redis of this module."""
    if REDIS is None:
        pytest.skip("no redis-server on PATH")
    with serving(REDIS, *DURABLE) as one:
        yield one


@pytest.fixture(params=["server", "redis7"])
def either(request: pytest.FixtureRequest) -> Server:
    """Give each of them in turn."""
    return request.getfixturevalue(request.param)


def allow(server: Server, *rules: str) -> None:
    """Empty the server, and give the gateway's user these permissions and no others."""
    server("FLUSHALL")
    server("SCRIPT", "FLUSH")
    server("ACL", "SETUSER", USER, "reset", "on", f">{PASSWORD}", "~{q*", "~schema", "resetchannels", *rules)
    server("ACL", "LOG", "RESET")


def url_of(server: Server) -> str:
    """Give the store URL with the user's login."""
    return f"redis://{USER}:{PASSWORD}@127.0.0.1:{server.port}"


FORBIDDEN = (
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "dir", "/tmp"),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("SHUTDOWN", "NOSAVE"),
    ("MONITOR",),
    ("SAVE",),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("ACL", "LIST"),
    ("CLIENT", "LIST"),
    ("MODULE", "LIST"),
    ("FUNCTION", "LIST"),
    ("EVAL", "return 1", "0"),
    ("SUBSCRIBE", "x"),
    ("SET", "other", "1"),
    ("GET", "other"),
)


@pytest.mark.parametrize("command", FORBIDDEN, ids=" ".join)
def test_the_gateway_s_user_may_do_nothing_else(either: Server, command: tuple[str, ...]) -> None:
    """Who has the gateway's login reads no other keys, and changes nothing of the server."""
    allow(either, *COMMANDS)
    with Redis("127.0.0.1", either.port, username=USER, password=PASSWORD, protocol=2) as client:
        with pytest.raises(NoPermissionError):
            client.execute_command(*command)
        assert client.execute_command("PING")


async def everything(url: str) -> None:
    """Start on a store and do all that the gateway ever does with one. Raises what a missing permission causes."""
    async with open_store(url, Path()) as store:
        await _calls(store)
        await _readers(store)
        await _warnings(store)
        async with tended(store):
            await store.ready()


async def _calls(store: Store) -> None:
    ledger = Ledger(store, script.load(), lease_seconds=60)
    plan = Rollup(
        (Increment(usage_keys.rollup("u", COMPANY, TODAY, PAIR), "completions", 1, ONE),),
        ((usage_keys.index(COMPANY, TODAY), PAIR), (usage_keys.rollup("s", COMPANY, TODAY, PAIR), "00" * 8)),
        1000,
    )
    await ledger.override(COMPANY, {BUDGETS[0]: 9_000}, "ops")
    await ledger.override(COMPANY, {BUDGETS[0]: None}, "ops")
    lease = await hold(ledger, "one", *BUDGETS, prompt=10, want=100, plan=plan)
    await ledger.extend(lease, 200)
    assert await ledger.settle(lease, [50, 50, 1, 0], plan) == "settled"
    assert await ledger.release(await hold(ledger, "two", *BUDGETS, prompt=10)) == "settled"
    await ledger.reserve(order("three", *BUDGETS, prompt=10**6))
    again = await hold(ledger, "again", *BUDGETS, prompt=10)
    await ledger.hold_again(again, 20)
    assert await ledger.release(again) == "settled"
    assert await charged_among(store, SHARD, ["one"], 0) == {"one"}
    short = Ledger(store, script.load(), lease_seconds=0.001)
    await short.reserve(order("four", *BUDGETS, prompt=10, plan=plan))
    while not await reaper.sweep(ledger, store):
        pass
    await ledger.report(Report("five", "digest", 60, COMPANY, BUDGETS[:1], (7,), plan, "importer"))
    (level, *_) = await ledger.read(COMPANY, BUDGETS)
    assert level.used > 0


async def _readers(store: Store) -> None:
    await store.ping()
    assert [record async for record in days(store, COMPANY, TODAY, TODAY)]
    await credits_by_day(store, COMPANY, TODAY, TODAY)
    interval = Interval(TODAY, TODAY.fromordinal(TODAY.toordinal() + 1))
    assert [batch async for _, batch in consumption(store, COMPANY, [interval])]
    await seen_in(store, "ada", [COMPANY])


async def _warnings(store: Store) -> None:
    outbox = Outbox(store, lease_seconds=5)
    level = Level(BUDGETS[0], 10_000, 9_000, 0, None)
    for name in ("first", "second"):
        await outbox.mark(COMPANY, level, (80, 90) if name == "first" else (95,), name, b"{}")
    assert await outbox.shards() == [SHARD]
    (one, other), _ = await outbox.claim(SHARD, 2)
    await outbox.postpone(one)
    await outbox.remove(other)


async def test_the_documented_permissions_are_enough(either):
    """The whole ledger, the readers and the warnings work for a user with these commands and our keys only."""
    allow(either, *COMMANDS)
    await everything(url_of(either))
    assert either("ACL", "LOG") == []
    assert len(COMMANDS) > 25


async def damaged(server: Server, tmp_path: Path) -> Office:
    """Give a company with every kind of damage; a plain user will look at it."""
    admin = Store.connect(f"redis://127.0.0.1:{server.port}")
    one = await office(admin, tmp_path)
    for day in range(2):
        await one.clock.move_to(START_MS + day * 86_400_000)
        await one.call("ada", 100)
        await one.call("bob", 100)
    await one.hold("ada", 10, 10)
    await one.hold("bob", 10, 10)
    await _counter(one)
    await _stray(one)
    await _bucket(one)
    first, _ = await admin.execute("HKEYS", f"{OFFICE}L")
    await admin.pipeline(
        [
            ("ZREM", f"{OFFICE}D", first),
            ("ZADD", f"{OFFICE}D", 5, "stray"),
            ("DEL", f"{OFFICE}u:{ACME}:20261121:{BOB}:-"),
        ]
    )
    await admin.close()
    return one


async def looked(server: Server, tmp_path: Path, *rules: str) -> tuple[list[object], Reconciled]:
    """Repair with these permissions; gives what was denied, and what is found afterwards."""
    allow(server)
    one = await damaged(server, tmp_path)
    server("ACL", "SETUSER", USER, "~clock", *rules)
    one.store = Store.connect(url_of(server))
    try:
        found = await one.look(repairs=True, calls=("call-1",))
    finally:
        await one.store.close()
    return server("ACL", "LOG"), found


async def test_reconcile_needs_few_commands_more(either, tmp_path):
    """Counters, holds, buckets, leases, deadlines and roll-ups are repaired by a user with those beside."""
    denied, found = await looked(either, tmp_path, *COMMANDS, *TO_RECONCILE)
    assert denied == []
    assert {drift.what for drift in found.drifts} == {What.USED, What.HELD, What.LEASES, What.ROLLUP}
    assert not found.has_drift


@pytest.mark.parametrize("command", TO_RECONCILE)
async def test_each_command_of_reconcile_is_needed(server, command, tmp_path):
    """Without one of them it stops, and says why."""
    with pytest.raises((StoreUnavailable, CommandRefused)):
        await looked(server, tmp_path, *COMMANDS, *TO_RECONCILE, f"-{command[1:]}")
    (entry, *_) = server("ACL", "LOG")
    assert entry[entry.index(b"object") + 1].decode() in {command[1:], command[1:].partition("|")[0]}


@pytest.mark.parametrize("binary", [VALKEY, REDIS], ids=["valkey", "redis7"])
async def test_a_user_at_the_sentinels_needs_one_command(binary):
    """Store and sentinels with logins of their own: the whole program works, and without that command nothing does."""
    if binary is None:
        pytest.skip("no redis-server on PATH")
    with sentinels(binary, replicas=1) as watched:
        for one in watched.servers:
            one("ACL", "SETUSER", USER, "on", f">{PASSWORD}", "~{q*", "~schema", "resetchannels", *COMMANDS)
        for one in watched.sentinels:
            one("ACL", "SETUSER", "asks", "reset", "on", f">{PASSWORD}", TO_SENTINELS)
        url = watched.url.replace("://", f"://{USER}:{PASSWORD}@")
        url += f"?sentinel_username=asks&sentinel_password={PASSWORD}"
        await everything(url)
        assert [one("ACL", "LOG") for one in (*watched.servers, *watched.sentinels)] == [[]] * 5
        for one in watched.sentinels:
            one("ACL", "SETUSER", "asks", f"-{TO_SENTINELS[1:]}")
        with pytest.raises(StoreRefused, match="do not permit SENTINEL GET-MASTER-ADDR-BY-NAME"):
            await everything(url)


@pytest.mark.parametrize("command", [rule for rule in COMMANDS if rule not in IN_CLUSTER])
async def test_each_permission_is_needed(server, command):
    """Without one of them the server denies it to something that the gateway does."""
    allow(server, *COMMANDS, f"-{command[1:]}")
    doing = asyncio.create_task(everything(url_of(server)))
    while not (denied := server("ACL", "LOG")) and not doing.done():  # noqa: ASYNC110 - a server sets no event
        await asyncio.sleep(0.01)
    await asyncio.wait({doing}, timeout=1)  # a settle is tried again for long
    doing.cancel()
    (outcome,) = await asyncio.gather(doing, return_exceptions=True)
    assert outcome is not None, "it works without"
    names = {entry[entry.index(b"object") + 1].decode() for entry in denied}
    assert command[1:] in names or command[1:].partition("|")[0] in names


async def test_a_permission_that_goes_away_is_an_outage_with_its_reason(server):
    """NOPERM at a running gateway is an outage that says so, to commands, scripts and inside of them."""
    allow(server, *COMMANDS)
    async with open_store(url_of(server), Path()) as store:
        ledger = Ledger(store, script.load(), lease_seconds=60)
        await hold(ledger, "one", *BUDGETS, prompt=10)
        for command in ("hset", "evalsha"):
            server("ACL", "SETUSER", USER, f"-{command}")
            with pytest.raises(StoreUnavailable, match="does not permit a command to the gateway's user"):
                await ledger.reserve(order(f"without {command}", *BUDGETS, prompt=10))
        server("ACL", "SETUSER", USER, "-ping")
        with pytest.raises(StoreUnavailable, match="does not permit a command to the gateway's user"):
            await store.ping()
        server("ACL", "SETUSER", USER, "+hset", "+evalsha")


@pytest.fixture(scope="module")
def guarded() -> Iterator[ClusterOf]:
    """Give a cluster of this module, whose ACL its tests change."""
    with cluster(VALKEY) as found:
        yield found


async def test_the_permissions_are_enough_in_a_cluster(guarded):
    """The same list holds in a cluster; without leave to see its slots there is no start."""
    for one in guarded.primaries:
        allow(one, *COMMANDS)
    url = guarded.url.replace("://", f"://{USER}:{PASSWORD}@")
    await everything(url)
    for one in guarded.primaries:
        assert one("ACL", "LOG") == []
        allow(one, *COMMANDS, "-cluster|slots")
    with pytest.raises(StoreRefused, match="do not permit CLUSTER SLOTS"):
        await everything(url)
