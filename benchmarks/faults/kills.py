"""kill -9 of one process or of all, at a random moment; then how long it takes until calls are answered again."""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from random import Random

from benchmarks.faults.calls import Load
from benchmarks.faults.fault import Blow, answered, whole
from benchmarks.faults.site import Gateway, Site, until
from tests.supervisor.processes import is_running, kill

KINDS = (*("worker",) * 3, *("store",) * 2, "store and worker", "fork server", "supervisor", "everything")
"""How often which is killed, in a turn of nine."""

ENDS = frozenset({"supervisor", "everything"})
QUIET_SECONDS = (0.5, 3.0)
LEAVING_SECONDS = 20.0


def sequence(kills: int, dice: Random) -> Sequence[str]:
    """Give the kinds in their order: shuffled by turns, so that the same one does not come too often in a row."""
    kinds: list[str] = []
    while len(kinds) < kills:
        turn = list(KINDS)
        dice.shuffle(turn)
        kinds += turn
    return kinds[:kills]


async def killing(site: Site, load: Load, kinds: Sequence[str], dice: Random) -> list[Blow]:
    """Kill one after the other, each when the gateway has been whole for a moment."""
    done = []
    for number, kind in enumerate(kinds):
        await asyncio.sleep(dice.uniform(*QUIET_SECONDS))
        done.append(await killed(site, load, kind))
        took = done[-1].answered_at - done[-1].at
        print(f"kill {number + 1} of {len(kinds)}: {kind}, answered after {took:.2f} s", file=sys.stderr, flush=True)
    return done


async def killed(site: Site, load: Load, kind: str) -> Blow:
    """Kill once. Raises TimeoutError when service does not come back."""
    gateway = site.gateway
    victims, tree = await asyncio.to_thread(_victims, gateway, kind)
    in_flight, at = len(load.in_flight), time.monotonic()
    for pid in victims:
        kill(pid)
    if kind in ENDS:
        await asyncio.to_thread(gateway.process.wait, LEAVING_SECONDS)
        await asyncio.to_thread(site.start)
    answered_at = await answered(load, f"a kill of {kind}")
    whole_at = await whole(site, f"a kill of {kind}", frozenset(victims))
    left = await asyncio.to_thread(_left_behind, tree) if kind in ENDS else 0
    return Blow(kind, at, answered_at, whole_at, in_flight, left)


def _victims(gateway: Gateway, kind: str) -> tuple[list[int], set[int]]:
    """Give whom to kill, and the whole process tree.

    Of the workers the oldest: a gateway whose workers die young gives up after the sixth, as it should.
    """
    tree = gateway.tree()
    match kind:
        case "worker":
            return gateway.workers_by_age()[:1], tree
        case "store":
            return list(gateway.store_pids()), tree
        case "store and worker":
            return [*gateway.store_pids(), *gateway.workers_by_age()[:1]], tree
        case "fork server":
            return list(gateway.fork_server_pids()), tree
        case "supervisor":
            return [gateway.process.pid], tree
        case _:
            return [gateway.process.pid, *sorted(tree - {gateway.process.pid})], tree


def _left_behind(tree: set[int]) -> int:
    with suppress(TimeoutError):
        until(lambda: not any(map(is_running, tree)), LEAVING_SECONDS, "the end of a dead gateway")
    return sum(map(is_running, tree))
