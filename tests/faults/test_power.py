"""A power cut takes what was not synced, and nothing that was."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.faults.power import Lengths, end_of, mark
from tests.store.restartable import Restartable, restartable
from tests.store.servers import ask, until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Restartable]:
    """Give a Valkey that syncs its file every second."""
    with restartable(tmp_path / "store", "everysec") as running:
        yield running


async def test_only_what_is_behind_a_mark_is_forgotten(server: Restartable) -> None:
    """What was answered before the mark is there, and what was written after it is not."""
    await ask(server.url, "SET", "before", 1)
    await mark(server, 1)
    await mark(server, 2)
    await ask(server.url, "SET", "after", 1)
    server.kill()
    appended = server.appended()
    size = end_of(2, appended)
    assert b"after" in appended[size:]
    assert end_of(1, appended) < size
    server.cut(size)
    server.start()
    assert await ask(server.url, "GET", "before") == b"1"
    assert await ask(server.url, "GET", "after") is None


async def test_the_length_of_a_file_is_known_for_every_moment(server: Restartable) -> None:
    """Before a write it is shorter than after it."""
    lengths = Lengths(server)
    async with lengths.kept():
        await ask(server.url, "SET", "before", 1)
        await until(lambda: lengths.at(time.monotonic()) > 0)
        moment, length = time.monotonic(), lengths.at(time.monotonic())
        await ask(server.url, "SET", "after", "x" * 1000)
        await until(lambda: lengths.at(time.monotonic()) > length + 1000)
    assert lengths.at(moment) == length
    assert lengths.at(0.0) <= length


def test_a_mark_that_is_not_there_is_not_made_up() -> None:
    """The file does not have what it should have: that is a fault of the run."""
    with pytest.raises(ValueError, match="not found"):
        end_of(7, b"*3\r\n$3\r\nSET\r\n")
