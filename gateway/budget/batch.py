"""Micro-batching: the operations that one turn of the event loop asks of a shard travel in one call to the store.

A call to the store is never cancelled: who stops waiting leaves its operation to finish.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from gateway.budget import keys, wire
from gateway.errors import StoreUnavailable
from gateway.store.border import is_away, outage
from gateway.store.breaker import Breaker
from gateway.store.connection import Script, Store

log = structlog.get_logger("budget")

MOST_OPERATIONS = 64
MOST_IN_FLIGHT = 2
TELL_SECONDS = 10.0

Answer = tuple[int, list[Any]]
"""The store's time in ms and one operation's answer."""


class LedgerFault(RuntimeError):
    """The script could not carry out an operation: a program error, never the client's."""


Batch = list[tuple[wire.Operation, asyncio.Future[Answer]]]


@dataclass(slots=True)
class _Lane:
    """One shard's operations: those waiting, and how many batches are on their way. `shared`: the shard's own keys."""

    shared: tuple[str, str, str]
    waiting: deque[tuple[wire.Operation, asyncio.Future[Answer]]] = field(default_factory=deque)
    in_flight: int = 0
    is_scheduled: bool = False


OnBatch = Callable[[float, int], None]
"""Told of each batch that was answered: seconds and operations."""


class Batcher:
    """Sends operations of the one ledger script, at most 64 in a batch and two batches a shard at once."""

    def __init__(self, store: Store, script: Script, on_batch: OnBatch | None = None) -> None:
        self._store = store
        self._on_batch = on_batch
        self._script = script
        self._lanes: dict[str, _Lane] = {}
        self._tell_at = 0.0

    def submit(self, prefix: str, op: wire.Operation) -> asyncio.Future[Answer]:
        """Queue an operation for a shard; the future fails with StoreUnavailable or LedgerFault."""
        loop = asyncio.get_running_loop()
        lane = self._lanes.get(prefix)
        if lane is None:
            lane = self._lanes[prefix] = _Lane(keys.shared(prefix))
        future: asyncio.Future[Answer] = loop.create_future()
        lane.waiting.append((op, future))
        if not lane.is_scheduled:
            self._schedule(lane, loop)
        return future

    def _tell_of(self, unwritten: list[str], now: float) -> None:
        """Tell, now and then, of numbers that somebody else has spoiled: every call that adds to them finds them so."""
        if now >= self._tell_at:
            self._tell_at = now + TELL_SECONDS
            log.error("ledger_fields_unwritten", count=len(unwritten), reason=unwritten[0])

    def _schedule(self, lane: _Lane, loop: asyncio.AbstractEventLoop) -> None:
        if lane.is_scheduled or lane.in_flight >= MOST_IN_FLIGHT or not lane.waiting:
            return
        lane.is_scheduled = True
        loop.call_soon(self._flush, lane)

    def _flush(self, lane: _Lane) -> None:
        lane.is_scheduled = False
        while lane.waiting and lane.in_flight < MOST_IN_FLIGHT:
            batch: Batch = []
            while lane.waiting and len(batch) < MOST_OPERATIONS:
                op, future = lane.waiting.popleft()
                if not future.done():  # nobody waits for it any more, and it never left
                    batch.append((op, future))
            if batch:
                self._send(lane, batch)

    def _send(self, lane: _Lane, batch: Batch) -> None:
        reply: asyncio.Future[bytes] | None = None
        try:
            names, packed = wire.encode([op for op, _ in batch])
            reply = self._store.submit(self._script, [*lane.shared, *names], [packed])
            lane.in_flight += 1
            breaker = self._store.part_of(lane.shared[0]).breaker
            reply.add_done_callback(partial(self._answered, lane, batch, breaker, time.perf_counter()))
        finally:
            if reply is None:
                _fail(batch, "a batch could not be written")

    def _answered(
        self, lane: _Lane, batch: Batch, breaker: Breaker, sent: float, reply: "asyncio.Future[bytes]"
    ) -> None:
        lane.in_flight -= 1
        failure = reply.exception()
        if self._on_batch is not None and failure is None:
            self._on_batch(time.perf_counter() - sent, len(batch))
        try:
            if failure is None:
                now_ms, answers, unwritten = wire.decode(reply.result())
                if unwritten:
                    self._tell_of(unwritten, sent)
                # A replica, say, runs the script, and refuses what an operation in it would write.
                away = [answer for answer in answers if answer[0] == "error" and _is_away(answer[1])]
                breaker.failed() if away else breaker.answered()
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        _resolve(future, now_ms, answer)
        finally:
            _fail(batch, failure or "the answer to a batch could not be read")
            self._schedule(lane, reply.get_loop())


def _resolve(future: asyncio.Future[Answer], now_ms: int, answer: list[Any]) -> None:
    if answer[0] == "error":
        future.set_exception(outage(answer[1]) or LedgerFault(answer[1]))
    else:
        future.set_result((now_ms, answer))


def _is_away(text: str) -> bool:
    failure = outage(text)
    return failure is not None and is_away(failure)


def _fail(batch: Batch, failure: BaseException | str) -> None:
    """Fail those that have no answer, each with an exception of its own: a shared one would collect every traceback."""
    for _, future in batch:
        if future.done():
            continue
        if isinstance(failure, StoreUnavailable):
            future.set_exception(StoreUnavailable(failure.message, headers=failure.headers))
        else:
            future.set_exception(LedgerFault(str(failure)))
