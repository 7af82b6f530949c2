"""Counting without stalling the event loop: little text at once, more in a small pool, and never a queue to wait in.

The one rule: whoever asks gets an answer. No vocabulary, no place in the pool, or a gateway that is closing gives the
byte bound, which is never below the truth.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import msgspec

from gateway.tokens.constants import (
    INLINE_CHARACTERS,
    POOL_CHARACTERS_AT_MOST,
    POOL_JOBS_AT_MOST,
    POOL_THREADS,
    REMEMBERED_CHARACTERS,
)
from gateway.tokens.memory import Memory
from gateway.tokens.text import Encoding, byte_bound, count
from gateway.tokens.vocabulary import Vocabularies, encoding_for

Answer = TypeVar("Answer")
Tally = Callable[[Iterable[str]], int]


class Counted(msgspec.Struct, frozen=True, gc=False):
    """A number of tokens; `exact` when a vocabulary gave it, else it is the byte bound."""

    tokens: int
    exact: bool


class Counter:
    """Counts for one process, on one event loop."""

    def __init__(self, vocabularies: Vocabularies) -> None:
        self._vocabularies = vocabularies
        self._pool = ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="count")
        self._places = _Places()
        self._closing = threading.Event()
        self._memory = Memory()

    async def count(self, texts: Sequence[str], model: str) -> Counted:
        """Count texts that stand apart from each other, with the vocabulary of an OpenAI model (others: o200k_base)."""
        tokens = await self.run(lambda tally: tally(texts), model, sum(map(len, texts)))
        if tokens is None:
            return Counted(sum(map(byte_bound, texts)), exact=False)
        return Counted(tokens, exact=True)

    async def run(self, work: Callable[[Tally], Answer], model: str, characters: int) -> Answer | None:
        """Do work that counts about so many characters; None if it cannot be done now. `work` must be pure."""
        name = encoding_for(model)
        encoding = self._vocabularies.get(name)
        if encoding is None or self._closing.is_set():
            return None
        if characters <= INLINE_CHARACTERS:
            return work(_Job(name, encoding, self._memory).tally)
        if not self._places.take(characters):
            return None
        left = threading.Event()
        job = _Job(name, encoding, self._memory, (left, self._closing))
        future = self._pool.submit(job.do, work)
        future.add_done_callback(lambda _: self._places.give_back(characters))
        return await _answer(future, left)

    def close(self) -> None:
        """Stop at the next piece of text, without waiting for it; who is waiting gets None or the byte bound."""
        self._closing.set()
        self._pool.shutdown(wait=False)


async def _answer(future: "Future[Answer | None]", left: threading.Event) -> Answer | None:
    """Wait for a job; whoever stops waiting stops it too."""
    try:
        return await asyncio.wrap_future(future)
    finally:
        left.set()


class _Places:
    """How much may be in the pool at a time. Places are given back from its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs = 0
        self._characters = 0

    def take(self, characters: int) -> bool:
        """Take a place if there is one."""
        with self._lock:
            if self._jobs >= POOL_JOBS_AT_MOST or self._characters + characters > POOL_CHARACTERS_AT_MOST:
                return False
            self._jobs += 1
            self._characters += characters
            return True

    def give_back(self, characters: int) -> None:
        """Give a place back."""
        with self._lock:
            self._jobs -= 1
            self._characters -= characters


class _Stopped(Exception):
    """Nobody waits for this job any more."""


class _Job:
    """The counting of one call, which stops at the next piece of text once any of some events is set."""

    def __init__(self, name: str, encoding: Encoding, memory: Memory, stops: tuple[threading.Event, ...] = ()) -> None:
        self._name = name
        self._encoding = encoding
        self._memory = memory
        self._stops = stops

    def do(self, work: Callable[[Tally], Answer]) -> Answer | None:
        """Do the work; None when stopped."""
        try:
            return work(self.tally)
        except _Stopped:
            return None

    def tally(self, texts: Iterable[str]) -> int:
        """Count texts that stand apart from each other; long ones that were counted before are not counted again."""
        return sum(map(self._counted, texts))

    def encode_ordinary(self, text: str) -> list[int]:
        """Give the token ids, or stop."""
        self._check()
        return self._encoding.encode_ordinary(text)

    def _counted(self, text: str) -> int:
        if len(text) < REMEMBERED_CHARACTERS:
            return count(self, text)
        self._check()
        key = self._memory.key(self._name, text)
        tokens = self._memory.recall(key)
        if tokens is None:
            tokens = count(self, text)
            self._memory.remember(key, tokens)
        return tokens

    def _check(self) -> None:
        if any(stop.is_set() for stop in self._stops):
            raise _Stopped
