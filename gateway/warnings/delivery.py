"""From the outbox to the webhook, for as long as it takes; any gateway may carry any warning.

The rule that matters: what is claimed is posted at once and then removed or postponed, so a warning is posted twice
only when somebody died, or answered too late, in between; its id tells.
"""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from time import monotonic

import structlog

from gateway.errors import StoreUnavailable
from gateway.store.connection import CommandRefused
from gateway.warnings.events import body_of
from gateway.warnings.outbox import Claimed, Outbox
from gateway.warnings.steps import Steps
from gateway.warnings.webhook import Receiver

log = structlog.get_logger("warnings")

SHARDS_AT_ONCE = 8
POSTS_AT_ONCE = 4
"""In a shard: one company's many warnings leave room for another's."""
STORE_PAUSE_SECONDS = 1.0


Posted = Callable[[str], None]
"""Told what became of a warning for the webhook: accepted, failed, gave_up or crowded."""


def unheard(_outcome: str) -> None:
    """Count nothing."""


class Delivery:
    """Posts what waits. Every `sweep_seconds` it looks into all shards for what others have left behind."""

    def __init__(
        self, outbox: Outbox, receiver: Receiver, steps: Steps, *, sweep_seconds: float, on_posted: Posted = unheard
    ) -> None:
        self._outbox = outbox
        self._receiver = receiver
        self._steps = steps
        self._sweep_seconds = sweep_seconds
        self._on_posted = on_posted
        self._sweep_at = -inf
        self._due_at: dict[str, float] = {}
        self._nudged = asyncio.Event()

    def nudge(self, shard: str) -> None:
        """Say that something waits in a shard."""
        self._is_due(shard, -inf)
        self._nudged.set()

    async def run(self) -> None:
        """Deliver for ever; a store that is away is asked again."""
        is_away = False
        while True:
            try:
                await self._steps.take(self._turn())
                is_away = False
            except (StoreUnavailable, CommandRefused) as exc:
                if not is_away:
                    log.warning("webhook_waits_for_store", reason=str(exc))
                is_away = True
                await asyncio.sleep(STORE_PAUSE_SECONDS)
            await self._until_due()

    async def _turn(self) -> None:
        if monotonic() >= self._sweep_at:
            for shard in await self._outbox.shards():
                self._is_due(shard, monotonic())
            self._sweep_at = monotonic() + self._sweep_seconds
        now = monotonic()
        shards = [shard for shard, at in self._due_at.items() if at <= now][:SHARDS_AT_ONCE]
        await _all(*(self._serve(shard) for shard in shards))

    async def _serve(self, shard: str) -> None:
        """Post what is due in a shard, a few at once."""
        self._due_at.pop(shard, None)
        try:
            claimed, wait_seconds = await self._outbox.claim(shard, POSTS_AT_ONCE)
        except StoreUnavailable:
            self._is_due(shard, monotonic())
            raise
        if wait_seconds is not None:
            self._is_due(shard, monotonic() + wait_seconds)
        await _all(*map(self._tell, claimed))

    async def _tell(self, claimed: Claimed) -> None:
        reason = await self._receiver.post(claimed.id, body_of(claimed.event, claimed.marked_ms))
        self._on_posted("accepted" if reason is None else "gave_up" if claimed.is_last else "failed")
        if reason is None:
            await self._note(self._outbox.remove, claimed)
        elif claimed.is_last:
            log.error("webhook_gave_up", id=claimed.id, attempts=claimed.attempts, reason=reason)
            await self._note(self._outbox.remove, claimed)
        else:
            if claimed.attempts == 1:
                log.warning("webhook_failed", id=claimed.id, reason=reason)
            await self._note(self._outbox.postpone, claimed)
            self._is_due(claimed.shard, monotonic() + claimed.pause_ms / 1000)

    async def _note(self, note: Callable[[Claimed], Awaitable[None]], claimed: Claimed) -> None:
        """Write down what became of a post, for as long as nobody else can have claimed it."""
        while True:
            try:
                return await note(claimed)
            except StoreUnavailable:
                if monotonic() - claimed.claimed_at > self._outbox.lease_seconds:
                    raise
                await asyncio.sleep(STORE_PAUSE_SECONDS)

    def _is_due(self, shard: str, at: float) -> None:
        self._due_at[shard] = min(at, self._due_at.get(shard, inf))

    async def _until_due(self) -> None:
        self._nudged.clear()
        wait_seconds = min(self._sweep_at, *self._due_at.values(), inf) - monotonic()
        if wait_seconds > 0:
            try:
                await asyncio.wait_for(self._nudged.wait(), wait_seconds)
            except TimeoutError:
                return


async def _all(*work: Awaitable[None]) -> None:
    """Wait for all of it, then raise the first error."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
