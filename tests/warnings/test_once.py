"""A warning is told once, whatever number of gateways, calls and restarts there are."""

import asyncio
import uuid
from pathlib import Path
from random import Random

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from gateway.model import Calendar, Company, Fixed, Lifetime, Period, RollingBudget, Scope
from gateway.store.connection import Store
from gateway.warnings import watch
from gateway.warnings.outbox import Outbox, Told
from tests.store.servers import until
from tests.warnings.receiving import CALLER, COMPANY_ID, FAR_AWAY_MS, SHARD, Fleet, level, receiving, watching

INSTANCES = 8
DAY = Calendar(Period.DAY)


@pytest.fixture
async def url(valkey_store: Store, valkey_url: str) -> str:
    """Give the URL of an empty store."""
    return valkey_url


async def crowd(fleet: Fleet, *uses: int, calls: int = 50) -> None:
    """Let every watcher see a budget of 1,000 at these uses, again and again, in turns of the loop."""

    async def calling(number: int) -> None:
        dice = Random(number)
        for _ in range(calls):
            fleet.watchers[number].observe(CALLER, [level(dice.choice(uses))])
            await asyncio.sleep(0)

    await asyncio.gather(*map(calling, range(len(fleet.watchers))))
    await fleet.quiet()


async def test_a_crowd_hears_each_threshold_once(url):
    """Eight gateways with many calls each, as a budget fills: three posts, three log lines, three counts."""
    with capture_logs() as lines:
        async with receiving() as receiver, watching(url, receiver.url, INSTANCES) as fleet:
            await crowd(fleet, 0, 500, 799)
            assert receiver.posts == []
            for uses in ((800, 801), (950, 812), (1000, 1204, 960)):
                await crowd(fleet, *uses)
    assert receiver.thresholds == [80, 95, 100]
    assert len(receiver.posts) == len(set(receiver.ids)) == 3
    assert fleet.counted == [("company", 80), ("company", 95), ("company", 100)]
    assert [line["threshold"] for line in lines if line["event"] == "budget_threshold"] == [80, 95, 100]


@pytest.mark.parametrize("seed", range(5))
async def test_a_crowd_out_of_order_repeats_nothing(url, seed):
    """Whatever order the levels are seen in, none is told twice, and the highest always."""
    uses = Random(seed).sample(range(1100), 40)
    async with receiving() as receiver, watching(url, receiver.url, INSTANCES) as fleet:
        await crowd(fleet, 1000, *uses)
    told = sorted(threshold for _, threshold in fleet.counted)
    assert told == sorted(set(told))
    assert told[-1] == 100
    assert sorted(receiver.thresholds) == told


async def test_a_budget_that_spans_companies_warns_once_in_all(url):
    """Whichever company's calls notice it: one post, which names the provider and no company."""
    spent = level(950, name="all", subject="p:openai", scope=Scope.PROVIDER)
    async with receiving() as receiver, watching(url, receiver.url, 2) as fleet:
        for number in range(20):
            company = Company(str(uuid.UUID(int=number)), f"company {number}", RollingBudget(1, 30), "UTC")
            fleet.watchers[number % 2].observe(structs.replace(CALLER, company=company), [spent])
            await fleet.quiet()
    (event,) = receiver.accepted
    assert (event["threshold"], event["company"], event["provider"]) == (95, None, "openai")


async def test_a_restart_repeats_nothing(url):
    """A gateway that starts anew sees the same budget and is silent."""
    async with receiving() as receiver:
        for used in (850, 860, 990, 990):
            async with watching(url, receiver.url) as fleet:
                await crowd(fleet, used)
    assert receiver.thresholds == [80, 95]


async def test_thresholds_passed_at_once_are_one_warning(url):
    """A call that takes a budget from nothing to its end tells the highest threshold, and the others never."""
    async with receiving() as receiver, watching(url, receiver.url, 2) as fleet:
        fleet.watchers[0].observe(CALLER, [level(1000)])
        await fleet.quiet()
        for used in (820, 960, 1100):
            fleet.watchers[1].observe(CALLER, [level(used)])
        await fleet.quiet()
    assert receiver.thresholds == [100]


async def test_a_new_window_warns_again(url):
    """Midnight comes: the next day's budget has warnings of its own, and the mark of the old one ends with it."""
    async with receiving() as receiver, watching(url, receiver.url, 2) as fleet:
        for end in (FAR_AWAY_MS, FAR_AWAY_MS + 86_400_000):
            for watcher in fleet.watchers * 2:
                watcher.observe(CALLER, [level(900, window=DAY, resets_at_ms=end)])
        await fleet.quiet()
        ends = [await fleet.store.execute("PEXPIRETIME", key) for key in await fleet.store.execute("KEYS", "*:n:*")]
    assert {event["resets_at"] for event in receiver.accepted} == {"2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z"}
    assert len(receiver.posts) == 2
    assert sorted(ends) == pytest.approx([FAR_AWAY_MS, FAR_AWAY_MS + 86_400_000], abs=5)


