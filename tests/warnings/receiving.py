"""A receiver of warnings as an operator would write one, and a fleet of gateways' worth of watchers."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from gateway.config.value import WarningsConfig, Webhook
from gateway.model import (
    Agent,
    Budget,
    Caller,
    Company,
    Enforcement,
    Key,
    Level,
    Rolling,
    RollingBudget,
    Scope,
    Secret,
    Unit,
    User,
    Window,
)
from gateway.store.connection import Store
from gateway.store.shards import prefix
from gateway.upstream.connector import open_socket
from gateway.warnings import Warnings
from gateway.warnings.outbox import Outbox

SECRET = "whsec-0123456789abcdef"
COMPANY_ID = "11111111-1111-4111-8111-111111111111"
SHARD = prefix(COMPANY_ID)
CALLER = Caller(
    Key("ada-laptop", "0" * 64, "sk-...abcd", company_id=COMPANY_ID),
    Company(COMPANY_ID, "acme", RollingBudget(1000, 30), "UTC"),
    User("22222222-2222-4222-8222-222222222222", "ada", COMPANY_ID),
    Agent("33333333-3333-4333-8333-333333333333", "helpdesk", COMPANY_ID),
)
MONTH_LONG = Rolling(30)
FAR_AWAY_MS = 4_102_444_800_000  # 2100-01-01


def verify(header: str, body: bytes, secret: str = SECRET) -> int:
    """Check a signature as docs/operations.md shows; gives the time that was signed."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(secret.encode(), f"{parts['t']}.".encode() + body, "sha256").hexdigest()
    assert hmac.compare_digest(parts["v1"], expected)
    return int(parts["t"])


@dataclass
class Receiver:
    """Takes posts; `answers` are the next statuses, then always 200; 0 is none at all, 1 is 200 once `may_answer`."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    accepted: list[dict[str, Any]] = field(default_factory=list)

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        """Note a post and answer it."""
        body = await request.read()
        self.posts.append((dict(request.headers), body))
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            await asyncio.sleep(60)
        if status == 1:
            await self.may_answer.wait()
            status = 200
        if status == 200:
            self.accepted.append(json.loads(body))
        return web.Response(status=status, headers={"Location": self.url} if status == 302 else {})

    @property
    def thresholds(self) -> list[int]:
        """Which were accepted, in order."""
        return [event["threshold"] for event in self.accepted]

    @property
    def ids(self) -> list[str]:
        """The id of each post, accepted or not."""
        return [headers["X-Gateway-Event-Id"] for headers, _ in self.posts]


@asynccontextmanager
async def receiving(*answers: int) -> AsyncIterator[Receiver]:
    """Serve a receiver on loopback."""
    receiver = Receiver(answers=list(answers))
    runner = web.ServerRunner(web.Server(receiver.take), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?token=canary"
    try:
        yield receiver
    finally:
        await runner.cleanup()


def level(
    used: int,
    limit: int = 1000,
    window: Window = MONTH_LONG,
    *,
    name: str = "company",
    subject: str = f"c:{COMPANY_ID}",
    scope: Scope = Scope.COMPANY,
    unit: Unit = Unit.TOKENS,
    resets_at_ms: int | None = None,
    held: int = 0,
) -> Level:
    """Give a budget's numbers."""
    budget = Budget(f"{name}@{window.code}", name, scope, subject, unit, window, limit, Enforcement.HARD)
    return Level(budget, limit, used, held, resets_at_ms)


@dataclass
class Fleet:
    """Watchers that share a store, and what they counted."""

    store: Store
    watchers: list[Warnings]
    counted: list[tuple[str, int]]
    posted: list[str]

    async def quiet(self) -> None:
        """Return when all that was noticed is marked and nothing waits for the webhook."""
        outbox = Outbox(self.store, lease_seconds=1)
        while True:
            is_busy = any(one._queue.qsize() or one._steps._open for one in self.watchers)
            if not is_busy and not await outbox.shards():
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(
    url: str, hook: str | None, count: int = 1, thresholds: Sequence[int] = (80, 95, 100), **rest: Any
) -> AsyncIterator[Fleet]:
    """Run `count` watchers, each with connections of its own to the store at `url`."""
    webhook = None if hook is None else Webhook(Secret(hook), Secret(SECRET), rest.pop("timeout_seconds", 5))
    counted: list[tuple[str, int]] = []
    posted: list[str] = []
    async with AsyncExitStack() as stack:
        stores = [Store.connect(url) for _ in range(count + 1)]
        for store in stores:
            stack.push_async_callback(store.close)
        watchers = [
            Warnings(
                store,
                WarningsConfig(tuple(thresholds), webhook),
                on_warned=lambda name, threshold: counted.append((name, threshold)),
                on_posted=posted.append,
                open_socket=open_socket,
                **rest,
            )
            for store in stores[1:]
        ]
        for watcher in watchers:
            await stack.enter_async_context(running(watcher))
        yield Fleet(stores[0], watchers, counted, posted)


@asynccontextmanager
async def running(watcher: Warnings) -> AsyncIterator[None]:
    """Run one as the app does."""
    task = asyncio.create_task(watcher.run())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()
