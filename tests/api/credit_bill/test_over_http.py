"""The credit bill over HTTP, for calls that were really made."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.store.connection import Store
from tests.gateways import (
    ADA_KEY,
    ADMIN_KEY,
    BACKEND_KEY,
    BOB_KEY,
    OTHER_KEY,
    PROVIDER_SECRET,
    Client,
    Limits,
    gateway_running,
)
from tests.provider.process import far_end_running

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def far_url() -> Any:
    with far_end_running(PROVIDER_SECRET) as (port, _):
        yield f"http://127.0.0.1:{port}/v1"


@pytest.fixture
async def client(valkey_store: Store, tmp_path: Path, far_url: str) -> AsyncIterator[Client]:
    async with gateway_running(valkey_store, tmp_path, far_url, Limits()) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def bill(client: Client, query: str, path: str = "page", **headers: str) -> tuple[int, Any]:
    async with client.get(f"/v1/account/bill/{path}?{query}", **headers) as answer:
        assert answer.content_type == "application/json"
        return answer.status, await answer.json()


def around(now_ms: int, days: int = 2) -> str:
    return f"start_time={now_ms - days * DAY_MS}&end_time={now_ms}"


async def test_a_call_is_on_its_days_bill(client: Client) -> None:
    """Today's line holds what the calls cost, by the category of their purpose; the days before it are zeros."""
    for purpose in ("QA", "QA", "IE"):
        async with client.chat("m:tokens-20", headers={"X-Gateway-Purpose": purpose}) as answer:
            usage = (await answer.json())["usage"]
    await client.company()
    now_ms = client.app.gateway.ledger.now_ms()
    status, days = await bill(client, around(now_ms))
    cost = usage["total_tokens"] / 1000  # one credit a thousand tokens where the configuration names no price
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat()
    assert status == 200
    assert [day["total"] for day in days[:-1]] == [0, 0]
    assert days[-1]["date"] == today
    assert days[-1]["chat"] == pytest.approx(2 * cost)
    assert days[-1]["knowledge_doc_indexing"] == pytest.approx(cost)
    assert days[-1]["total"] == pytest.approx(3 * cost)
    status, total = await bill(client, around(now_ms, 300), "total")
    assert status == 200
    assert total["total"] == days[-1]["total"]
    assert total["end_date"] == today


async def test_pages_cut_the_array(client: Client) -> None:
    """A page is a part of the array of days, and past the end there is an empty one."""
    now_ms = client.app.gateway.ledger.now_ms()
    _, whole = await bill(client, around(now_ms, 9))
    _, first = await bill(client, around(now_ms, 9) + "&page=1&page_size=4")
    _, last = await bill(client, around(now_ms, 9) + "&page=3&page_size=4")
    _, past = await bill(client, around(now_ms, 9) + "&page=4&page_size=4")
    assert len(whole) == 10
    assert (first, last, past) == (whole[:4], whole[8:], [])
    assert [day["date"] for day in whole] == sorted({day["date"] for day in whole})


async def test_a_company_sees_its_own_bill(client: Client) -> None:
    """Every key of a company sees that company's bill, and nothing in a request names another."""
    async with client.chat("m:tokens-20"):
        await client.company()
    now = around(client.app.gateway.ledger.now_ms(), 0)
    _, mine = await bill(client, now)
    _, colleague = await bill(client, now, Authorization=f"Bearer {BOB_KEY}")
    _, others = await bill(client, now + "&company=acme", Authorization=f"Bearer {OTHER_KEY}")
    assert mine == colleague
    assert mine[0]["total"] > 0
    assert others[0]["total"] == 0


@pytest.mark.parametrize(("key", "status"), [(ADA_KEY, 403), (BOB_KEY, 403), (BACKEND_KEY, 200), (OTHER_KEY, 200)])
async def test_a_company_may_keep_its_bill_from_its_users(
    key: str, status: int, valkey_store: Store, tmp_path: Path, far_url: str
) -> None:
    """With `users_see_company: false` the company's service keys still see it, and other companies are as before."""
    limits = Limits(company=", users_see_company: false")
    async with gateway_running(valkey_store, tmp_path, far_url, limits) as client:
        now = around(client.app.gateway.ledger.now_ms())
        for path in ("page", "total"):
            found, body = await bill(client, now, path, **bearer(key))
            assert found == status
            assert status == 200 or body == {"code": 20055, "message": "This key may not read this company's bill."}


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("", {}, 400, 40000),
        ("start_time=1&end_time=x", {}, 400, 40000),
        (f"start_time=0&end_time={90 * DAY_MS}", {}, 400, 40000),
        ("start_time=1&end_time=2&page_size=0", {}, 400, 40000),
        ("&".join(f"a{n}=1" for n in range(40)), {}, 400, 40000),
        ("start_time=1&end_time=2", {"Authorization": "Bearer nobodys-key-0123456789"}, 401, 40127),
        ("start_time=1&end_time=2", {"Authorization": ""}, 401, 40127),
        ("start_time=1&end_time=2", bearer(ADMIN_KEY), 403, 20055),
    ],
)
async def test_a_failure_has_a_code_and_a_message(
    client: Client, query: str, headers: dict[str, str], status: int, code: int
) -> None:
    """A failure is told as the vendor tells it."""
    found, body = await bill(client, query, **headers)
    assert (found, set(body), body["code"]) == (status, {"code", "message"}, code)
    assert body["message"]


async def test_another_verb_is_a_failure(client: Client) -> None:
    """Only GET is answered; the rest is told in the same shape."""
    async with client.post("/v1/account/bill/page", {}) as answer:
        assert answer.status == 405
        assert (await answer.json())["code"] == 40000
