"""Another configuration while budgets are watched: its thresholds count at once, its webhook gets what waits."""

import asyncio

import pytest

from gateway.config.value import WarningsConfig, Webhook
from gateway.model import Secret
from gateway.store.connection import Store
from tests.store.servers import until
from tests.warnings.receiving import CALLER, SECRET, Fleet, Receiver, level, receiving, watching

ALL = (80, 95, 100)


@pytest.fixture
async def url(valkey_store: Store, valkey_url: str) -> str:
    """Give the URL of an empty store."""
    return valkey_url


def told_by(receiver: Receiver | None, *thresholds: int) -> WarningsConfig:
    """Give settings with this webhook and these thresholds."""
    webhook = None if receiver is None else Webhook(Secret(receiver.url), Secret(SECRET), 1)
    return WarningsConfig(thresholds or ALL, webhook)


def see(fleet: Fleet, used: int, name: str = "company") -> None:
    """Let the first watcher see a budget of 1,000."""
    fleet.watchers[0].observe(CALLER, [level(used, name=name)])


async def test_other_thresholds_count_from_the_next_call_on(url):
    """A lower one warns of a budget that was below the old ones; what was told before is not told again."""
    async with receiving() as receiver, watching(url, receiver.url) as fleet:
        see(fleet, 600)
        see(fleet, 820, "other")
        await fleet.quiet()
        fleet.watchers[0].follow(told_by(receiver, 50, 80))
        see(fleet, 600)
        see(fleet, 820, "other")
        await fleet.quiet()
        see(fleet, 960, "other")
        await fleet.quiet()
    assert fleet.counted == [("other", 80), ("company", 50)]
    assert [(event["budget"], event["threshold"]) for event in receiver.accepted] == fleet.counted


async def test_no_thresholds_warn_of_nothing(url):
    """`thresholds: []` is never, from the next call on."""
    async with receiving() as receiver, watching(url, receiver.url) as fleet:
        fleet.watchers[0].follow(WarningsConfig((), told_by(receiver).webhook))
        see(fleet, 1000)
        await fleet.quiet()
    assert (fleet.counted, receiver.posts) == ([], [])


async def test_another_webhook_gets_what_the_old_one_did_not_take(url):
    """The old one refuses; once there is another, the same warning goes there, and later ones do."""
    async with receiving(*[500] * 50) as old, receiving() as new, watching(url, old.url, sweep_seconds=0.05) as fleet:
        see(fleet, 800)
        await until(lambda: old.posts)
        fleet.watchers[0].follow(told_by(new))
        see(fleet, 950)
        await fleet.quiet()
        before = len(old.posts)
        see(fleet, 1000)
        await fleet.quiet()
    assert sorted(new.thresholds) == [80, 95, 100]
    assert len(old.posts) == before
    assert set(old.ids) <= set(new.ids)


async def test_a_post_under_way_ends_before_another_webhook_is_told(url):
    """The old one takes its time to accept: it is not cut off, and nobody else hears of that warning."""
    async with receiving(1) as old, receiving() as new, watching(url, old.url, timeout_seconds=60) as fleet:
        see(fleet, 800)
        await until(lambda: old.posts)
        fleet.watchers[0].follow(told_by(new))
        see(fleet, 950)
        await until(lambda: fleet.counted == [("company", 80), ("company", 95)])
        assert new.posts == []
        old.may_answer.set()
        await fleet.quiet()
    assert (old.thresholds, new.thresholds) == ([80], [95])


async def test_without_a_webhook_warnings_are_in_the_log_only(url):
    """One that is taken away hears nothing more; one that comes later hears what it is there for."""
    async with receiving() as receiver, watching(url, receiver.url) as fleet:
        fleet.watchers[0].follow(told_by(None))
        see(fleet, 800)
        await until(lambda: fleet.counted == [("company", 80)])
        await asyncio.sleep(0)
        fleet.watchers[0].follow(told_by(receiver))
        see(fleet, 950)
        await fleet.quiet()
    assert receiver.thresholds == [95]
