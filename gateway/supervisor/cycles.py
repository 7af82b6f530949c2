"""When a worker looks for cycles: often at what is new, at everything only where that is little.

The rule that matters: while it looks no call goes on. What a look takes grows with what there is to look at: 120 ms beside
a crowd of two thousand clients. No call leaves a cycle (tests/pipeline/test_garbage.py), so a look finds nothing as a
rule, and can wait until the crowd has gone, or until so much has come together that some of it may be garbage.

https://docs.python.org/3.11/library/gc.html
"""

import gc
import sys
import time

THRESHOLDS = (50_000, 1_000, 1_000)
"""By themselves collections come where calls make new objects faster than `Cycles.look` is called, or hardly ever."""
FEW_BLOCKS = 50_000
"""Blocks of memory beyond those at rest that are looked through within 20 ms."""
MUCH_BLOCKS = 500_000
"""Some 40 MiB: so much more than twice what was alive may be garbage."""
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
        self._alive = 0
        self._not_before = 0.0

    @staticmethod
    def look_at_new() -> None:
        """Look at what was made since the last look.

        To be called some times a second: Python counts objects made less objects freed, so where clients come and go it
        waits for long, and then has a hundred thousand to look at.
        """
        gc.collect(0)

    def look(self) -> None:
        """Look at everything, if it is time to."""
        began = time.perf_counter()
        if began < self._not_before or not is_due(sys.getallocatedblocks() - self._at_rest, self._alive):
            return
        gc.collect()
        self._alive = sys.getallocatedblocks() - self._at_rest
        self._not_before = began + (time.perf_counter() - began) / SHARE


def is_due(blocks: int, alive_blocks: int) -> bool:
    """Say whether to look at everything; blocks beyond those at rest: now, and those that the last look left."""
    return blocks <= FEW_BLOCKS or blocks > 2 * max(0, alive_blocks) + MUCH_BLOCKS
