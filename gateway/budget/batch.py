"""Micro-batching: the operations that one turn of the event loop asks of a shard travel in one call to the store.

A call to the store is never cancelled: who stops waiting leaves its operation to finish.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from gateway.budget import keys, wire
from gateway.errors import StoreUnavailable
from gateway.store.connection import Script, Store, outage

MOST_OPERATIONS = 64
MOST_IN_FLIGHT = 2

Answer = tuple[int, list[Any]]
"""The store's time in ms and one operation's answer."""


class LedgerFault(RuntimeError):
    """The script could not carry out an operation: a program error, never the client's."""


@dataclass(slots=True)
class _Lane:
    """One shard's operations: those waiting, and how many batches are on their way."""

    waiting: deque[tuple[wire.Operation, asyncio.Future[Answer]]] = field(default_factory=deque)
    in_flight: int = 0
    is_scheduled: bool = False


class Batcher:
    """Sends operations of the one ledger script, at most 64 in a batch and two batches a shard at once."""

    def __init__(self, store: Store, script: Script) -> None:
        self._store = store
        self._script = script
        self._lanes: dict[str, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, prefix: str, op: wire.Operation) -> asyncio.Future[Answer]:
        """Queue an operation for a shard; the future fails with StoreUnavailable or LedgerFault."""
        loop = asyncio.get_running_loop()
        lane = self._lanes.get(prefix)
        if lane is None:
            lane = self._lanes[prefix] = _Lane()
        future: asyncio.Future[Answer] = loop.create_future()
        lane.waiting.append((op, future))
        self._schedule(prefix, lane)
        return future

    def _schedule(self, prefix: str, lane: _Lane) -> None:
        if lane.is_scheduled or lane.in_flight >= MOST_IN_FLIGHT or not lane.waiting:
            return
        lane.is_scheduled = True
        asyncio.get_running_loop().call_soon(self._flush, prefix, lane)

    def _flush(self, prefix: str, lane: _Lane) -> None:
        lane.is_scheduled = False
        while lane.waiting and lane.in_flight < MOST_IN_FLIGHT:
            batch: list[tuple[wire.Operation, asyncio.Future[Answer]]] = []
            while lane.waiting and len(batch) < MOST_OPERATIONS:
                op, future = lane.waiting.popleft()
                if not future.done():  # nobody waits for it any more, and it never left
                    batch.append((op, future))
            if not batch:
                return
            lane.in_flight += 1
            task = asyncio.get_running_loop().create_task(self._send(prefix, lane, batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, prefix: str, lane: _Lane, batch: list[tuple[wire.Operation, asyncio.Future[Answer]]]) -> None:
        failure: Exception = LedgerFault("a batch could not be written, or its answer not be read")
        try:
            names, packed = wire.encode([op for op, _ in batch])
            reply = await self._store.run(self._script, [*keys.shared(prefix), *names], [packed])
            now_ms, answers = wire.decode(reply)
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    _resolve(future, now_ms, answer)
        except (StoreUnavailable, RuntimeError) as exc:
            failure = exc
        finally:
            for _, future in batch:
                if not future.done():
                    future.set_exception(_again(failure))
            lane.in_flight -= 1
            self._schedule(prefix, lane)


def _resolve(future: asyncio.Future[Answer], now_ms: int, answer: list[Any]) -> None:
    if answer[0] == "error":
        future.set_exception(outage(answer[1]) or LedgerFault(answer[1]))
    else:
        future.set_result((now_ms, answer))


def _again(exc: Exception) -> Exception:
    """Give each waiter an exception of its own: a shared one would collect every waiter's traceback."""
    if isinstance(exc, StoreUnavailable):
        return StoreUnavailable(exc.message, headers=exc.headers)
    return LedgerFault(str(exc))
