"""What was taken for a while goes back to the system, though something above it stays."""

import os
import platform
import subprocess
import sys

import pytest

from gateway.supervisor.heap import SETTINGS

TAKEN_MIB = 64
PROGRAM = f"""
import os
from gateway.supervisor.heap import trimmer
def rss_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
trim = trimmer()
before = rss_mib()
blocks = [bytes([1]) * 8192 for _ in range({TAKEN_MIB << 20} // 8192)]
taken = rss_mib()
stays = blocks[-1]
blocks.clear()
free = rss_mib()
trim()
print(taken - before, free - before, rss_mib() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators give back by themselves, or never")
def test_free_memory_below_a_block_in_use_is_given_back() -> None:
    """Under a worker's settings."""
    environment = {**os.environ, **SETTINGS}
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=environment)
    taken, free, trimmed = map(float, run.stdout.split())
    assert taken > TAKEN_MIB / 2
    assert free > TAKEN_MIB / 2  # else there is nothing to show
    assert trimmed < TAKEN_MIB / 4