async def test_a_window_that_is_over_warns_no_more(url):
    """A charge of yesterday that comes late is no warning today."""
    async with watching(url, None) as fleet:
        fleet.watchers[0].observe(CALLER, [level(900, window=DAY, resets_at_ms=1_700_000_000_000)])
        await fleet.quiet()
        assert fleet.counted == []
        assert await fleet.store.execute("KEYS", "*") == []


@pytest.mark.parametrize(
    ("window", "seconds"), [(Lifetime(), -1), (Fixed(3600), None), (level(0).budget.window, 30 * 86_400)]
)
async def test_how_long_a_mark_lives(url, window, seconds):
    """A lifetime's for ever, a rolling window's as long as the window is, any other until the window's end."""
    end = FAR_AWAY_MS if isinstance(window, Fixed) else None
    async with watching(url, None) as fleet:
        fleet.watchers[0].observe(CALLER, [level(900, window=window, resets_at_ms=end)])
        await fleet.quiet()
        (key,) = await fleet.store.execute("KEYS", "*")
        assert key.startswith(f"{SHARD}n:c:{COMPANY_ID}:company@{window.code}:".encode())
        left = await fleet.store.execute("TTL", key)
    assert left > 10**9 if seconds is None else left == pytest.approx(seconds, abs=5)


async def test_a_changed_limit_warns_anew(url):
    """A raised limit is another promise: when it runs out too, that is told."""
    async with receiving() as receiver, watching(url, receiver.url) as fleet:
        for used, limit in ((950, 1000), (960, 1000), (960, 2000), (1900, 2000)):
            fleet.watchers[0].observe(CALLER, [level(used, limit)])
        await fleet.quiet()
    assert sorted((event["limit"], event["percent"]) for event in receiver.accepted) == [(1000, 95), (2000, 95)]


async def test_a_store_that_is_away_is_waited_for(url, tmp_path: Path):
    """Nothing is raised while there is no store, and what was noticed is told when it is there."""
    link = tmp_path / "store.sock"
    async with receiving() as receiver, watching(f"unix://{link}", receiver.url) as fleet:
        for used in (810, 820, 990):
            fleet.watchers[0].observe(CALLER, [level(used)])
        await asyncio.sleep(0.2)
        assert fleet.counted == []
        link.symlink_to(url.removeprefix("unix://"))
        await until(lambda: sorted(receiver.thresholds) == [80, 95])
    assert fleet.counted == [("company", 80), ("company", 95)]


async def test_what_was_noticed_is_marked_before_the_end(url):
    """A gateway that is told to stop right after a call has the warning in the store, for others to tell."""
    async with receiving() as receiver:
        async with watching(url, receiver.url) as fleet:
            fleet.watchers[0].observe(CALLER, [level(800)])
        assert fleet.counted == [("company", 80)]
        async with watching(url, receiver.url):
            await until(lambda: receiver.thresholds == [80])


async def test_a_full_queue_forgets_nothing_for_good(url):
    """What did not fit is noticed by a later call."""
    async with watching(url, None) as fleet:
        watcher = fleet.watchers[0]
        for number in range(watch.MOST_QUEUED + 10):
            watcher.observe(CALLER, [level(900, name=f"b{number}")])
        await fleet.quiet()
        assert len(fleet.counted) == watch.MOST_QUEUED
        for number in range(watch.MOST_QUEUED + 10):
            watcher.observe(CALLER, [level(900, name=f"b{number}")])
        await fleet.quiet()
    assert len(fleet.counted) == len(set(fleet.counted)) == watch.MOST_QUEUED + 10


async def test_the_memory_is_bounded(url):
    """However many budgets warn, a process remembers so many; the store knows the rest."""
    async with watching(url, None) as fleet:
        watcher = fleet.watchers[0]
        for number in range(watch.MOST_SEEN + 100):
            watcher._remember(level(900, name=f"b{number}"), 1)
    assert len(watcher._seen) == watch.MOST_SEEN


async def test_a_lost_reply_is_asked_for_again(store):
    """A mark whose answer was lost is still ours when asked again, and waits once; another's is not."""
    outbox = Outbox(store, lease_seconds=1)
    for id_, expected in (("a", Told.NOW), ("a", Told.NOW), ("b", Told.BEFORE)):
        assert await outbox.mark(COMPANY_ID, level(900), (80,), id_, b"{}") is expected
    assert await store.execute("HGETALL", f"{SHARD}P") == {b"a": (await store.execute("HGET", f"{SHARD}P", "a"))}
