"""What is set holds: for the next call, on every gateway, after a restart, and on record."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.store import open_store
from gateway.store.connection import Store
from gateway.store.shards import prefix
from tests.api.chat_quota.asking import is_admitted, set_quota, usage
from tests.api.chat_quota.conftest import CAPPED, LIMITS
from tests.edge import BOSS_KEY
from tests.gateways import ACME, ADA, ADA_KEY, ADMIN_KEY, BACKEND_KEY, BOB_KEY, Client, gateway_running
from tests.provider.process import ProviderProcess

PERIODS = ("daily", "weekly", "monthly")
CALL = "gpt-4o/m:tokens-20"


@pytest.fixture
async def two(
    valkey_store: Store, valkey_url: str, far_address: tuple[int, int], tmp_path: Path
) -> AsyncIterator[tuple[Client, Client]]:
    """Give two gateways, each with connections of its own, on one store."""
    async with AsyncExitStack() as stack:
        clients = []
        for store in (valkey_store, Store.connect(valkey_url)):
            if clients:
                stack.push_async_callback(store.close)
            far_url = f"http://127.0.0.1:{far_address[0]}/v1"
            clients.append(await stack.enter_async_context(gateway_running(store, tmp_path, far_url, LIMITS)))
        yield clients[0], clients[1]


async def used(client: Client, key: str, user: str | None = None) -> list[int]:
    """Give what each period counts."""
    status, body = await usage(client, key, user)
    assert status == 200, body
    return [body[f"{period}_usage"] for period in PERIODS]


async def test_a_call_moves_all_three_counters(two: tuple[Client, Client]) -> None:
    """Prompt and completion tokens count alike in the day, the week and the month, at once, for that user alone."""
    client, other = two
    async with client.chat(CALL) as answer:
        tokens = (await answer.json())["usage"]
    total = tokens["prompt_tokens"] + tokens["completion_tokens"]
    assert total > 20
    assert await used(client, ADA_KEY) == await used(other, ADA_KEY) == [total] * 3
    assert await used(client, BOB_KEY) == [0, 0, 0]
    async with client.chat(CALL, stream=True) as answer:
        await answer.read()
    assert await used(other, ADMIN_KEY, ADA) == [2 * total] * 3


async def test_what_is_held_is_not_used(two: tuple[Client, Client], far_address: tuple[int, int]) -> None:
    """A call under way takes nothing from `remaining`: it counts when it has ended."""
    client, _ = two
    far = ProviderProcess(*far_address, client.session)
    await far.reset()
    async with client.chat("m:tokens-5.gate-2", stream=True) as answer:
        await answer.content.readany()
        assert (await client.budgets())["user-daily"]["held"] > 0
        assert await used(client, ADA_KEY) == [0, 0, 0]
        await far.open()
        await answer.read()
    assert (await used(client, ADA_KEY))[0] > 0


async def test_a_quota_holds_from_the_next_call_on_every_gateway(two: tuple[Client, Client]) -> None:
    """Set on one gateway it refuses on the other, with the quota's name; cleared there, calls pass on both."""
    first, second = two
    assert await is_admitted(second, ADA_KEY)
    for limit in (1, 0):
        assert await set_quota(first, BOSS_KEY, {"user_uuid": ADA, "daily_limit": limit}) == (200, None)
        assert not await is_admitted(first, ADA_KEY)
        assert not await is_admitted(second, ADA_KEY)
        assert await is_admitted(second, BOB_KEY)
        assert (await usage(second, ADA_KEY))[1]["daily_remaining"] == 0
    assert await set_quota(second, BOSS_KEY, {"user_uuid": ADA, "daily_limit": None}) == (200, None)
    assert await is_admitted(first, ADA_KEY)
    assert await is_admitted(second, ADA_KEY)


@pytest.mark.parametrize("period", PERIODS)
async def test_each_period_refuses_in_its_name(two: tuple[Client, Client], period: str) -> None:
    """The refusal names the quota that is spent, its limit and what was used of it."""
    client, _ = two
    async with client.chat("gpt-4o/m:tokens-60") as answer:
        assert answer.status == 200
    (spent, *_) = await used(client, ADA_KEY)
    await set_quota(client, BOSS_KEY, {"user_uuid": ADA, f"{period}_limit": spent})
    async with client.chat(CALL, max_tokens=20) as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error["code"]) == (429, "budget_exceeded")
    found = error["budget"]
    assert (found["name"], found["limit"], found["used"]) == (f"user-{period}", spent, spent)
    assert found["resets_at"] == (await usage(client, ADA_KEY))[1][f"{period}_reset_at"]


