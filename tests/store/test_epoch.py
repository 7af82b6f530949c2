"""Epochs: another process or another history behind the store is told, and nothing old speaks for it."""

import asyncio

import pytest

from gateway.errors import StoreUnavailable
from gateway.store.connection import Script, Store
from gateway.store.embedded import embedded
from gateway.store.epoch import joined, read_greeting
from tests.store.test_connection import proxy

COUNT = Script("return redis.call('INCR', KEYS[1])")


def test_a_greeting_is_read():
    """The epoch is the process and the history of its data; the role says whether writes may go there."""
    info = b"# Server\r\nrun_id:abc\r\n# Replication\r\nrole:master\r\nmaster_replid:def\r\n"
    greeting = read_greeting(info)
    assert (greeting.epoch, greeting.is_primary) == ("abc-def", True)
    assert not read_greeting(info.replace(b"master\r", b"slave\r")).is_primary
    assert read_greeting(info.replace(b"abc", b"xyz")).epoch != greeting.epoch


def test_the_epoch_of_a_cluster_has_no_order():
    """It is that of its nodes, whichever was met first; nodes not met yet have none."""
    assert joined(["b", "", "a"]) == joined(["a", "b"]) != joined(["a"])


async def test_a_restarted_server_is_another_epoch(tmp_path):
    """The same data in another process: told once, before anything it acknowledges."""
    told: list[str] = []
    async with embedded(tmp_path) as server:
        store = Store.connect(server.url)
        store.on_new_epoch.append(told.append)
        assert store.epoch == ""
        await asyncio.gather(*(store.run(COUNT, ["n"], []) for _ in range(10)))
        first = store.epoch
        assert told == [first]
    async with embedded(tmp_path):
        replies = [store.submit(COUNT, ["n"], []) for _ in range(10)]
        seen = [(await reply, store.epoch) for reply in replies]
    await store.close()
    assert sorted(count for count, _ in seen) == list(range(11, 21))
    assert {epoch for _, epoch in seen} == {told[1]}
    assert told[1] != first
    assert len(told) == 2


async def test_a_store_that_only_lost_its_connection_is_the_same(valkey_store, valkey_url):
    """A cut connection to a server that lives on is no new epoch."""
    async with proxy(valkey_url, drop=b"cut") as (url, _):
        store = Store.connect(url)
        told: list[str] = []
        store.on_new_epoch.append(told.append)
        assert await store.run(COUNT, ["n"], []) == 1
        with pytest.raises(StoreUnavailable):
            await store.run(COUNT, ["cut"], [])
        assert await store.run(COUNT, ["n"], []) == 2
        await store.close()
    assert len(told) == 1
