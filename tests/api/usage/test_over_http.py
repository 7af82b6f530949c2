"""`GET /v1/usage` over HTTP, for calls that were really made."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.store.connection import Store
from tests.gateways import (
    ACME,
    ADA,
    ADA_KEY,
    ADMIN_KEY,
    BACKEND_KEY,
    BOB,
    BOB_KEY,
    OTHER,
    OTHER_KEY,
    PROVIDER_SECRET,
    Client,
    Limits,
    gateway_running,
)
from tests.provider.process import far_end_running


@pytest.fixture(scope="module")
def far_url() -> Any:
    with far_end_running(PROVIDER_SECRET) as (port, _):
        yield f"http://127.0.0.1:{port}/v1"


@pytest.fixture
async def client(valkey_store: Store, tmp_path: Path, far_url: str) -> AsyncIterator[Client]:
    """Give a gateway through which ada called twice and bob once."""
    async with gateway_running(valkey_store, tmp_path, far_url, Limits()) as client:
        for key, purpose in ((None, "QA"), (None, "DT"), (BOB_KEY, "DT")):
            headers = {"X-Gateway-Purpose": purpose} | ({"Authorization": f"Bearer {key}"} if key else {})
            async with client.chat("m:tokens-20", headers=headers) as answer:
                await answer.read()
        await client.company()
        yield client


async def usage(client: Client, query: str = "", key: str | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with client.get(f"/v1/usage?{query}", **headers) as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, await (answer.json() if is_json else answer.text())


async def test_the_sums_are_the_ledgers(client: Client) -> None:
    """The whole company's tokens are what its budget has used."""
    used, _ = await client.company()
    status, body = await usage(client, "group_by=user,purpose", BACKEND_KEY)
    assert status == 200
    assert body["total"]["weighted_tokens"] == used
    assert body["total"]["prompt_tokens"] + body["total"]["completion_tokens"] == used
    groups = {(row["user"], row["purpose"]): row["requests"] for row in body["data"]}
    assert groups == {(ADA, "QA"): 1, (ADA, "DT"): 1, (BOB, "DT"): 1}


@pytest.mark.parametrize("form", ["json", "csv"])
async def test_keys_are_told_apart_by_name(client: Client, form: str) -> None:
    """Keys that end alike are different rows, called as the configuration calls them."""
    async with client.post(
        "/assistant/ai-chat/usage", {"TokensUsed": 7}, Authorization=f"Bearer {BACKEND_KEY}"
    ) as sent:
        assert sent.status == 200
    assert len({key[-4:] for key in (ADA_KEY, BOB_KEY, BACKEND_KEY)}) == 1
    _, body = await usage(client, f"group_by=key&format={form}", BACKEND_KEY)
    found = csv.DictReader(io.StringIO(body, newline="")) if form == "csv" else body["data"]
    assert [(row["key"], int(row["requests"])) for row in found] == [("ada", 2), ("backend", 1), ("bob", 1)]


async def test_a_user_sees_its_own(client: Client) -> None:
    """A user's key sees that user's calls and nobody else's."""
    _, body = await usage(client, "group_by=user")
    assert [(row["user"], row["requests"]) for row in body["data"]] == [(ADA, 2)]
    assert body["user"] == ADA


async def test_an_admin_names_any_company(client: Client) -> None:
    """An admin sees any company, by id or by name; one that is not there is said so."""
    for name in (ACME, "acme"):
        status, body = await usage(client, f"company={name}", ADMIN_KEY)
        assert (status, body["total"]["requests"]) == (200, 3)
    assert (await usage(client, "company=nobody", ADMIN_KEY))[0] == 400
    assert (await usage(client, "", ADMIN_KEY))[0] == 400


@pytest.mark.parametrize("company", [ACME, "acme", "nobody", ""])
async def test_another_company_is_refused_like_one_that_is_not_there(client: Client, company: str) -> None:
    """Who may see its own company only learns nothing about which others exist."""
    refused = await usage(client, f"company={company}", OTHER_KEY)
    assert refused == await usage(client, "company=no-such-company", OTHER_KEY)
    assert refused[0] == 403
    assert (await usage(client, f"company={OTHER}", OTHER_KEY))[0] == 200


async def test_csv_has_the_same_numbers(client: Client) -> None:
    """The CSV is the same table."""
    _, text = await usage(client, "format=csv&group_by=purpose,model", BACKEND_KEY)
    lines = text.splitlines()
    assert lines[0].startswith("purpose,model,requests,prompt_tokens")
    assert [line.split(",")[:3] for line in lines[1:]] == [["DT", "m:tokens-20", "2"], ["QA", "m:tokens-20", "1"]]


@pytest.mark.parametrize("query", ["start=x", "group_by=x", "nonsense=1", "&".join(f"a{n}=1" for n in range(30))])
async def test_a_bad_query_is_a_400(client: Client, query: str) -> None:
    """What cannot be meant is told in the usual shape."""
    status, body = await usage(client, query)
    assert (status, body["error"]["type"]) == (400, "invalid_request_error")


async def test_a_key_is_needed(client: Client) -> None:
    """Nobody's usage is public."""
    assert (await usage(client, key="nobodys-key-0123456789"))[0] == 401
