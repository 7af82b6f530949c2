"""The race through the real gateway with several workers, against what the far end served."""

import sys

import pytest

from benchmarks.faults import matrix, race
from benchmarks.faults.rivals import rivals
from benchmarks.faults.topology import StoreKind
from gateway.store.shards import prefix
from gateway.store.slots import SLOTS, slot_of_key

pytestmark = [
    pytest.mark.xdist_group("supervisor"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads the process tree from /proc"),
]


@pytest.mark.timeout(180)
async def test_workers_do_not_overshoot_together() -> None:
    """No budget goes over at any sample, each is charged what was served, and nearly all of it was usable."""
    found = await race.run(workers=4, callers=100, company_tokens=45_000, user_tokens=15_000)
    assert {row.budget for row in found.rows} == {"company", "user-daily"}
    for row in found.rows:
        assert (row.overshoot, row.held, row.used) == (0, 0, row.served)
        assert row.highest <= row.limit
        assert row.used >= 0.99 * row.limit
    assert set(found.answers) <= {"served", "busy", "spent"}
    assert found.samples > 0


@pytest.mark.timeout(180)
async def test_nobody_overshoots_in_a_cluster() -> None:
    """Companies on all servers of a cluster, each with its own limits, raced at once by two workers: none goes over."""
    found = await race.run(
        workers=2, callers=60, store=StoreKind.CLUSTER, companies=3, company_tokens=9_000, user_tokens=3_000
    )
    assert [row.company for row in found.rows] == [0, 0, 1, 1, 2, 2]
    assert list(matrix.broken([found])) == []
    assert sum(row.naive_overshoot for row in found.rows) > 0
    assert found.samples > 0
    assert found.answers["served"] > 0
    assert found.failed == 0


def test_rivals_are_on_all_servers_of_a_cluster() -> None:
    """Of six companies, two live in each third of the slots, and no two are the same."""
    six = rivals(6)
    places = [slot_of_key(prefix(one.company)) * 3 // SLOTS for one in six]
    assert places == [0, 1, 2, 0, 1, 2]
    assert len({prefix(one.company) for one in six}) == 6
    assert len({user for one in six for user in (one.bounded, one.free)}) == 12


def _row(**changes: int) -> race.Row:
    fields = {"company": 0, "limit": 1000, "served": 1000, "used": 1000, "held": 0, "highest": 1000, "naive": 1500}
    fields["left_above"] = 500
    return race.Row(budget="company", **(fields | changes))


@pytest.mark.parametrize(
    ("row", "is_held_to"),
    [
        (_row(), True),
        (_row(served=990, used=990), True),
        (_row(served=989, used=989), False),
        (_row(served=1001, used=1001), False),
        (_row(highest=1001), False),
        (_row(served=995), False),
        (_row(held=1), False),
        (_row(served=900, used=900, left_above=0), True),
        (_row(served=900, used=900, left_above=10), False),
        (_row(served=900, used=900, left_above=9), True),
    ],
)
def test_a_race_is_judged_by_what_was_served(row: race.Row, *, is_held_to: bool) -> None:
    """A limit that was passed, a wrong charge, a hold that stayed, or more than 1 % that nobody could use."""
    assert row.is_held_to is is_held_to
    assert row.naive_overshoot == 500
