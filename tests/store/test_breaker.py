"""The breaker alone, by a clock that the test moves."""

import asyncio

from gateway.store.breaker import SAME_FAILURE_SECONDS, Breaker, State


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 2 * SAME_FAILURE_SECONDS
        return self.now


def armed() -> Breaker:
    """Give one that has recovered."""
    breaker = Breaker(armed=True, clock=Clock())
    breaker.close()
    return breaker


async def test_three_failures_in_a_row_open_it() -> None:
    """An answer in between begins the row anew."""
    breaker = armed()
    for _ in range(2):
        breaker.failed()
    breaker.answered()
    for _ in range(2):
        breaker.failed()
    assert breaker.is_closed
    assert not breaker.disturbed.is_set()
    breaker.failed()
    assert breaker.is_open
    assert breaker.disturbed.is_set()


async def test_batches_that_fail_together_are_one_failure() -> None:
    """One connection that ends takes many batches along."""
    breaker = Breaker(armed=True, clock=lambda: 1.0)
    breaker.close()
    for _ in range(10):
        breaker.failed()
    assert breaker.is_closed


async def test_what_fails_while_it_recovers_opens_it_at_once() -> None:
    """It begins as recovering: what an earlier process left comes first."""
    breaker = Breaker(armed=True, clock=Clock())
    assert breaker.state is State.RECOVERING
    breaker.failed()
    assert breaker.is_open


async def test_who_waits_for_its_recovery_hears_of_it() -> None:
    """Of its end, whichever way, and at the latest after so long."""
    breaker = Breaker(armed=True)
    await breaker.recovered(0.01)
    assert breaker.state is State.RECOVERING
    waiting = asyncio.ensure_future(breaker.recovered(60))
    await asyncio.sleep(0)
    breaker.close()
    await waiting
    assert breaker.is_closed


async def test_unarmed_it_never_opens() -> None:
    """Nobody would close it."""
    breaker = Breaker(clock=Clock())
    for _ in range(10):
        breaker.failed()
    breaker.recover()
    assert breaker.is_closed
