"""One fault of its own: the site where it happens, and one blow of it under load.

The rule that matters: whatever the blow is, it is over when a new call is answered and every process is there again;
the books are read afterwards, and their tolerance knows only whether a call was under way at a blow.
"""

import asyncio
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from random import Random
from typing import Protocol

from benchmarks.faults.calls import Load
from benchmarks.faults.site import Site, until

BACK_SECONDS = 120.0
PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Blow:
    """One blow, in seconds of the monotonic clock.

    `answered_at`: a new call was answered; `whole_at`: everything was there again. `left_behind` are processes of a
    gateway whose supervisor was killed that were there long afterwards. `hits` is how often it did what it does, such
    as losing an answer. `spares_gateway`: none of its processes died, so that what came to it is charged to the token.
    """

    kind: str
    at: float
    answered_at: float
    whole_at: float
    in_flight: int
    left_behind: int = 0
    hits: int = 1
    spares_gateway: bool = False


class Fault(Protocol):
    """A kind of fault. `name` is what `--fault` takes: lower case and hyphens; `title` is what the table shows."""

    name: str
    title: str

    def opened(self, workers: int) -> AbstractContextManager[Site]:
        """Give a site of its own, with whatever store and network the fault needs; nothing is left afterwards."""
        ...

    async def strike(self, site: Site, load: Load, dice: Random) -> Blow:
        """Do it once, until service is back. Raises TimeoutError when it does not come back."""
        ...


async def answered(load: Load, what: str, in_a_row: int = 1) -> float:
    """Wait until so many new calls in a row are answered; gives when the first of all was. Raises TimeoutError."""
    deadline = time.monotonic() + BACK_SECONDS
    first_at, well = 0.0, 0
    while well < in_a_row:
        if await load.probe() == 200:
            first_at, well = first_at or time.monotonic(), well + 1
            continue
        well = 0
        await asyncio.sleep(PAUSE_SECONDS)
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {what}: no service")
    return first_at


async def whole(site: Site, what: str, victims: frozenset[int] = frozenset()) -> float:
    """Wait until every process is there that should be, none of them a victim; gives when. Raises TimeoutError."""
    await asyncio.to_thread(until, lambda: site.is_whole(victims), BACK_SECONDS, f"after {what}")
    return time.monotonic()
