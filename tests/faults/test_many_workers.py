"""The race through the real gateway with several workers, against what the far end served."""

import sys

import pytest

from benchmarks.faults import race

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
