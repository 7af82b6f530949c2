"""Scripts on a pipelined connection: in order, once, and never the reply of another."""

import asyncio
import random

import pytest

from gateway.errors import StoreUnavailable
from gateway.store.address import parse_address
from gateway.store.pipe import Pipe, Script
from tests.store.servers import DURABLE, VALKEY, running
from tests.store.test_connection import proxy

COUNT = Script("return redis.call('INCR', KEYS[1])")
ECHO = Script("return ARGV[1]")


async def test_replies_belong_to_their_commands(valkey_url):
    """2,000 scripts at once on one connection, a third of them given up at random: every reply is the caller's own."""
    pipe = Pipe(parse_address(valkey_url))
    dice = random.Random(7)

    async def call(n: int) -> None:
        reply = pipe.run(ECHO, [], [n])
        if dice.random() < 0.3:
            await asyncio.sleep(0)
            reply.cancel()
            return
        assert await reply == str(n).encode()

    await asyncio.gather(*(call(n) for n in range(2_000)))
    assert pipe.waiting == 0
    await pipe.close()


async def test_what_was_given_up_still_happens(valkey_store, valkey_url):
    """A script whose caller left is sent and answered all the same, before the connection closes."""
    pipe = Pipe(parse_address(valkey_url))
    for _ in range(100):
        pipe.run(COUNT, ["n"], []).cancel()
    await pipe.close()
    assert await valkey_store.execute("GET", "n") == b"100"


async def test_a_late_reply_ends_its_connection(valkey_store, valkey_url):
    """What waits fails within the timeout, is not sent again, and the next script travels on a new connection."""
    await valkey_store.execute("SCRIPT LOAD", COUNT.text)
    async with proxy(valkey_url, swallow=b"late") as (url, seen):
        pipe = Pipe(parse_address(url))
        assert await pipe.run(COUNT, ["n"], []) == 1
        late = [pipe.run(COUNT, ["late"], []), pipe.run(COUNT, ["late"], [])]
        for reply in late:
            with pytest.raises(StoreUnavailable, match="did not answer in time"):
                await reply
        assert await pipe.run(COUNT, ["n"], []) == 2
        await pipe.close()
    assert b"".join(seen).count(b"late") == 2
    assert await valkey_store.execute("EXISTS", "late") == 0


async def test_the_url_says_who_and_where():
    """Password and database of the URL hold for scripts too."""
    with running(VALKEY, *DURABLE, "--requirepass", "right") as url:
        pipe = Pipe(parse_address(f"{url}?password=right&db=3"))
        assert await pipe.run(COUNT, ["n"], []) == 1
        assert await pipe.run(Script("return redis.call('SELECT', 0) and redis.call('EXISTS', 'n')"), [], []) == 0
        await pipe.close()


@pytest.mark.parametrize(("query", "why"), [("?password=wrong", "credentials"), ("", "credentials")])
async def test_a_refused_login_is_an_outage(query, why):
    """A wrong password, or none where one is needed, tells nothing but that; nothing ran."""
    with running(VALKEY, *DURABLE, "--requirepass", "right") as url:
        pipe = Pipe(parse_address(url + query))
        with pytest.raises(StoreUnavailable, match=why) as away:
            await pipe.run(COUNT, ["n"], [])
        assert "wrong" not in repr(away.value) + str(away.value.__cause__)
        await pipe.close()


async def test_a_server_that_is_not_there_fails_all_who_wait(tmp_path):
    """Everything queued for a connection that cannot be made fails, each with an error of its own."""
    pipe = Pipe(parse_address(f"unix://{tmp_path}/none"))
    failures = await asyncio.gather(*(pipe.run(ECHO, [], [n]) for n in range(3)), return_exceptions=True)
    assert [type(failure) for failure in failures] == [StoreUnavailable] * 3
    assert len({id(failure) for failure in failures}) == 3
    await pipe.close()
