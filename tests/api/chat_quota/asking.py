"""The API as its clients ask it: a key in `Authorization: Token`, the two paths."""

from typing import Any
from uuid import uuid4

from tests.gateways import BACKEND_KEY, Client

USAGE = "/api/chat-quota/usage/"
SET = "/api/chat-quota/set_quota/"

Answer = tuple[int, Any]


def as_token(key: str) -> dict[str, str]:
    """Give the header that carries a key."""
    return {"Authorization": f"Token {key}"}


async def usage(client: Client, key: str, user: str | None = None) -> Answer:
    """Read the quotas of a user, of the key's own by default."""
    query = "" if user is None else f"?user_uuid={user}"
    async with client.session.get(f"{client.url}{USAGE}{query}", headers=as_token(key)) as answer:
        return answer.status, await answer.json()


async def set_quota(client: Client, key: str, body: Any) -> Answer:
    """Set quotas; gives the error's body, or None where there is none."""
    async with client.session.post(f"{client.url}{SET}", json=body, headers=as_token(key)) as answer:
        return answer.status, await answer.json() if await answer.read() else None


async def is_admitted(client: Client, key: str, user: str | None = None) -> bool:
    """Make a call of some twenty tokens and say whether it passed; a refusal is the day's quota's."""
    headers = as_token(key) | ({"X-Gateway-User": user} if user else {})
    async with client.chat("gpt-4o/m:tokens-5", headers=headers) as answer:
        body = await answer.json()
    assert answer.status == 200 or body["error"]["budget"]["name"] == "user-daily", body
    await settled(client)
    return answer.status == 200


async def settled(client: Client) -> None:
    """Wait until every charge has arrived."""
    await client.app.gateway.tasks.drain(10)
    await client.app.gateway.ledger.drain(10)


async def newcomer(client: Client, key: str = BACKEND_KEY) -> str:
    """Give a user whom no file lists, known from a first call."""
    user = str(uuid4())
    assert await is_admitted(client, key, user)
    return user
