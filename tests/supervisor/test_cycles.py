"""Cycles are found soon where they are new, at rest also where they are old; beside a crowd old ones wait."""

import subprocess
import sys

import pytest

from gateway.supervisor.cycles import FEW_BLOCKS, MUCH_BLOCKS, is_due

PROGRAM = """
import gc, sys, weakref
from gateway.supervisor.cycles import FEW_BLOCKS, Cycles, settle

class Node:
    pass

def cycle():
    node = Node()
    node.itself = node
    return node, weakref.ref(node)

settle()
cycles = Cycles()
node, new = cycle()
del node
is_new_there = new() is not None
cycles.look_at_new()
is_new_gone = new() is None

node, old = cycle()
cycles.look_at_new()
crowd = [object() for _ in range(FEW_BLOCKS + 1000)]
del node
cycles.look_at_new()
cycles.look()
is_old_there = old() is not None
crowd.clear()
cycles.look()
print(is_new_there, is_new_gone, is_old_there, old() is None)
"""


def test_new_cycles_are_found_and_old_ones_when_the_crowd_has_gone() -> None:
    """In a process of its own: the collector is the process's."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True"] * 4


@pytest.mark.parametrize(
    ("blocks", "alive_blocks", "due"),
    [
        (0, 0, True),
        (-5_000, 0, True),
        (FEW_BLOCKS, 10 * MUCH_BLOCKS, True),
        (FEW_BLOCKS + 1, 0, False),
        (MUCH_BLOCKS + 1, 0, True),
        (MUCH_BLOCKS + 1, -100, True),
        (MUCH_BLOCKS + 1, 1, False),
        (3 * MUCH_BLOCKS, MUCH_BLOCKS, False),
        (3 * MUCH_BLOCKS + 1, MUCH_BLOCKS, True),
    ],
)
def test_everything_is_looked_at_where_it_is_little_or_has_become_far_more(
    blocks: int, alive_blocks: int, due: bool
) -> None:
    """What garbage may take beside a crowd is bounded: by what is alive, and 40 MiB."""
    assert is_due(blocks, alive_blocks) is due
