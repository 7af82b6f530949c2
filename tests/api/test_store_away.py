"""Every API while the breaker is open: 503 at once, in its own shape, with when to come back; nothing is sent."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.connection import Store
from tests.api.test_all_families import ADMIN, BACKEND, DAY_MS
from tests.gateways import ADMIN_KEY, BOB, Client, Limits, gateway_running
from tests.pipeline.test_store_away import ready
from tests.store.restartable import Eater, eating, restartable

BILL = "start_time={start}&end_time={end}"
PAGES = {
    "company usage": ("/assistant/ai-chat/usage", BACKEND, {"ResponseStatus"}),
    "user quota": (f"/api/chat-quota/usage/?user_uuid={BOB}", ADMIN, {"detail"}),
    "consumption logs": (f"/api/v2/UserConsumptionLogs/{ADMIN_KEY}/{BOB}/Daily", {}, None),
    "bill": (f"/v1/account/bill/page?{BILL}", BACKEND, None),
    "sum of the bill": (f"/v1/account/bill/total?{BILL}", BACKEND, None),
    "usage": ("/v1/usage?group_by=model", BACKEND, {"error"}),
    "budgets": ("/v1/budget", BACKEND, {"error"}),
}

TOLD_INSIDE = {"consumption logs"}
"""Its definition has a code in the answer, and 200 for all of them."""


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[tuple[Client, Eater]]:
    """Give a gateway and what its store is sent."""
    with restartable(tmp_path / "store") as server:
        async with eating(server) as (eater, url):
            store = Store.connect(url)
            async with gateway_running(store, tmp_path, "http://127.0.0.1:1", Limits()) as client:
                await ready(client)
                yield client, eater
            await store.close()


@pytest.mark.parametrize("page", PAGES)
async def test_every_api_says_so_in_its_own_words(watched: tuple[Client, Eater], page: str) -> None:
    """The same page is 200 with the store and 503 without; who asks waits for no time-out."""
    client, eater = watched
    path, headers, fields = PAGES[page]
    now_ms = client.app.gateway.ledger.now_ms()
    path = path.format(start=now_ms - DAY_MS, end=now_ms)
    async with client.get(path, **headers) as answer:
        assert answer.status == 200, await answer.text()
    (part,) = client.app.gateway.store.parts()
    part.breaker.trip()
    before = len(eater.seen)
    async with client.get(path, **headers) as answer:
        problem = json.loads(await answer.read())
        assert (answer.status, answer.headers["Retry-After"]) == (200 if page in TOLD_INSIDE else 503, "1")
        assert len(eater.seen) == before
    assert fields is None or set(problem) == fields
    assert page not in TOLD_INSIDE or problem["resultCode"] != 0
