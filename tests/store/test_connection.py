"""Commands and scripts over real connections: once, whole, and with one kind of error for a store that is away."""

import asyncio
import gc
import random
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.errors import StoreUnavailable
from gateway.store.connection import MAX_CONNECTIONS, CommandRefused, Script, Store
from tests.store.servers import DURABLE, VALKEY, running

COUNT = Script("return redis.call('INCR', KEYS[1])")


async def test_a_script_is_loaded_when_the_server_does_not_know_it(store):
    """A server that forgot the script (a restart, a failover) gets it again, once, and runs it."""
    assert await store.run(COUNT, ["n"], []) == 1
    await store.execute("SCRIPT FLUSH")
    assert await store.run(COUNT, ["n"], []) == 2
    assert await store.execute("SCRIPT EXISTS", COUNT.sha1) == [True]


async def test_a_script_gets_keys_and_arguments_as_bytes(store):
    """Text travels as UTF-8, numbers in decimal, bytes as they are; the reply is bytes."""
    script = Script("return {KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]}")
    assert await store.run(script, ["k", b"\xff"], ["è", 2**53, b"\x00"]) == [
        b"k",
        b"\xff",
        "è".encode(),
        b"9007199254740992",
        b"\x00",
    ]


async def test_a_pipeline_answers_in_order(store):
    """Several commands in one round trip give their replies in order; none gives none."""
    assert await store.pipeline([("INCR", "a"), ("HSET", "h", "f", 1), ("HGETALL", "h")]) == [1, 1, {b"f": b"1"}]
    assert await store.pipeline([]) == []


async def test_a_pipeline_raises_the_first_error_after_all_commands_ran(store):
    """There is no transaction: the commands around a bad one have run."""
    with pytest.raises(CommandRefused, match="refused a command: WRONGTYPE"):
        await store.pipeline([("SET", "s", "x"), ("HGETALL", "s"), ("INCR", "n")])
    assert await store.execute("GET", "n") == b"1"


@pytest.mark.parametrize(
    "code", ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "OOM", "NOREPLICAS", "BUSY", "MISCONF"]
)
async def test_a_server_in_no_state_to_answer_is_unavailable(store, code):
    """Error replies about the server's state mean that the store is away, from a command and from a pipeline."""
    answer = Script(f"return redis.error_reply('{code} words of the server')")
    with pytest.raises(StoreUnavailable) as away:
        await store.run(answer, [], [])
    assert "words of the server" not in away.value.message
    with pytest.raises(StoreUnavailable):
        await store.pipeline([("EVAL", answer.text, 0)])


@pytest.mark.parametrize("script", ["return redis.error_reply('WRONGTYPE x')", "error('bad')", "not lua"])
async def test_a_refused_script_is_an_error_of_the_program(store, script):
    """An error of the script itself is never taken for an outage."""
    with pytest.raises(CommandRefused, match="the store refused a command"):
        await store.run(Script(script), [], [])


async def test_a_value_that_cannot_be_sent_is_an_error_of_the_program(store):
    """None as an argument is a mistake here, not an outage there."""
    with pytest.raises(CommandRefused):
        await store.execute("SET", "k", None)


async def test_a_lost_reply_does_not_run_a_script_again(valkey_store, valkey_url):
    """When the connection ends after the server ran the script, the caller hears of it and the script ran once."""
    async with proxy(valkey_url, drop=b"EVALSHA") as (url, seen):
        store = Store.connect(url)
        await valkey_store.execute("SCRIPT LOAD", COUNT.text)
        with pytest.raises(StoreUnavailable):
            await store.run(COUNT, ["n"], [])
        await store.ping()
        await store.close()
    assert b"".join(seen).count(b"EVALSHA") == 1
    assert await valkey_store.execute("GET", "n") == b"1"


async def test_silence_is_unavailable_within_the_timeout(valkey_url):
    """A server that reads and never answers is given up, and the command is not sent twice."""
    async with proxy(valkey_url, swallow=b"ECHO") as (url, seen):
        store = Store.connect(url)
        with pytest.raises(StoreUnavailable, match="did not answer in time"):
            await store.execute("ECHO", "x")
        await store.close()
    assert b"".join(seen).count(b"ECHO") == 1


async def test_nothing_but_the_command_is_sent(valkey_url):
    """A connection says no HELLO, no CLIENT SETINFO and no PING of its own, which old servers and ACLs refuse."""
    async with proxy(valkey_url) as (url, seen):
        store = Store.connect(url)
        await store.execute("ECHO", "x")
        await store.execute("ECHO", "x")
        await store.close()
    assert b"".join(seen) == b"*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n" * 2


