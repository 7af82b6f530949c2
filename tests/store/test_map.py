"""Which map of a cluster is believed when its servers give several: one that is cut off keeps giving an old one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from gateway.store.connection import Store
from gateway.store.slots import SLOTS, most_given
from tests.store.servers import until

LAST = SLOTS - 1
HALF = SLOTS // 2


class Said:
    """What one server answers: `map` to CLUSTER SLOTS, counted by `asked`; PONG to anything else."""

    def __init__(self) -> None:
        self.port = 0
        self.asked = 0
        self.map: Sequence[tuple[int, int, int]] = ()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, on which one command is sent at a time."""
        while heard := await reader.read(1 << 16):
            if b"SLOTS" in heard:
                self.asked += 1
                rows = "".join(
                    f"*3\r\n:{first}\r\n:{last}\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n"
                    for first, last, port in self.map
                )
                writer.write(f"*{len(self.map)}\r\n{rows}".encode())
            else:
                writer.write(b"+PONG\r\n")
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def saying(count: int) -> AsyncIterator[list[Said]]:
    """Give servers that say what a test has them say."""
    servers = [Said() for _ in range(count)]
    listeners = []
    for one in servers:
        listeners.append(await asyncio.start_server(one.serve, "127.0.0.1", 0))
        one.port = listeners[-1].sockets[0].getsockname()[1]
    try:
        yield servers
    finally:
        for listener in listeners:
            listener.close()


async def test_one_that_is_cut_off_changes_nothing() -> None:
    """Its map is the old one, the others agree on a new one: that is taken once, and its parts stay the same."""
    async with saying(3) as servers:
        a, b, cut_off = servers
        old = [(0, HALF, a.port), (HALF + 1, LAST, cut_off.port)]
        new = [(0, HALF, a.port), (HALF + 1, LAST, b.port)]
        for one in servers:
            one.map = old
        store = Store.connect("redis+cluster://" + ",".join(f"127.0.0.1:{one.port}" for one in servers))
        await store.nodes()
        before = set(store.parts())
        a.map = b.map = new
        store._route.seek()
        await until(lambda: {part.name for part in store.parts()} != {part.name for part in before})
        parts = set(store.parts())
        assert any(str(b.port) in part.name for part in parts)
        assert not any(str(cut_off.port) in part.name for part in parts)
        asked = cut_off.asked
        while cut_off.asked < asked + 4:  # it is asked on, as long as they do not agree
            assert set(store.parts()) == parts
            await asyncio.sleep(0.01)
        cut_off.map = new
        await until(lambda: store._route._task is None)
        assert set(store.parts()) == parts
        await store.close()


def test_most_decide_and_the_present_one_stays_in_a_tie() -> None:
    """Without an answer too; of maps that are both new, the first."""
    one, two, three = (((0, LAST, (host, 1)),) for host in "abc")
    assert most_given({}, one) == one
    assert most_given({one: 1, two: 2}, one) == two
    assert most_given({two: 1, one: 1}, one) == one
    assert most_given({two: 1, three: 1}, one) == two
    assert most_given({two: 1, three: 1}, ()) == two
