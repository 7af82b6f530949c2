"""From the levels of a call to a warning: noticed on the path of the call, marked and told beside it.

The rule that matters: `observe` only looks and puts aside. It never waits and never raises; what does not fit into the
queue is not remembered, so the next call notices it again.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from uuid import uuid4

import structlog

from gateway.config.value import WarningsConfig
from gateway.errors import StoreUnavailable
from gateway.model import Caller, Level
from gateway.store.connection import CommandRefused, Store
from gateway.store.shards import prefix as shard_of
from gateway.warnings import keys
from gateway.warnings.crossing import ends_at_ms, passed
from gateway.warnings.delivery import STORE_PAUSE_SECONDS, Delivery, Posted, unheard
from gateway.warnings.events import encode, event_of, log_fields
from gateway.warnings.outbox import Outbox, Told
from gateway.warnings.steps import Steps, first_of
from gateway.warnings.webhook import OpenSocket, Receiver

log = structlog.get_logger("warnings")

MOST_QUEUED = 1024
MOST_SEEN = 16_384
SEEN_SECONDS = 600.0
"""How long this process does not ask the store again whether a warning was told."""
SWEEP_SECONDS = 15.0
STOP_SECONDS = 2.0
"""How long a gateway that ends marks what it has noticed."""
LEASE_SPARE_SECONDS = 30.0
"""What a post may take beyond its timeout before another gateway repeats it."""

Warned = Callable[[str, int], None]
"""(budget's name, threshold in percent): a warning was told, by this process and by no other."""


@dataclass(frozen=True, slots=True)
class _Noticed:
    """A budget that has passed some thresholds, all of them rising; `id` names the warning for good."""

    caller: Caller
    level: Level
    thresholds: tuple[int, ...]
    id: str = field(default_factory=lambda: str(uuid4()))


class Warnings:
    """Watches budgets. Make it inside the running loop; `run` does all that takes time.

    `open_socket` is what the webhook's connections are made with; it refuses addresses that must not be dialled.
    """

    def __init__(
        self,
        store: Store,
        settings: WarningsConfig,
        *,
        on_warned: Warned,
        open_socket: OpenSocket,
        on_posted: Posted = unheard,
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self._settings = settings
        self._on_warned = on_warned
        self._on_posted = on_posted
        self._open_socket = open_socket
        self._sweep_seconds = sweep_seconds
        self._store = store
        self._outbox = self._new_outbox()
        self._queue: asyncio.Queue[_Noticed] = asyncio.Queue(MOST_QUEUED)
        self._seen: dict[tuple[str, str, int | None, int], tuple[int, float]] = {}
        self._steps = Steps()
        self._delivery: Delivery | None = None
        self._other_webhook = asyncio.Event()

    def follow(self, settings: WarningsConfig) -> None:
        """Look for other thresholds from the next call on, and tell another webhook, also of what waits.

        What was told before is not told again: of several thresholds that a budget has passed, only the highest counts.
        """
        if settings != self._settings:
            if settings.webhook != self._settings.webhook:
                self._other_webhook.set()
            self._settings = settings
            self._seen.clear()  # it counts the thresholds of before

    def observe(self, caller: Caller, levels: Sequence[Level]) -> None:
        """Notice the thresholds that a call's budgets have passed, by what is charged in them (`used`)."""
        thresholds = self._settings.thresholds
        for level in levels:
            count = passed(level, thresholds)
            if count and caller.company is not None and self._is_news(level, count) and not self._queue.full():
                self._queue.put_nowait(_Noticed(caller, level, thresholds[:count]))
                self._remember(level, count)

    async def run(self) -> None:
        """Mark and tell for ever. Cancelled, it finishes what is under way and marks what was noticed."""
        try:
            async with asyncio.TaskGroup() as group:
                _ = group.create_task(self._keep_marking())
                while True:
                    await self._deliver()
        finally:
            await self._steps.end(STOP_SECONDS)
            await self._mark_rest()

    async def _deliver(self) -> None:
        """Tell the webhook of now, until there is another; its posts end first."""
        self._other_webhook.clear()
        webhook = self._settings.webhook
        if webhook is None:
            await self._other_webhook.wait()
            return
        self._outbox = self._new_outbox()
        posts = Steps()
        async with Receiver(webhook, self._open_socket) as receiver:
            self._delivery = Delivery(
                self._outbox, receiver, posts, sweep_seconds=self._sweep_seconds, on_posted=self._on_posted
            )
            try:
                await first_of(self._delivery.run(), self._other_webhook.wait())
            finally:
                self._delivery = None
                await posts.end(webhook.timeout_seconds + STOP_SECONDS)

    def _new_outbox(self) -> Outbox:
        webhook = self._settings.webhook
        return Outbox(self._store, lease_seconds=(webhook.timeout_seconds if webhook else 0.0) + LEASE_SPARE_SECONDS)

    async def _keep_marking(self) -> None:
        put_back = 0
        while True:
            noticed = await self._queue.get()
            if await self._steps.take(self._is_marked(noticed)):
                put_back = 0
                continue
            # It waits behind the others: theirs may be another part of the store, which is there.
            self._put_back(noticed)
            put_back += 1
            if put_back >= self._queue.qsize():
                await asyncio.sleep(STORE_PAUSE_SECONDS)
                put_back = 0

    def _put_back(self, noticed: _Noticed) -> None:
        if self._queue.full():
            self._seen.pop(_name(noticed.level), None)  # the next call notices it again
        else:
            self._queue.put_nowait(noticed)

    async def _mark_rest(self) -> None:
        deadline = monotonic() + STOP_SECONDS
        while not self._queue.empty() and monotonic() < deadline:
            if not await self._is_marked(self._queue.get_nowait()):
                return

    async def _is_marked(self, noticed: _Noticed) -> bool:
        """Mark a warning, and tell it if nobody has; False while the store is away."""
        event = event_of(noticed.id, noticed.caller, noticed.level, noticed.thresholds[-1])
        company = noticed.caller.company
        if company is None:
            return True
        home = keys.home(noticed.level, company.id)
        waiting = b"" if self._settings.webhook is None else encode(event)
        try:
            told = await self._outbox.mark(home, noticed.level, noticed.thresholds, noticed.id, waiting)
        except StoreUnavailable:
            return False
        except CommandRefused as exc:
            log.error("warning_not_marked", reason=str(exc))  # noqa: TRY400 - the reason is all there is
            return True
        if told is Told.BEFORE:
            return True
        log.warning("budget_threshold", **log_fields(event))
        self._on_warned(noticed.level.budget.name, noticed.thresholds[-1])
        if told is Told.CROWDED:
            log.error("webhook_crowded", id=noticed.id)
            self._on_posted("crowded")
        elif self._delivery is not None:
            self._delivery.nudge(shard_of(home))
        return True

    def _is_news(self, level: Level, count: int) -> bool:
        known = self._seen.get(_name(level))
        return known is None or known[0] < count or known[1] < monotonic()

    def _remember(self, level: Level, count: int) -> None:
        name = _name(level)
        self._seen.pop(name, None)
        if len(self._seen) >= MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        self._seen[name] = (count, monotonic() + SEEN_SECONDS)


def _name(level: Level) -> tuple[str, str, int | None, int]:
    return level.budget.subject, level.budget.id, ends_at_ms(level), level.limit
