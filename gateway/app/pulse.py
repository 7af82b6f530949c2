"""What a process feels of itself: how late its event loop is, how many holds are open. Told to the metrics for ever."""

import asyncio

from gateway.journal import Journal
from gateway.pipeline.gateway import Gateway

EVERY_SECONDS = 0.5


async def keep_pulse(gateway: Gateway, journal: Journal) -> None:
    """Sleep, and see how much later than asked the loop came back; holds outlive a reload, and so does this."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_SECONDS
        await asyncio.sleep(EVERY_SECONDS)
        gateway.metrics.loop_lag(max(0.0, loop.time() - due))
        gateway.metrics.holds(gateway.holds.count)
        tell_of_store(gateway, journal)


def tell_of_store(gateway: Gateway, journal: Journal) -> None:
    """Tell the metrics how the store and the journal stand now."""
    gateway.metrics.outages.now(
        breaker=gateway.store.state,
        journal_bytes=journal.size_bytes,
        open_calls=journal.open_calls,
    )
    gateway.metrics.flush()
