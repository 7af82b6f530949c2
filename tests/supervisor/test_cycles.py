"""Cycles are found soon where they are new, at rest also where they are old; beside a crowd old ones wait."""

import subprocess
import sys

import pytest

from gateway.supervisor.cycles import CROWDED_SECONDS, FEW_BLOCKS, is_due

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
    ("since_seconds", "blocks", "took_seconds", "due"),
    [
        (0, 0, 0, True),
        (10, -5_000, 0.01, True),
        (10, FEW_BLOCKS, 0.011, False),
        (CROWDED_SECONDS, FEW_BLOCKS, 10, True),
        (CROWDED_SECONDS - 1, FEW_BLOCKS + 1, 0.001, False),
        (CROWDED_SECONDS, FEW_BLOCKS + 1, 0.001, True),
        (CROWDED_SECONDS, FEW_BLOCKS + 1, 0.3, False),
        (300, FEW_BLOCKS + 1, 0.3, True),
    ],
)
def test_everything_is_looked_at_soon_where_it_is_little_and_now_and_then_in_a_crowd(
    since_seconds: float, blocks: int, took_seconds: float, due: bool
) -> None:
    """The first look after a crowd comes two minutes after the last at the latest, however long that took."""
    assert is_due(since_seconds, blocks, took_seconds) is due
