"""Tasks that outlive their handler: kept, waited for, and never a surprise."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from gateway.pipeline.tasks import Tasks


async def _ended(event: asyncio.Event, result: int = 0) -> int:
    await event.wait()
    return result


async def _failing() -> None:
    raise ValueError("as told")


async def test_a_task_gives_its_result_and_bears_its_name() -> None:
    """`spawn` starts at once and gives the task."""
    event = asyncio.Event()
    task = Tasks().spawn(_ended(event, 7), name="settle x")
    event.set()
    assert (await task, task.get_name()) == (7, "settle x")


async def test_a_task_that_nobody_else_keeps_is_not_collected() -> None:
    """The loop holds tasks weakly; this holds them until they end."""
    tasks, event = Tasks(), asyncio.Event()
    kept = weakref.ref(tasks.spawn(_ended(event), name="kept"))
    await asyncio.sleep(0)
    gc.collect()
    assert kept() is not None
    event.set()
    assert await tasks.drain(10) == 0
    gc.collect()
    assert kept() is None


async def test_draining_waits_for_what_runs() -> None:
    """All that was spawned is over when `drain` returns; none had to be cancelled."""
    tasks, event = Tasks(), asyncio.Event()
    running = [tasks.spawn(_ended(event, number), name=f"{number}") for number in range(3)]
    asyncio.get_running_loop().call_soon(event.set)
    assert await tasks.drain(10) == 0
    assert [task.result() for task in running] == [0, 1, 2]


async def test_nothing_to_drain_takes_no_time() -> None:
    """Also when all has ended before."""
    tasks = Tasks()
    assert await tasks.drain(0) == 0
    await tasks.spawn(asyncio.sleep(0), name="short")
    assert await tasks.drain(0) == 0


async def test_who_is_late_is_cancelled_and_may_clean_up() -> None:
    """`drain` gives how many it cancelled, after each has ended."""
    tasks, cleaned = Tasks(), []

    async def late() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    running = [tasks.spawn(late(), name=f"{number}") for number in range(2)]
    await asyncio.sleep(0)
    assert await tasks.drain(0) == 2
    assert cleaned == [True, True]
    assert all(task.cancelled() for task in running)


async def test_an_error_that_nobody_awaits_is_no_noise() -> None:
    """A failed task is retrieved: the loop does not report it when it is collected, and draining does not raise it."""
    reports: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, report: reports.append(report))
    tasks = Tasks()
    tasks.spawn(_failing(), name="failing")
    assert await tasks.drain(10) == 0
    gc.collect()
    assert reports == []


async def test_an_error_is_raised_for_who_awaits_it() -> None:
    """Retrieving it early takes nothing from the one who waits."""
    task = Tasks().spawn(_failing(), name="failing")
    with pytest.raises(ValueError, match="as told"):
        await task
