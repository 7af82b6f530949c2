"""When a worker looks for cycles: often at what is new, at everything rather where that is little.

The rule that matters: while it looks no call goes on. What a look takes grows with what there is to look at: 120 ms
beside a crowd of two thousand clients, and all calls wait for it. No call leaves a cycle, whatever becomes of it
(tests/pipeline/test_garbage.py), so a look finds nothing as a rule, and may be rare beside a crowd.

https://docs.python.org/3.11/library/gc.html
"""

import gc
import sys
import time

THRESHOLDS = (50_000, 1_000, 1_000)
"""By themselves collections come where calls make new objects faster than `Cycles.look` is called, or hardly ever."""
FEW_BLOCKS = 50_000
"""Blocks of memory beyond those at rest that are looked through within 20 ms."""
CROWDED_SECONDS = 120.0
"""How long a look at more than those waits for the next: of a thousand calls it is in the way of one."""
SHARE = 0.001
"""How much of the time may go into looking at everything."""


def settle() -> None:
    """Take all that is there now for what lives as long as the process: it is never looked at again."""
    gc.collect()
    gc.freeze()


class Cycles:
    """Looks for them, in a process that has settled."""

    def __init__(self) -> None:
        gc.set_threshold(*THRESHOLDS)
        self._at_rest = sys.getallocatedblocks()
        self._looked_at = time.monotonic()
        self._took = 0.0

    @staticmethod
    def look_at_new() -> None:
        """Look at what was made since the last look.

        To be called some times a second: Python counts objects made less objects freed, so where clients come and go it
        waits for long, and then has a hundred thousand to look at.
        """
        gc.collect(0)

    def look(self) -> None:
        """Look at everything, if it is time to."""
        began = time.monotonic()
        if is_due(began - self._looked_at, sys.getallocatedblocks() - self._at_rest, self._took):
            gc.collect()
            self._looked_at, self._took = began, time.monotonic() - began


def is_due(since_seconds: float, blocks: int, took_seconds: float) -> bool:
    """Say whether to look at everything: since the last look, blocks beyond those at rest, how long that look took."""
    if blocks > FEW_BLOCKS:
        return since_seconds >= max(CROWDED_SECONDS, took_seconds / SHARE)
    return since_seconds >= min(CROWDED_SECONDS, took_seconds / SHARE)
