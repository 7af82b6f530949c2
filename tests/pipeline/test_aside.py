"""Long work leaves the event loop, short work does not; errors come back either way."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from gateway.pipeline.aside import INLINE_BYTES, Aside


@pytest.fixture
def aside() -> Iterator[Aside]:
    """Give one that is closed in the end."""
    aside = Aside()
    yield aside
    aside.close()


async def test_short_work_is_done_at_once(aside: Aside) -> None:
    """Work on few bytes is done by the loop's own thread."""
    assert await aside.run(INLINE_BYTES, threading.get_ident) == threading.get_ident()


async def test_long_work_is_done_by_one_other_thread(aside: Aside) -> None:
    """Work on many bytes is done elsewhere, and only in one place."""
    idents = await asyncio.gather(*(aside.run(INLINE_BYTES + 1, threading.get_ident) for _ in range(8)))
    assert len(set(idents)) == 1
    assert threading.get_ident() not in idents


@pytest.mark.parametrize("size_bytes", [1, INLINE_BYTES + 1])
async def test_errors_come_back(aside: Aside, size_bytes: int) -> None:
    """What the work raises, its caller gets."""
    with pytest.raises(ZeroDivisionError):
        await aside.run(size_bytes, lambda: 1 // 0)
