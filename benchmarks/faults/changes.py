"""Changes under load: a limit in the file that holds at once, and workers that are restarted in turn."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import ClientSession, TCPConnector

from benchmarks.faults.calls import Load, Made
from benchmarks.faults.site import KEY, Site, until

PROBED = "55555555-5555-4555-8555-000000000001"
PROBES = 20
FORCE_SECONDS = RESTART_SECONDS = 60.0
REFUSED, PASSED = 429, 500


@dataclass(frozen=True, slots=True)
class Change:
    """A reload or a restart: how long until it was in force, calls made meanwhile, and those that failed.

    `wrong` are the calls after it that were not treated as it says, of `PROBES`, each on a new connection.
    """

    kind: str
    seconds: float
    calls: int
    failed: Sequence[Made]
    wrong: int


async def changing(site: Site, load: Load, reloads: int, restarts: int) -> list[Change]:
    """Change a user's limit back and forth, then restart the workers, under load."""
    changes = [await _reloaded(site, load, is_blocked=number % 2 == 0) for number in range(reloads)]
    return changes + [await _restarted(site, load) for _ in range(restarts)]


async def _reloaded(site: Site, load: Load, *, is_blocked: bool) -> Change:
    known, first, began = len(site.gateway.events("reloaded")), len(load.made), time.monotonic()
    quotas = {"daily": 1 if is_blocked else -1}
    site.write(users=[{"id": PROBED, "name": "probed", "company": "acme", "quotas": quotas}])
    await asyncio.to_thread(
        until, lambda: len(site.gateway.events("reloaded")) > known, FORCE_SECONDS, "a changed configuration"
    )
    took = time.monotonic() - began
    statuses = await asyncio.gather(*(_probed(site) for _ in range(PROBES)))
    wanted = REFUSED if is_blocked else PASSED
    return _change("changed limit", took, load, first, sum(status != wanted for status in statuses))


async def _restarted(site: Site, load: Load) -> Change:
    gateway = site.gateway
    known, first, began = len(gateway.events("workers_restarted")), len(load.made), time.monotonic()
    before = gateway.serving_pids()
    gateway.process.send_signal(signal.SIGHUP)
    await asyncio.to_thread(
        until, lambda: len(gateway.events("workers_restarted")) > known, RESTART_SECONDS, "a rolling restart"
    )
    await asyncio.to_thread(until, lambda: len(gateway.serving_pids()) == site.workers, RESTART_SECONDS, "new workers")
    took = time.monotonic() - began
    return _change("rolling restart", took, load, first, len(before & gateway.serving_pids()))


def _change(kind: str, seconds: float, load: Load, first: int, wrong: int) -> Change:
    made = load.made[first:]
    return Change(kind, seconds, len(made), [one for one in made if one.ended and not one.is_well], wrong)


async def _probed(site: Site) -> int:
    """Call for the user whose limit changes; a call that passes is refused by the far end, and so free."""
    headers = {"Authorization": f"Bearer {KEY}", "X-Gateway-User": PROBED}
    body = {"model": f"m:status-{PASSED}", "messages": [{"role": "user", "content": "Call 0000000."}], "max_tokens": 1}
    async with (
        ClientSession(connector=TCPConnector(force_close=True)) as session,
        session.post(f"{site.url}/v1/chat/completions", json=body, headers=headers) as answer,
    ):
        await answer.read()
        return answer.status
