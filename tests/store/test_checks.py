"""Why the gateway does not start on a store: real servers with real wrong settings."""

import asyncio
import traceback
from pathlib import Path

import pytest

from gateway.errors import StoreRefused, StoreUnavailable
from gateway.store import open_store
from gateway.store.checks import check, may_split, problems
from gateway.store.connection import Store
from tests.store.groups import sentinels, serving
from tests.store.servers import DURABLE, REDIS, VALKEY, running

SOUND = {"redis_version": "7.2.4", "role": "master", "maxmemory_policy": "noeviction", "cluster_enabled": 0}


async def refusal(url: str, *, allow_volatile: bool = False) -> str:
    """Give the words with which a start on this store is refused."""
    with pytest.raises(StoreRefused) as refused:
        async with open_store(url, None, allow_volatile=allow_volatile):
            pass
    return str(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, []),
        ({"redis_version": "7.0.0"}, []),
        ({"redis_version": "10.0"}, []),
        ({"redis_version": "6.2.14"}, ["Redis 7.0 or newer"]),
        ({"redis_version": "255.255.255"}, []),
        ({"role": "slave"}, ["replica"]),
        ({"maxmemory_policy": "volatile-lru"}, ["now volatile-lru"]),
        ({"cluster_enabled": 1}, ["redis+cluster://"]),
        ({"role": "slave", "maxmemory_policy": "allkeys-lfu"}, ["replica", "now allkeys-lfu"]),
    ],
)
def test_a_server_is_judged_by_its_info(change, words):
    """Each wrong fact gives one reason, all of them at once."""
    found = problems(SOUND | change)
    assert len(found) == len(words)
    assert all(word in reason for word, reason in zip(words, found, strict=True))


@pytest.mark.parametrize("binary", [VALKEY, REDIS], ids=["valkey", "redis7"])
async def test_a_primary_that_could_split_is_told_of(binary, capsys):
    """One with replicas that goes on without them takes what a failover forgets; it may be meant so."""
    if binary is None:
        pytest.skip("no redis-server on PATH")
    with sentinels(binary, replicas=1) as found:
        for flag, is_told in ((0, True), (1, False)):
            found.primary("CONFIG", "SET", "min-replicas-to-write", flag)
            async with open_store(found.url, Path()):
                assert ("store_may_split" in capsys.readouterr().out) is is_told
    with serving(binary, *DURABLE) as alone:
        assert not may_split(alone.client.info())


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--maxmemory-policy", "allkeys-lru"), "set maxmemory-policy to noeviction (now allkeys-lru)"),
        (("--replicaof", "127.0.0.1", "1"), "it is a replica"),
        (("--appendonly", "no"), "it keeps nothing on disk: set appendonly to yes"),
        (("--appendonly", "no", "--rename-command", "CONFIG", ""), "(CONFIG is forbidden)"),
        (("--rename-command", "EVALSHA", ""), "allow EVALSHA and SCRIPT LOAD"),
        (("--user", "default", "on", "nopass", "~*", "+@all", "-@scripting"), "(NOPERM)"),
        (("--user", "default", "on", "nopass", "~*", "+@all", "-info"), "refuses the command INFO (NOPERM)"),
        (("--user", "default", "on", "nopass", "~{*", "+@all"), "refuses the command TYPE (NOPERM)"),
    ],
)
@pytest.mark.parametrize("binary", [VALKEY, REDIS], ids=["valkey", "redis7"])
async def test_a_wrong_server_is_refused(binary, flags, words):
    """The refusal names the store and says what to change."""
    if binary is None:
        pytest.skip("no redis-server on PATH")
    with running(binary, *DURABLE, *flags) as url:
        said = await refusal(url)
    assert words in said
    assert url in said


async def test_a_volatile_store_can_be_allowed():
    """The override accepts a store without persistence, and nothing else that is wrong."""
    with running(VALKEY, "--save", "") as url:
        async with open_store(url, None, allow_volatile=True) as store:
            await store.execute("CONFIG SET", "maxmemory-policy", "allkeys-lru")
        assert "noeviction" in await refusal(url, allow_volatile=True)


async def test_snapshots_count_as_persistence():
    """Save points without an append-only file are the operator's choice."""
    with running(VALKEY, "--save", "900", "1") as url:
        async with open_store(url, None):
            pass


async def test_a_sound_store_is_signed_once(store):
    """An unused store gets our layout version; the next start finds it; keys of others do not matter."""
    await store.execute("SET", "somebody:else", "x")
    await check(store, allow_volatile=False)
    await store.execute("SET", "{q7}:b:x", "ours")
    await check(store, allow_volatile=False)
    assert await store.execute("GET", "schema") == b"1"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("schema", "2", "its data has layout 2, this gateway knows 1: run the newer gateway"),
        ("schema", "0", "its data has layout 0, this gateway needs 1"),
        ("schema", "public", "its key `schema` is not ours"),
        ("{q7}:b:x", "1", "its data has layout 0, this gateway needs 1"),
    ],
)
async def test_another_layout_is_refused(store, key, value, words):
    """Newer, older, unsigned and foreign data are left as they are."""
    await store.execute("SET", key, value)
    with pytest.raises(StoreRefused) as refused:
        await check(store, allow_volatile=False)
    assert words in str(refused.value)
    assert await store.execute("KEYS", "*") == [key.encode()]


async def test_a_foreign_key_of_another_type_is_refused(store):
    """A `schema` that is no string belongs to another program."""
    await store.execute("HSET", "schema", "a", "b")
    with pytest.raises(StoreRefused, match="its key `schema` is not ours"):
        await check(store, allow_volatile=False)


async def test_unsigned_keys_are_found_among_many(store):
    """One key of ours among a hundred thousand others is enough to refuse."""
    await store.execute("EVAL", "for i = 1, 100000 do redis.call('SET', 'x' .. i, 1) end", 0)
    await store.execute("SET", "{q255}:L", 1)
    with pytest.raises(StoreRefused, match="layout 0"):
        await check(store, allow_volatile=False)


async def test_gateways_that_start_at_once_agree(store):
    """Many first starts on one empty store, each writing as soon as it may, all succeed."""

    async def start(n: int) -> None:
        client = Store.connect(store.address)
        await check(client, allow_volatile=False)
        await client.execute("SET", f"{{q{n}}}:b:x", "1")
        await client.close()

    await asyncio.gather(*(start(n) for n in range(20)))
    assert await store.execute("GET", "schema") == b"1"


async def test_a_store_that_is_away_is_named(tmp_path):
    """At a start the words say which store does not answer."""
    with pytest.raises(StoreUnavailable, match=rf"the connection failed. \(unix://{tmp_path}/none\)"):
        async with open_store(f"unix://{tmp_path}/none", None):
            pass


@pytest.mark.parametrize(
    ("login", "words"),
    [
        ("?password=hunter2", "refuses the user or password"),
        ("", "refuses the user or password"),
        ("?password=swordfish&db=99", "refuses the command INFO (ERR)"),
    ],
)
async def test_a_refused_login_is_refused_without_showing_it(login, words):
    """A wrong password, none, or a database that is not there: said, with no password in the whole chain."""
    with running(VALKEY, *DURABLE, "--requirepass", "swordfish") as url, pytest.raises(StoreRefused) as refused:
        async with open_store(f"{url}{login}", None):
            pass
    assert words in str(refused.value)
    shown = "".join(traceback.format_exception(refused.value))
    assert "hunter2" not in shown
    assert "swordfish" not in shown