async def test_what_is_set_wins_over_the_file(two: tuple[Client, Client]) -> None:
    """A user whom the file blocks for the week calls while an API's limit stands, and no longer when it is cleared."""
    client, _ = two
    body = {"user_uuid": CAPPED, "daily_limit": -1, "weekly_limit": 100_000}
    headers = {"Authorization": f"Bearer {BACKEND_KEY}", "X-Gateway-User": CAPPED}
    statuses = []
    for fields in ({}, body, {"user_uuid": CAPPED, "weekly_limit": None}):
        if fields:
            await set_quota(client, BOSS_KEY, fields)
        async with client.chat(CALL, headers=headers, max_tokens=5) as answer:
            statuses.append((answer.status, (await answer.json()).get("error", {}).get("budget", {}).get("name")))
    assert statuses == [(429, "user-weekly"), (200, None), (429, "user-weekly")]


async def test_a_refused_call_is_not_the_first(two: tuple[Client, Client]) -> None:
    """Who was never admitted has left nothing, so there is nobody to find."""
    client, _ = two
    user = "22222222-2222-4222-8222-2222222222aa"
    headers = {"Authorization": f"Bearer {BACKEND_KEY}", "X-Gateway-User": user}
    async with client.chat(CALL, headers=headers, max_tokens=0) as answer:
        assert answer.status == 400
    assert (await usage(client, BOSS_KEY, user))[0] == 404


async def test_settings_of_many_at_once_leave_one_of_them(two: tuple[Client, Client]) -> None:
    """All limits of one request stand together, whatever else is set at the same time."""
    bodies = [{"user_uuid": ADA} | {f"{period}_limit": n for period in PERIODS} for n in range(40)]
    answers = await asyncio.gather(*(set_quota(two[n % 2], BOSS_KEY, body) for n, body in enumerate(bodies)))
    assert set(answers) == {(200, None)}
    _, body = await usage(two[0], ADA_KEY)
    assert len({body[f"{period}_limit"] for period in PERIODS}) == 1


async def test_who_changed_what_is_on_record(two: tuple[Client, Client]) -> None:
    """The store's events and the log tell the key, the user, and each limit before and after; never the key's text."""
    client, _ = two
    await set_quota(client, BOSS_KEY, {"user_uuid": ADA, "daily_limit": 5})
    with capture_logs() as logs:
        await set_quota(client, ADMIN_KEY, {"user_uuid": ADA, "daily_limit": None, "monthly_limit": -1})
    (line,) = [line for line in logs if line["event"] == "quota_set"]
    assert (line["key"], line["company"], line["user"]) == ("admin", "acme", "ada")
    assert line["old"] == {"user-daily": 5, "user-monthly": None}
    assert line["new"] == {"user-daily": None, "user-monthly": -1}
    assert line["log_level"] == logging.getLevelName(logging.INFO).lower()
    events = await client.app.gateway.store.execute("XRANGE", f"{prefix(ACME)}E", "-", "+")
    fields = [dict(one) if isinstance(one, dict) else dict(zip(one[::2], one[1::2], strict=True)) for _, one in events]
    set_by = [one for one in fields if one[b"kind"] == b"override"]
    assert [one[b"who"] for one in set_by] == [b"boss", b"admin"]
    assert set_by[1][b"subject"] == f"u:{ACME}:{ADA}".encode()
    assert set_by[1][b"old:user-daily@day"].startswith(b"5:")
    assert set_by[1][b"new:user-daily@day"] == b""
    assert set_by[1][b"new:user-monthly@month"].startswith(b"-1:")
    assert ADMIN_KEY not in f"{logs}{events}"


async def test_nothing_changed_leaves_no_record(two: tuple[Client, Client]) -> None:
    """A change of no field is none."""
    client, _ = two
    assert await set_quota(client, BOSS_KEY, {"user_uuid": ADA}) == (200, None)
    assert await client.app.gateway.store.execute("EXISTS", f"{prefix(ACME)}E") == 0


async def test_a_quota_survives_a_restart_of_everything(tmp_path: Path, far_address: tuple[int, int]) -> None:
    """Gateway and embedded store are ended and started anew: limits and counts are as they were."""
    seen = []
    for is_first in (True, False):
        async with (
            open_store("embedded", tmp_path / "data", allow_volatile=False) as store,
            gateway_running(store, tmp_path, f"http://127.0.0.1:{far_address[0]}/v1", LIMITS) as client,
        ):
            if is_first:
                assert await is_admitted(client, ADA_KEY)
                await set_quota(client, BOSS_KEY, {"user_uuid": ADA, "daily_limit": 1, "weekly_limit": -1})
            seen.append(await usage(client, ADA_KEY))
            assert not await is_admitted(client, ADA_KEY)
    assert seen[0] == seen[1]
    assert (seen[0][1]["daily_limit"], seen[0][1]["weekly_limit"]) == (1, -1)


async def test_a_store_that_is_away_is_said_in_this_api_s_shape(two: tuple[Client, Client]) -> None:
    """503 with when to come back, and nothing is believed to be set."""
    client, _ = two
    await client.app.gateway.store.close()
    for answer in (
        await usage(client, ADA_KEY),
        await set_quota(client, BOSS_KEY, {"user_uuid": ADA, "daily_limit": 1}),
    ):
        assert (answer[0], list(answer[1])) == (503, ["detail"])
