"""Who asks always gets an answer, and never waits for a place."""

import asyncio
import threading
from pathlib import Path

import pytest

from gateway.tokens import Counted, Counter, Vocabularies
from gateway.tokens.constants import INLINE_CHARACTERS, POOL_CHARACTERS_AT_MOST, POOL_JOBS_AT_MOST, POOL_THREADS
from gateway.tokens.counter import Tally

LONG = "many words " * 1000
MODEL = "gpt-4o"


@pytest.mark.parametrize("texts", [[], [""], ["hello world"], ["hello", "world"], [LONG], [LONG, "\ud800", LONG]])
async def test_short_and_long_texts_count_alike(counter: Counter, texts: list[str]) -> None:
    """In the loop or in the pool, the number is the sum of each text's."""
    alone = [await counter.count([text], MODEL) for text in texts]
    assert await counter.count(texts, MODEL) == Counted(sum(one.tokens for one in alone), exact=True)


async def test_each_model_has_its_vocabulary(counter: Counter) -> None:
    """The model decides which vocabulary counts."""
    text = "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c\u3001\u304a\u5143\u6c17\u3067\u3059\u304b"
    assert (await counter.count([text], "gpt-4o")).tokens < (await counter.count([text], "gpt-4")).tokens


async def test_without_a_vocabulary_the_bytes_are_the_answer(tmp_path: Path) -> None:
    """A missing vocabulary gives the byte bound, marked as not exact."""
    counter = Counter(Vocabularies(tmp_path))
    assert await counter.count(["h\u00e9llo", "\ud800"], MODEL) == Counted(9, exact=False)
    counter.close()


class Busy:
    """Work that occupies a thread of the pool until it is let go."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.let_go = threading.Event()

    def __call__(self, tally: Tally) -> int:
        """Wait, then count."""
        self.started.release()
        self.let_go.wait()
        return tally([LONG])


async def test_a_full_pool_gives_the_byte_bound_at_once(counter: Counter) -> None:
    """When every place is taken, the next long text is not counted; when they are free again, it is."""
    busy = Busy()
    jobs = [asyncio.ensure_future(counter.run(busy, MODEL, len(LONG))) for _ in range(POOL_JOBS_AT_MOST)]
    await asyncio.sleep(0)
    assert await counter.count([LONG], MODEL) == Counted(len(LONG), exact=False)
    assert (await counter.count(["short"], MODEL)).exact
    busy.let_go.set()
    assert len(set(await asyncio.gather(*jobs))) == 1
    assert (await counter.count([LONG], MODEL)).exact


async def test_too_much_text_gives_the_byte_bound_at_once(counter: Counter) -> None:
    """The pool holds a bounded amount of text, however few jobs it is."""
    busy = Busy()
    job = asyncio.ensure_future(counter.run(busy, MODEL, POOL_CHARACTERS_AT_MOST - INLINE_CHARACTERS))
    await asyncio.sleep(0)
    assert await counter.count([LONG], MODEL) == Counted(len(LONG), exact=False)
    busy.let_go.set()
    assert await job
    assert await counter.run(busy, MODEL, POOL_CHARACTERS_AT_MOST + 1) is None


def endless(tally: Tally) -> int:
    """Count for ever."""
    while True:
        tally([LONG])


async def test_who_leaves_frees_the_pool(counter: Counter) -> None:
    """A cancelled wait stops its job, running or queued, and gives its place back."""
    jobs = [asyncio.ensure_future(counter.run(endless, MODEL, len(LONG))) for _ in range(POOL_JOBS_AT_MOST)]
    await asyncio.sleep(0)
    for job in jobs:
        job.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*jobs, return_exceptions=True))
    busy = Busy()
    busy.let_go.set()
    after = [counter.run(busy, MODEL, len(LONG)) for _ in range(POOL_JOBS_AT_MOST - POOL_THREADS)]
    assert all(await asyncio.gather(*after))


async def test_closing_answers_everyone(counter: Counter) -> None:
    """Jobs in flight when the counter closes give None, and later texts their bytes."""
    jobs = [asyncio.ensure_future(counter.run(endless, MODEL, len(LONG))) for _ in range(5)]
    await asyncio.sleep(0)
    counter.close()
    assert await asyncio.gather(*jobs) == [None] * 5
    assert await counter.count(["hi"], MODEL) == Counted(2, exact=False)


async def test_an_error_of_the_work_reaches_who_waits(counter: Counter) -> None:
    """A bug in the work is not swallowed."""

    def broken(tally: Tally) -> int:
        raise LookupError

    with pytest.raises(LookupError):
        await counter.run(broken, MODEL, len(LONG))
