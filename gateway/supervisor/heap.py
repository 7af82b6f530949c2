"""A worker's heap: what was taken for a while goes back to the system.

The rule that matters: memory that a crowd took is the system's again when the crowd has gone. glibc keeps what is free
below the last block in use, and has a heap of its own for each thread, whose free memory no other takes.

Elsewhere than on glibc these settings mean nothing, and nothing is given back here.
"""

import asyncio
import ctypes
import gc
import time
from collections.abc import Callable

SETTINGS = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}
"""One heap for all threads, which hold the interpreter's lock nearly always; blocks of 128 KiB are the system's own."""

EVERY_SECONDS = 10.0
COLLECTING_SHARE = 0.001
"""How much of the time may go into looking for cycles: a moment where little is alive, 30 ms beside a crowd."""


def trimmer() -> Callable[[], object]:
    """Give the function that gives free pages back: some milliseconds where there are many, else less than one."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return lambda: None
    trim.argtypes = [ctypes.c_size_t]
    return lambda: trim(0)


async def keep_tidy() -> None:
    """Give back what is free, and what cycles hold of calls that are over; for ever.

    The collector by itself looks at what has lived for a while only after so much more has been made that a quiet
    worker never comes there.
    """
    trim, clock = trimmer(), time.perf_counter
    collect_at = 0.0
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        began = clock()
        if began >= collect_at:
            gc.collect()
            collect_at = began + (clock() - began) / COLLECTING_SHARE
        trim()
