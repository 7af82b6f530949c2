"""However the gateway ends, its server ends too."""

import signal
import subprocess
import sys

import pytest

from gateway.store import watchdog
from gateway.store.directory import is_locked
from gateway.store.embedded import Tie, embedded
from tests.store.servers import TIES, ask, holder, until


@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_a_killed_gateway_leaves_data_and_no_server(tmp_path, tie, end):
    """However its process ends, the server goes too, and every acknowledged number is in the data of the next."""
    async with holder(tmp_path, tie) as (process, _):
        lines = [await process.stdout.readline() for _ in range(20)]
        process.send_signal(end)
        lines += (await process.stdout.read()).splitlines(keepends=True)
    acknowledged = max(int(line) for line in lines if line.endswith(b"\n"))
    await until(lambda: not is_locked(tmp_path))
    async with embedded(tmp_path) as server:
        assert int(await ask(server.url, "GET", "n")) >= acknowledged


async def test_a_server_does_not_outlive_its_killed_watchdog(tmp_path):
    """When the watching process is killed, the gateway ends the server that nobody watches any more."""
    async with embedded(tmp_path, tie=Tie.WATCHED) as server:
        server_pid = (await ask(server.url, "INFO", "server"))["process_id"]
        assert server_pid != server.process.pid
        server.process.kill()
        await server.died.wait()
    await until(lambda: not is_locked(tmp_path))


def test_a_parent_that_is_gone_already_gets_no_server(tmp_path):
    """If the gateway died before the kernel was asked to watch it, the command does not start."""
    command = (sys.executable, "-I", "-S", watchdog.__file__, "kernel", "1", "/bin/sh", "-c", "echo started")
    assert subprocess.run(command, capture_output=True, check=True).stdout == b""
