"""Settles and releases on their way to the store: each goes on behind, until the store has answered it.

The rule that matters: a charge is written down before it is sent, and struck out only by the store's answer. So it is
handed over to the record while the breaker is open; where there is no record, it is tried again from here.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from gateway.budget import record
from gateway.budget.batch import Answer, Batcher, LedgerFault
from gateway.budget.record import Record
from gateway.budget.wire import Operation
from gateway.errors import StoreUnavailable
from gateway.store.connection import Store

KEPT = "kept"
"""What becomes of a charge that is in the record and is sent when the store is back."""

_LIFE_SECONDS = 15 * 60
_PAUSE_SECONDS = 0.25
_PAUSE_MOST_SECONDS = 5.0
_NOT_CHARGED = {"doubtful", "lost"}
_NOT_THERE = {*_NOT_CHARGED, KEPT}
_CALL = 2

log = structlog.get_logger("ledger")


class Closing:
    """Those that are not answered yet; `noted` takes an answer's time in."""

    def __init__(
        self,
        batcher: Batcher,
        kept: Record,
        store: Store,
        *,
        noted: Callable[[Answer], Answer],
        on_lost: Callable[[], None] | None,
        on_paid: Callable[[str], None],
    ) -> None:
        self._batcher = batcher
        self._record = kept
        self._store = store
        self._noted = noted
        self._on_lost = on_lost
        self._on_paid = on_paid
        self._waiting: set[asyncio.Future[Any]] = set()

    def close(self, prefix: str, op: Operation) -> "asyncio.Future[str]":
        """Write a settle or a release down and send it; gives a future of what happened."""
        self.write_down(prefix, op)
        return self.send(prefix, op)

    def write_down(self, prefix: str, op: Operation) -> None:
        """Let the record have a settle or a release."""
        if self._record.keeps:
            self._record.settled(op.fields[_CALL], record.settled(prefix, op))

    def send(self, prefix: str, op: Operation) -> "asyncio.Future[str]":
        """Send what is written down; gives a future of what happened."""
        outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        part = self._store.part_of(prefix)
        call_id, epoch = op.fields[_CALL], part.epoch
        if self._record.keeps and part.breaker.is_open:
            outcome.set_result(KEPT)
            return outcome
        first = self._batcher.submit(prefix, op)
        self._waiting.add(first)

        def answered(first: "asyncio.Future[Answer]") -> None:
            self._waiting.discard(first)
            if not first.cancelled() and isinstance(first.exception(), StoreUnavailable):
                again = asyncio.get_running_loop().create_task(self._keep_trying(prefix, op))
                self._waiting.add(again)
                again.add_done_callback(closed)
            else:
                if not first.cancelled() and first.exception() is None:
                    self._noted(first.result())
                closed(first)

        def closed(last: "asyncio.Future[Any]") -> None:
            self._waiting.discard(last)
            self._tell(call_id, epoch, last, outcome)

        first.add_done_callback(answered)
        return outcome

    def send_together(self, prefix: str, together: Operation, ops: Sequence[Operation]) -> None:
        """Send charges that are written down as one operation; where the store tells them apart, each by itself."""
        part = self._store.part_of(prefix)
        if self._record.keeps and part.breaker.is_open:
            return
        epoch, first = part.epoch, self._batcher.submit(prefix, together)
        self._waiting.add(first)

        def answered(first: "asyncio.Future[Answer]") -> None:
            self._waiting.discard(first)
            failure = asyncio.CancelledError("cancelled") if first.cancelled() else first.exception()
            if failure is None and self._noted(first.result())[1][0] == "settled":
                for op in ops:
                    self.strike_out(op.fields[_CALL], epoch)
            else:
                for op in ops:
                    _ = self.send(prefix, op)

        first.add_done_callback(answered)

    async def close_again(self, call_id: str, prefix: str, op: Operation) -> str:
        """Send what was sent before, or what an earlier process left; gives what happened. Raises StoreUnavailable."""
        epoch = self._store.part_of(prefix).epoch
        word: str = self._noted(await self._batcher.submit(prefix, op))[1][0]
        if word not in _NOT_CHARGED:
            self.strike_out(call_id, epoch)
        return word

    async def drain(self, timeout_seconds: float) -> int:
        """Wait for those that are still on their way; gives how many did not make it in time."""
        deadline = time.monotonic() + timeout_seconds
        while self._waiting and (left_seconds := deadline - time.monotonic()) > 0:
            await asyncio.wait(self._waiting, timeout=left_seconds)  # one that failed is tried again
        return len(self._waiting)

    def strike_out(self, call_id: str, epoch: str) -> None:
        """Have done with a call's charge: this memory of the store has it, or it is given up."""
        self._record.acknowledged(call_id, epoch)
        self._on_paid(call_id)

    def _tell(self, call_id: str, epoch: str, last: "asyncio.Future[Answer]", outcome: "asyncio.Future[str]") -> None:
        """Say what became of a charge; loudly of one that did not arrive."""
        failure = asyncio.CancelledError("cancelled") if last.cancelled() else last.exception()
        word = "" if failure else last.result()[1][0]
        if not failure and word not in _NOT_THERE:
            self.strike_out(call_id, epoch)
        elif failure or (word != KEPT and not self._record.keeps):  # what is doubtful, who has the record finds out
            log.error("charge_failed", call=call_id, reason=str(failure or word))
            is_tried_again = self._record.keeps and isinstance(failure, LedgerFault)
            if self._on_lost is not None and not is_tried_again:
                self._on_lost()
        if outcome.done():
            return
        if last.cancelled():
            outcome.cancel()
        elif failure:
            outcome.set_exception(failure)
            outcome.exception()  # told above; who waits for it still gets it
        else:
            outcome.set_result(word)

    async def _keep_trying(self, prefix: str, op: Operation) -> Answer:
        deadline = time.monotonic() + _LIFE_SECONDS
        pause_seconds = _PAUSE_SECONDS
        while not (self._record.keeps and self._store.part_of(prefix).breaker.is_open):
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _PAUSE_MOST_SECONDS)
            try:
                return self._noted(await self._batcher.submit(prefix, op))
            except StoreUnavailable:
                if time.monotonic() > deadline:
                    break
        return 0, [KEPT if self._record.keeps else "lost"]
