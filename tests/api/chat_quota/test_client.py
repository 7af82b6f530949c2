"""The real client, `waldur-api-client`, unchanged: it reads, sets and is refused as by the server it was made for."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from waldur_api_client.api.chat_quota import chat_quota_set_quota, chat_quota_usage_retrieve
from waldur_api_client.client import AuthenticatedClient, Client
from waldur_api_client.errors import UnexpectedStatus
from waldur_api_client.models.set_token_quota_request import SetTokenQuotaRequest
from waldur_api_client.models.token_quota_usage_response import TokenQuotaUsageResponse

from tests.api.chat_quota.asking import newcomer
from tests.edge import BOSS_KEY, EVE, Edge
from tests.gateways import ADA, ADA_KEY, ADMIN_KEY

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Sdk:
    """The client's calls, blocking ones in a thread or its asyncio ones."""

    def __init__(self, url: str, *, is_async: bool) -> None:
        self._url = url
        self._is_async = is_async

    async def usage(self, key: str, user: str, prefix: str = "Token") -> TokenQuotaUsageResponse:
        return await self._call(chat_quota_usage_retrieve, "", key, prefix, user_uuid=UUID(user))

    async def set_quota(self, key: str, user: str, **limits: Any) -> Any:
        body = SetTokenQuotaRequest(user_uuid=UUID(user), **limits)
        return await self._call(chat_quota_set_quota, "_detailed", key, "Token", body=body)

    async def _call(self, operation: Any, suffix: str, key: str, prefix: str, **arguments: Any) -> Any:
        client = AuthenticatedClient(base_url=self._url, token=key, prefix=prefix)
        if self._is_async:
            async with client:
                return await getattr(operation, f"asyncio{suffix}")(client=client, **arguments)
        return await asyncio.to_thread(self._blocking, getattr(operation, f"sync{suffix}"), client, arguments)

    @staticmethod
    def _blocking(call: Any, client: AuthenticatedClient, arguments: Any) -> Any:
        with client:
            return call(client=client, **arguments)


@pytest_asyncio.fixture(params=["sync", "asyncio"], loop_scope="module")
async def sdk(request: pytest.FixtureRequest, edge: Edge) -> AsyncIterator[Sdk]:
    """Give the client in both its manners."""
    yield Sdk(edge.client.url, is_async=request.param == "asyncio")


async def test_a_user_reads_the_own_quota(sdk: Sdk) -> None:
    """With the own uuid, which the typed client always sends, in hyphens."""
    found = await sdk.usage(ADA_KEY, ADA)
    assert (found.daily_limit, found.daily_system_default, found.weekly_system_default) == (None, 100_000, -1)
    assert (found.daily_remaining, found.weekly_remaining) == (100_000 - found.daily_usage, None)
    for at in (found.daily_reset_at, found.weekly_reset_at, found.monthly_reset_at):
        assert at.utcoffset() is not None
        assert at > datetime.now(UTC)
    assert found.additional_properties == {}


async def test_the_newer_prefix_works(sdk: Sdk) -> None:
    """A client set to Bearer is understood as well."""
    assert (await sdk.usage(ADA_KEY, ADA, prefix="Bearer")).daily_system_default == 100_000


@pytest.mark.parametrize("key", [BOSS_KEY, ADMIN_KEY])
async def test_an_admin_sets_and_clears(sdk: Sdk, edge: Edge, key: str) -> None:
    """What the client leaves unset stays, None clears; the answer is 200 without content."""
    user = await newcomer(edge.client)
    answer = await sdk.set_quota(key, user, daily_limit=500, weekly_limit=-1, monthly_limit=0)
    assert (answer.status_code, answer.content, answer.parsed) == (HTTPStatus.OK, b"", None)
    found = await sdk.usage(key, user)
    assert (found.daily_limit, found.weekly_limit, found.monthly_limit) == (500, -1, 0)
    assert (found.daily_remaining, found.weekly_remaining, found.monthly_remaining) == (
        500 - found.daily_usage,
        None,
        0,
    )
    await sdk.set_quota(key, user, daily_limit=None)
    found = await sdk.usage(key, user)
    assert (found.daily_limit, found.weekly_limit, found.monthly_limit) == (None, -1, 0)


@pytest.mark.parametrize(
    ("key", "user", "status", "content"),
    [
        (ADA_KEY, EVE, 403, b'{"detail":"You can only view your own usage."}'),
        (BOSS_KEY, EVE, 404, b'{"detail":"User not found."}'),
        (ADMIN_KEY, "0c911bfa-650d-455d-9c49-2de815adf927", 404, b'{"detail":"User not found."}'),
        ("nobody-key-0123456789", ADA, 401, b'{"detail":"Invalid token."}'),
    ],
)
async def test_a_refused_read_raises(sdk: Sdk, key: str, user: str, status: int, content: bytes) -> None:
    """UnexpectedStatus, with the status and the words."""
    with pytest.raises(UnexpectedStatus) as refusal:
        await sdk.usage(key, user)
    assert (refusal.value.status_code, refusal.value.content) == (status, content)


@pytest.mark.parametrize(
    ("key", "user", "limits", "status", "content"),
    [
        (ADA_KEY, ADA, {}, 403, b'{"detail":"You do not have permission to perform this action."}'),
        (BOSS_KEY, EVE, {}, 404, b'{"detail":"User not found."}'),
        (
            BOSS_KEY,
            ADA,
            {"daily_limit": 1.5, "monthly_limit": "many"},
            400,
            b'{"daily_limit":["A valid integer is required."],"monthly_limit":["A valid integer is required."]}',
        ),
    ],
)
async def test_a_refused_change_raises(
    sdk: Sdk, key: str, user: str, limits: dict[str, Any], status: int, content: bytes
) -> None:
    """UnexpectedStatus as well: the client takes 200 alone for done."""
    with pytest.raises(UnexpectedStatus) as refusal:
        await sdk.set_quota(key, user, **limits)
    assert (refusal.value.status_code, refusal.value.content) == (status, content)


async def test_without_a_key(edge: Edge) -> None:
    """The client of anonymous calls is told to authenticate."""
    async with Client(base_url=edge.client.url) as client:
        with pytest.raises(UnexpectedStatus) as refusal:
            await chat_quota_usage_retrieve.asyncio(client=client, user_uuid=UUID(ADA))  # type: ignore[arg-type]
    assert refusal.value.status_code == HTTPStatus.UNAUTHORIZED
    assert b"Authentication credentials were not provided." in refusal.value.content
