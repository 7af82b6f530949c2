"""`GET /v1/budget`: the caller's own budgets, in the same numbers as headers and enforcement."""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
import pytest_asyncio

from gateway.pipeline.limits import shown
from tests.edge import BOSS_KEY, KEYS, OLD_KEY, ROBOT_KEY, USERS, Edge, edge_running
from tests.gateways import ACME, ADA, ADA_KEY, ADMIN_KEY, BOB, BOB_KEY, OTHER_KEY, Limits
from tests.wire import LAST, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUDGETS = """
- {name: rpm, scope: key, unit: requests, window: {fixed_seconds: 60}, limit: 600}
- {name: busy, scope: company, unit: in_flight, limit: 50}
- {name: deep, scope: user, match: {purpose: DT}, window: {rolling_days: 7}, limit: 4000, enforcement: soft}
- {name: for-good, scope: agent, window: {lifetime: true}, limit: 90000}
"""
QUOTAS = ["user-daily", "user-weekly", "user-monthly"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(
    valkey_url: str, far_address: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Edge]:
    """Give a gateway with budgets of every kind."""
    limits = Limits(daily=5_000, budgets=BUDGETS, users=USERS, keys=KEYS)
    async with edge_running(valkey_url, far_address, tmp_path_factory.mktemp("budget"), limits) as running:
        yield running


def bearer(key: str, user: str | None = None) -> dict[str, str]:
    """Give the headers of a key that may act for a user."""
    return {"Authorization": f"Bearer {key}"} | ({} if user is None else {"X-Gateway-User": user})


@pytest.mark.parametrize(
    ("key", "user", "names"),
    [
        (ADA_KEY, None, ["company", *QUOTAS, "rpm", "busy", "deep", "for-good"]),
        (BOB_KEY, None, ["company", *QUOTAS, "rpm", "busy", "deep"]),
        (ROBOT_KEY, None, ["company", "rpm", "busy"]),
        (ROBOT_KEY, BOB, ["company", *QUOTAS, "rpm", "busy", "deep"]),
        (BOSS_KEY, None, ["company", "rpm", "busy"]),
        (OTHER_KEY, None, ["company", "rpm", "busy"]),
    ],
)
async def test_a_caller_sees_the_budgets_that_his_calls_count_in(
    edge: Edge, key: str, user: str | None, names: list[str]
) -> None:
    """A user's key: the company's and the user's; a service key: the company's, with a user's where it names one."""
    assert list(await edge.client.budgets(**bearer(key, user))) == names


async def test_the_answer_says_whose_budgets_they_are(edge: Edge) -> None:
    """Company and user by id and name, the store's time, and no cache keeps it."""
    async with edge.client.get("/v1/budget") as answer:
        body = await answer.json()
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        assert len(answer.headers["x-request-id"]) == 26
    assert (body["object"], body["company"], body["user"]) == (
        "list",
        {"id": ACME, "name": "acme"},
        {"id": ADA, "name": "ada"},
    )
    assert datetime.fromisoformat(body["now"]).tzinfo is not None
    async with edge.client.get("/v1/budget", **bearer(ROBOT_KEY)) as answer:
        assert (await answer.json())["user"] is None


async def test_a_budget_is_shown_with_its_kind(edge: Edge) -> None:
    """Scope, unit, window and enforcement are words; what has no limit has null, what never resets has null."""
    budgets = await edge.client.budgets()
    kinds = {name: [one[part] for part in ("scope", "unit", "window", "enforcement")] for name, one in budgets.items()}
    assert kinds == {
        "company": ["company", "tokens", "30d", "hard"],
        "user-daily": ["user", "tokens", "day", "hard"],
        "user-weekly": ["user", "tokens", "week", "hard"],
        "user-monthly": ["user", "tokens", "month", "hard"],
        "rpm": ["key", "requests", "60s", "hard"],
        "busy": ["company", "in_flight", None, "hard"],
        "deep": ["user", "tokens", "7d", "soft"],
        "for-good": ["agent", "tokens", "lifetime", "hard"],
    }
    assert [budgets["user-weekly"][part] for part in ("limit", "remaining")] == [None, None]
    assert [budgets["user-daily"][part] for part in ("limit", "remaining")] == [5_000, 5_000]
    assert [budgets[name]["resets_at"] for name in ("busy", "for-good")] == [None, None]
    assert datetime.fromisoformat(budgets["user-daily"]["resets_at"]).tzinfo is not None


async def test_the_numbers_are_the_ledger_s(edge: Edge) -> None:
    """What is shown after calls is what a reservation would meet, number for number."""
    for _ in range(3):
        async with edge.client.chat(headers={"X-Gateway-Purpose": "DT"}) as answer:
            assert answer.status == 200
    await edge.client.company()
    budgets = await edge.client.budgets()
    gateway = edge.client.app.gateway
    caller = gateway.callers.holder(ADA_KEY, now_ms=gateway.ledger.now_ms())
    levels = await gateway.ledger.read(ACME, gateway.rules.all_of(caller))
    assert list(budgets.values()) == [shown(level) for level in levels]
    used = {name: one["used"] for name, one in budgets.items()}
    assert {used[name] for name in ("company", *QUOTAS, "deep", "for-good")} == {3 * 21}
    assert used["busy"] == 0
    for one in budgets.values():
        assert one["limit"] is None or one["remaining"] == max(0, one["limit"] - one["used"] - one["held"])


async def test_the_numbers_are_those_of_the_headers(edge: Edge) -> None:
    """The answer's own RateLimit fields say the same, and leave the unlimited ones out."""
    async with edge.client.get("/v1/budget") as answer:
        fields = dict(item.split(";")[:2] for item in answer.headers["RateLimit"].split(", "))
        budgets = (await answer.json())["data"]
    limited = [one for one in budgets if one["limit"] is not None]
    assert fields == {f'"{one["name"]}"': f"r={one['remaining']}" for one in limited}
    tokens = [one for one in limited if one["unit"] == "tokens"]
    assert answer.headers["x-ratelimit-remaining-tokens"] == str(min(one["remaining"] for one in tokens))


async def test_what_a_call_in_flight_holds_is_shown_as_held(edge: Edge) -> None:
    """While a call runs its hold is taken off what remains, in every budget it counts in; then it is gone."""
    await edge.far.reset()
    before = await edge.client.budgets(**bearer(BOB_KEY))
    async with edge.client.chat("m:gate-1", stream=True, headers=bearer(BOB_KEY)) as answer:
        await answer.content.readany()
        during = await edge.client.budgets(**bearer(BOB_KEY))
        await edge.far.open()
        await answer.read()
    held = {name: one["held"] for name, one in during.items()}
    assert held["user-daily"] == held["company"] == held["deep"] > 64
    assert (held["rpm"], held["busy"]) == (1, 1)
    assert during["user-daily"]["remaining"] == before["user-daily"]["remaining"] - held["user-daily"]
    await edge.client.company()
    assert not any(one["held"] for one in (await edge.client.budgets(**bearer(BOB_KEY))).values())


async def test_reading_costs_nothing_and_leaves_nothing(edge: Edge) -> None:
    """A read writes no key, also for a user whom nobody has seen, and counts as no request."""
    store = edge.client.app.gateway.store
    await edge.client.company()
    keys = sorted(await store.execute("KEYS", "*"))
    used = {name: one["used"] for name, one in (await edge.client.budgets()).items()}
    await edge.client.budgets(**bearer(ROBOT_KEY, "77777777-7777-4777-8777-777777777777"))
    assert {name: one["used"] for name, one in (await edge.client.budgets()).items()} == used
    assert sorted(await store.execute("KEYS", "*")) == keys


async def test_an_admin_key_has_no_budgets_of_its_own(edge: Edge) -> None:
    """403 with the reason: there is no company behind it."""
    async with edge.client.get("/v1/budget", **bearer(ADMIN_KEY)) as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["code"]) == (403, "forbidden")
        assert "no company" in error["message"]


@pytest.mark.parametrize("key", [ADA_KEY, OTHER_KEY, BOSS_KEY, ADMIN_KEY])
async def test_nobody_reads_another_s_budgets_by_naming_him(edge: Edge, key: str) -> None:
    """Only a service key may name a user; for all others 403, and no number is told."""
    async with edge.client.get("/v1/budget", **bearer(key, BOB)) as answer:
        assert (answer.status, "data" in await answer.json()) == (403, False)
        assert "RateLimit" not in answer.headers


@pytest.mark.parametrize("key", [None, "nobody-key-0123456789", OLD_KEY])
async def test_without_a_good_key_nothing_is_told(edge: Edge, key: str | None) -> None:
    """401, without a number."""
    (reply,) = await edge.talk(request("GET", "/v1/budget", LAST, key=key))
    assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")
    assert not [name for name in reply.headers if "ratelimit" in name.lower()]


async def test_a_company_sees_only_its_own(edge: Edge) -> None:
    """What acme spends moves nothing of the other company's numbers."""
    before = await edge.client.budgets(**bearer(OTHER_KEY))
    async with edge.client.chat() as answer:
        assert answer.status == 200
    await edge.client.company()
    assert await edge.client.budgets(**bearer(OTHER_KEY)) == before