async def test_a_server_that_is_not_there_is_unavailable(tmp_path):
    """No socket and no listener are the same outage, with when to come back."""
    for url in (f"unix://{tmp_path}/none", "redis://127.0.0.1:1"):
        store = Store.connect(url)
        with pytest.raises(StoreUnavailable, match="the connection failed") as away:
            await store.ping()
        assert away.value.headers == {"Retry-After": "1"}
        await store.close()


async def test_a_refused_password_shows_in_no_error(tmp_path):
    """Neither the message nor the whole chain of causes holds the password or the user."""
    with running(VALKEY, *DURABLE, "--requirepass", "right") as url:
        store = Store.connect(f"{url.replace('unix://', 'unix://somebody@')}?password=hunter2")
        with pytest.raises(StoreUnavailable, match="refuses the credentials") as away:
            await store.ping()
        await store.close()
    shown = "".join(traceback.format_exception(away.value)) + store.address + repr(store)
    assert "hunter2" not in shown
    assert "somebody" not in shown


async def test_random_cancels_never_hand_a_reply_to_another(store):
    """2,000 calls cancelled at random moments, 64 at a time: every reply that arrives is the caller's own."""
    dice = random.Random(43)
    total, at_once, answered = 2_000, 64, []

    async def call(n: int) -> None:
        value = f"caller-{n}".encode()
        assert await store.execute("ECHO", value) == value
        answered.append(n)

    async def hasty_call(n: int) -> None:
        task = asyncio.create_task(call(n))
        for _ in range(dice.randrange(12)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled() or task.exception() is None
        await call(n)

    for first in range(0, total, at_once):
        await asyncio.gather(*(hasty_call(n) for n in range(first, min(first + at_once, total))))
    assert set(answered) == set(range(total))


async def test_who_left_misses_nothing_when_the_store_fails(tmp_path):
    """A command that fails after its caller has left is nobody's forgotten error."""
    forgotten, asked, left = [], asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: forgotten.append(context))

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        asked.set()
        await left.wait()
        writer.close()

    async with await asyncio.start_unix_server(hang_up, tmp_path / "socket"):
        other = Store.connect(f"unix://{tmp_path}/socket")
        call = asyncio.create_task(other.execute("INCR", "n"))
        await asked.wait()
        call.cancel()
        await asyncio.wait({call})
        left.set()
        await other.close()
    del call
    gc.collect()
    assert forgotten == []


async def test_a_cancelled_call_still_happens(store):
    """A command whose caller left is sent and answered all the same, before the store closes."""
    other = Store.connect(store.address)
    calls = [asyncio.create_task(other.execute("INCR", "n")) for _ in range(100)]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    assert all(call.cancelled() for call in calls)
    await other.close()
    assert await store.execute("GET", "n") == b"100"


async def test_calls_share_a_bounded_number_of_connections(store):
    """Many calls at once wait for a connection instead of opening more."""
    await asyncio.gather(*(store.execute("ECHO", "x") for _ in range(500)))
    clients = await store.execute("INFO", "clients")
    assert clients["connected_clients"] <= MAX_CONNECTIONS


async def test_a_closed_store_is_unavailable(valkey_url):
    """Closing waits for what is in flight, and opens nothing again."""
    store = Store.connect(valkey_url)
    last = asyncio.create_task(store.execute("ECHO", "last"))
    await asyncio.sleep(0)
    await store.close()
    assert await last == b"last"
    with pytest.raises(StoreUnavailable):
        await store.ping()


@asynccontextmanager
async def proxy(url: str, *, drop: bytes = b"", swallow: bytes = b"") -> AsyncIterator[tuple[str, list[bytes]]]:
    """Stand between a store and its server, over TCP: gives a URL and what clients sent.

    What holds `drop` reaches the server, and instead of the reply the connection ends; what holds `swallow` does not.
    """
    seen: list[bytes] = []

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(Path(url.removeprefix("unix://")))
        while command := await reader.read(65_536):
            seen.append(command)
            if swallow and swallow in command:
                continue
            server_writer.write(command)
            reply = await server_reader.read(65_536)
            if drop and drop in command:
                break
            writer.write(reply)
        for one in (server_writer, writer):
            one.close()

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        await server.wait_closed()
