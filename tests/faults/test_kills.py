"""What is promised under faults, in small: a real gateway under load, its processes killed and its workers changed."""

import sys
from random import Random

import pytest

from benchmarks.faults.kills import KINDS, sequence
from benchmarks.faults.report import table
from benchmarks.faults.run import run

pytestmark = [
    pytest.mark.xdist_group("supervisor"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads the process tree from /proc"),
]

SEED = 24
KILLS = 6


@pytest.mark.timeout(300)
async def test_nothing_is_lost_or_doubled_when_processes_are_killed() -> None:
    """Each kind of process is killed, a limit changed, workers restarted: every promise holds for every single call."""
    found = await run(kills=KILLS, seed=SEED, workers=2, callers=6, reloads=2, restarts=1)
    assert list(found.broken()) == []
    assert {kill.kind for kill in found.kills} == set(KINDS)
    assert {change.kind for change in found.changes} == {"changed limit", "rolling restart"}
    assert found.books.true_tokens > 0
    assert f"| kills | {KILLS} |" in table(found)


def test_a_seed_says_what_is_killed() -> None:
    """The same seed gives the same kinds in the same order, each turn all of them."""
    kinds = sequence(20, Random(SEED))
    assert kinds == sequence(20, Random(SEED))
    assert sorted(kinds[: len(KINDS)]) == sorted(KINDS)
