"""What the tests over HTTP share: the routes of the family, a request, and what its answer says."""

import json
from typing import Any

from aiohttp import ClientResponse

from tests.gateways import Client

ROUTE = "/assistant/ai-chat/usage"
GET_ROUTES = (ROUTE, "/api/GetAiChatUsage", "/json/reply/GetAiChatUsage")
RECORD_ROUTES = (ROUTE, "/api/RecordAiChatUsage", "/json/reply/RecordAiChatUsage")
JSON = "application/json; charset=utf-8"


def bearer(key: str) -> dict[str, str]:
    """Give the header of a key."""
    return {"Authorization": f"Bearer {key}"}


async def ask(client: Client, method: str, target: str, **request: Any) -> tuple[ClientResponse, str]:
    """Send a request with the client's headers or others instead, None for none; give the answer and its text."""
    both = {**client.headers, **request.pop("headers", {})}
    headers = {name: value for name, value in both.items() if value is not None}
    async with client.session.request(method, client.url + target, headers=headers, **request) as answer:
        return answer, await answer.text()


async def usage(client: Client, method: str = "GET", target: str = ROUTE, **request: Any) -> dict[str, Any]:
    """Give the usage that a request is answered with."""
    answer, text = await ask(client, method, target, **request)
    assert answer.status == 200, text
    return json.loads(text)


async def refused(client: Client, method: str, target: str, **request: Any) -> tuple[int, dict[str, Any]]:
    """Give the status and the `ResponseStatus` of a request that is refused."""
    answer, text = await ask(client, method, target, **request)
    assert answer.headers["Content-Type"] == JSON, text
    body = json.loads(text)
    assert set(body) == {"ResponseStatus"}, text
    return answer.status, body["ResponseStatus"]
