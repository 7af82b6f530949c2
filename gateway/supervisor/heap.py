"""A worker's heap: what was taken for a while goes back to the system.

The rule that matters: memory that a crowd took is the system's again when the crowd has gone. glibc keeps what is free
below the last block in use, and has a heap of its own for each thread, whose free memory no other takes.

Elsewhere than on glibc these settings mean nothing, and nothing is given back here.
"""

import asyncio
import ctypes
from collections.abc import Callable

from gateway.supervisor.cycles import Cycles

SETTINGS = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}
"""One heap for all threads, which hold the interpreter's lock nearly always; blocks of 128 KiB are the system's own."""

EVERY_SECONDS = 10.0
LOOKS = 40
"""How often in that time new objects are looked at."""


def trimmer() -> Callable[[], object]:
    """Give the function that gives free pages back: some milliseconds where there are many, else less than one."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return lambda: None
    trim.argtypes = [ctypes.c_size_t]
    return lambda: trim(0)


async def keep_tidy(cycles: Cycles) -> None:
    """Give back what is free, and what cycles hold of calls that are over; for ever."""
    trim = trimmer()
    while True:
        for _ in range(LOOKS):
            await asyncio.sleep(EVERY_SECONDS / LOOKS)
            cycles.look_at_new()
        cycles.look()
        trim()
