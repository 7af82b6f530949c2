"""Failovers in small: what the lost server acknowledged alone is brought to the next one, to the token."""

import socket
import sys

import pytest

from benchmarks.faults.failover import NodeDeath, SplitBrain
from benchmarks.faults.network import network
from benchmarks.faults.single import Size, run_alone
from tests.store.groups import HOST, serving
from tests.store.servers import VALKEY

pytestmark = [
    pytest.mark.xdist_group("supervisor"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads the process tree from /proc"),
]

ONCE = Size(seed=5, calls=40, workers=2, callers=8)


@pytest.mark.timeout(240)
async def test_a_split_brain_loses_no_charge() -> None:
    """A primary that is cut off goes on taking charges, which its successor never saw: each is charged there, once."""
    found = await run_alone(SplitBrain(), ONCE)
    assert list(found.broken()) == []
    assert found.hits > 0
    assert found.books.true_tokens > 0


@pytest.mark.timeout(240)
async def test_the_death_of_a_clusters_server_loses_no_charge() -> None:
    """The primary of the shard in use is killed, its replica takes over, the dead one returns: the books are right."""
    found = await run_alone(NodeDeath(), ONCE)
    assert list(found.broken()) == []
    assert found.blows
    assert found.books.true_tokens > 0


def test_a_shut_door_keeps_peers_out_and_nobody_else() -> None:
    """What peers say behind a shut door is answered when it opens; others are answered at once."""
    with network() as doors, serving(VALKEY) as server:
        door = doors.door()
        door.target = server.port
        with _caller("127.0.0.2", door.port) as peer, _caller("127.0.0.1", door.port) as other:
            assert _answer(peer) == b"+PONG\r\n"
            door.shut()
            assert _answer(other) == b"+PONG\r\n"
            peer.settimeout(0.3)
            with pytest.raises(TimeoutError):
                _answer(peer)
            door.open()
            peer.settimeout(10)
            assert peer.recv(64) == b"+PONG\r\n"


def _caller(own: str, port: int) -> socket.socket:
    return socket.create_connection((HOST, port), timeout=10, source_address=(own, 0))


def _answer(caller: socket.socket) -> bytes:
    caller.sendall(b"PING\r\n")
    return caller.recv(64)
