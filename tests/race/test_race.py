"""Budgets hold under concurrency, over HTTP, against what the far end really served."""

from pathlib import Path

import pytest

from gateway.store.connection import Store
from tests.gateways import PROVIDER_SECRET, Limits, gateway_running
from tests.provider.process import provider_process
from tests.race import rig

COMPANY_TOKENS = 150_000
USER_TOKENS = 22_000


@pytest.mark.parametrize("callers", [64, 256])
@pytest.mark.timeout(180)
async def test_no_overshoot(callers: int, valkey_store: Store, tmp_path: Path) -> None:
    """At no sample is used + held above a limit; used is what the far end served; 99 % of the budget was usable."""
    limits = Limits(company_tokens=COMPANY_TOKENS, daily=USER_TOKENS)
    race, used, served = await _race(callers, limits, valkey_store, tmp_path, bounded=1)
    assert used == served
    assert used >= 0.99 * COMPANY_TOKENS
    assert race.highest["user-daily"] > USER_TOKENS / 2


@pytest.mark.timeout(180)
async def test_no_overshoot_while_holds_grow(valkey_store: Store, tmp_path: Path) -> None:
    """Streams whose holds grow overshoot by a tranche each at most; one that is cut is charged for what was served.

    The far end sends faster than a hold of 32 tokens can grow, as no model does: what has arrived is charged.
    """
    callers, tranche = 64, 32
    limits = Limits(company_tokens=COMPANY_TOKENS, daily=USER_TOKENS, tranche_tokens=tranche)
    _, used, served = await _race(
        callers, limits, valkey_store, tmp_path, bounded=0.5, overrun_tokens=callers * tranche
    )
    assert used >= served


async def _race(
    callers: int, limits: Limits, store: Store, directory: Path, *, bounded: float, overrun_tokens: int = 0
) -> tuple[rig.Race, int, int]:
    async with (
        provider_process(PROVIDER_SECRET) as far,
        gateway_running(store, directory, far.base_url, limits) as client,
    ):
        race = await rig.run(client, callers, bounded=bounded)
        used, held = await client.company()
        totals = await far.settled()
    assert race.highest["company"] <= limits.company_tokens + overrun_tokens
    assert race.highest["user-daily"] <= limits.daily + overrun_tokens
    assert (held, used <= limits.company_tokens + overrun_tokens) == (0, True)
    assert race.samples > 0
    assert min(race.answers["stream"], race.answers["whole"], race.answers["budget_exceeded"]) > 0
    return race, used, totals["prompt_tokens"] + totals["completion_tokens"]
