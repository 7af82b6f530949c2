"""The data directory: one server at a time, private, findable."""

import asyncio
import os
import signal
import stat
import tempfile
from pathlib import Path

import pytest

from gateway.errors import StoreRefused
from gateway.store.directory import is_locked, socket_url
from gateway.store.embedded import Tie, embedded
from tests.store.servers import ask, holder, open_and_count


async def test_only_its_owner_can_read_the_data(tmp_path):
    """Directory, socket, data, log and lock are closed to everybody else."""
    data_dir = tmp_path / "deep" / "data"
    async with embedded(data_dir) as server:
        await ask(server.url, "SET", "k", "v")
        for path in (data_dir, *data_dir.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_a_directory_name_may_hold_anything(tmp_path):
    """Spaces, quotes and percent signs in the path reach the server and the URL whole."""
    data_dir = tmp_path / "a b 'c\" %20 è"
    async with embedded(data_dir) as server:
        await ask(server.url, "SET", "k", "v")
    async with embedded(data_dir) as server:
        assert await ask(server.url, "GET", "k") == b"v"


async def test_a_long_path_gets_a_short_private_socket(tmp_path):
    """Beyond what a socket's name can hold the socket moves to a private directory, which goes away again."""
    data_dir = tmp_path / ("long" * 30)
    async with embedded(data_dir) as server:
        assert await ask(server.url, "PING")
        assert socket_url(data_dir) == server.url
        socket = Path(server.url.removeprefix("unix://"))
        assert socket.is_relative_to(tempfile.gettempdir())
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert not socket.parent.exists()


async def test_a_second_gateway_on_the_directory_is_refused(tmp_path):
    """The refusal names the directory and the process that holds it, and the first one goes on."""
    async with embedded(tmp_path) as server:
        with pytest.raises(StoreRefused, match=f"{tmp_path} is in use by process {os.getpid()}"):
            async with embedded(tmp_path):
                pass
        assert await ask(server.url, "PING")


async def test_others_find_the_server_while_it_runs(tmp_path):
    """A command beside the gateway learns the socket; before and after there is none."""
    assert (is_locked(tmp_path), socket_url(tmp_path)) == (False, None)
    async with embedded(tmp_path) as server:
        assert (is_locked(tmp_path), socket_url(tmp_path)) == (True, server.url)
    assert (is_locked(tmp_path), socket_url(tmp_path)) == (False, None)


async def test_a_new_gateway_waits_for_the_server_of_a_killed_one(tmp_path):
    """A start right after a kill -9 succeeds, and never while the old server is there."""
    async with holder(tmp_path, Tie.WATCHED) as (_, server_pid):
        os.kill(server_pid, signal.SIGSTOP)
    try:
        assert is_locked(tmp_path)
        start = asyncio.create_task(open_and_count(tmp_path))
        await asyncio.wait({start}, timeout=1)
        assert not start.done()
    finally:
        os.kill(server_pid, signal.SIGCONT)
    assert await start >= 0


@pytest.mark.parametrize("kind", ["file", "stale socket"])
async def test_what_lies_in_the_way_is_handled(tmp_path, kind):
    """A stale socket is replaced; a data directory that is a file is refused by name."""
    if kind == "file":
        (tmp_path / "data").write_text("")
        with pytest.raises(StoreRefused, match=f"{tmp_path}/data cannot be used: "):
            async with embedded(tmp_path / "data"):
                pass
    else:
        (tmp_path / "v.sock").write_text("")
        async with embedded(tmp_path) as server:
            assert await ask(server.url, "PING")
