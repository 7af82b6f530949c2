"""The wire does what it is told, to a real store: so that a run which finds nothing has looked."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from redis import Redis
from redis.exceptions import RedisError

from benchmarks.faults.wire import Mode, Wire, wired
from tests.store.restartable import Restartable, restartable
from tests.store.servers import ask, until

COUNT = "return redis.call('INCR', 'n')"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Restartable]:
    """Give a Valkey."""
    with restartable(tmp_path / "store") as running:
        yield running


@pytest.fixture
def wire(server: Restartable) -> Iterator[Wire]:
    """Give a wire to it."""
    with wired(server.socket) as running:
        yield running


@pytest.fixture
def client(wire: Wire) -> Iterator[Redis]:
    """Give an operator's client at the wire's near end, which asks once."""
    with Redis("127.0.0.1", wire.port, socket_timeout=0.5, retry=None, protocol=2) as made:
        yield made


Counted = Callable[[], Awaitable[int]]


@pytest.fixture
def counted(server: Restartable) -> Counted:
    """Give what the script has counted, past the wire."""

    async def read() -> int:
        return int(await ask(server.url, "GET", "n") or 0)

    return read


async def test_a_lost_answer_is_that_of_a_script_that_ran(wire: Wire, client: Redis, counted: Counted) -> None:
    """The store counts, the client hears nothing, and other connections still answer."""
    sha1 = client.script_load(COUNT)
    wire.become(Mode.LOSE, Random(1))
    with pytest.raises(RedisError):
        client.evalsha(sha1, 0)
    assert client.ping()
    wire.become(Mode.PASS)
    assert (await counted(), wire.hits) == (1, 1)
    assert client.evalsha(sha1, 0) == 2


async def test_a_connection_breaks_before_the_answer_of_a_script(wire: Wire, client: Redis, counted: Counted) -> None:
    """Each time that it is asked again."""
    sha1 = client.script_load(COUNT)
    wire.become(Mode.BREAK, Random(1))
    for _ in range(3):
        with pytest.raises(RedisError):
            client.evalsha(sha1, 0)
    assert (await counted(), wire.hits) == (3, 3)


async def test_a_script_is_sent_again(wire: Wire, client: Redis, counted: Counted) -> None:
    """As often as was drawn, with its own arguments; plain commands are not."""
    sha1 = client.script_load(COUNT)
    wire.become(Mode.REPEAT, Random(1))
    for number in range(1, 4):
        assert client.evalsha(sha1, 0) >= number
        client.incr("other")
    wire.become(Mode.PASS)
    await until(lambda: not wire.repeating)
    assert await counted() == 3 + wire.hits
    assert wire.hits >= 3
    assert client.get("other") == b"3"


async def test_what_is_late_keeps_its_order_and_arrives_without_its_sender(
    wire: Wire, client: Redis, server: Restartable
) -> None:
    """A client that gave up has still asked."""
    client.ping()
    wire.become(Mode.LATE, Random(1))
    with client.pipeline(transaction=False) as pipe:
        for number in range(20):
            pipe.rpush("order", number)
        with pytest.raises(RedisError):
            pipe.execute()
    wire.become(Mode.PASS)
    while not await ask(server.url, "EXISTS", "order"):  # noqa: ASYNC110 - another process sets no event
        await asyncio.sleep(0.05)
    assert await ask(server.url, "LRANGE", "order", 0, -1) == [b"%d" % number for number in range(20)]


async def test_a_wire_can_be_cut(wire: Wire, client: Redis) -> None:
    """Whoever was connected has to come again, and can."""
    client.ping()
    assert len(wire.lines) == 1
    wire.cut()
    await until(lambda: not wire.lines)
    assert client.ping()
