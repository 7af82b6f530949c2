"""Who may read and set whose quota; and that who may not learns nothing of who exists."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.chat_quota.asking import is_admitted, newcomer, set_quota, usage
from tests.api.chat_quota.conftest import OTHER_BOSS_KEY, OTHER_ROBOT_KEY, OWN_ADMIN_KEY
from tests.edge import BOSS_KEY, EVE, ROBOT_KEY, Edge
from tests.gateways import ADA, ADA_KEY, ADMIN_KEY, BOB

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWN_ONLY = (403, {"detail": "You can only view your own usage."})
NOT_PERMITTED = (403, {"detail": "You do not have permission to perform this action."})
NOBODY = (404, {"detail": "User not found."})
WHO = (400, {"user_uuid": ["This field is required: the key is no user's."]})
SET_DONE = (200, None)
ROLES = {
    "user": ADA_KEY,
    "service": ROBOT_KEY,
    "company_admin": BOSS_KEY,
    "other_company_admin": OTHER_BOSS_KEY,
    "admin": ADMIN_KEY,
}
SHOWN: Any = None


async def people(edge: Edge) -> dict[str, str | None]:
    """Give each kind of user that can be asked for: listed, seen without being listed, never heard of."""
    return {
        "nobody named": None,
        "ada": ADA,
        "bob": BOB,
        "eve of other": EVE,
        "seen in acme": await newcomer(edge.client),
        "seen in other": await newcomer(edge.client, OTHER_ROBOT_KEY),
        "unknown": str(uuid4()),
    }


READS = {
    #                       user       service         company_admin  other's  admin
    "nobody named":        (SHOWN,    NOT_PERMITTED,  WHO,           WHO,     WHO),
    "ada":                 (SHOWN,    OWN_ONLY,       SHOWN,         NOBODY,  SHOWN),
    "bob":                 (OWN_ONLY, OWN_ONLY,       SHOWN,         NOBODY,  SHOWN),
    "seen in acme":        (OWN_ONLY, OWN_ONLY,       SHOWN,         NOBODY,  SHOWN),
    "eve of other":        (OWN_ONLY, OWN_ONLY,       NOBODY,        SHOWN,   SHOWN),
    "seen in other":       (OWN_ONLY, OWN_ONLY,       NOBODY,        SHOWN,   SHOWN),
    "unknown":             (OWN_ONLY, OWN_ONLY,       NOBODY,        NOBODY,  NOBODY),
}  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_read_whom(edge: Edge, role: str) -> None:
    """A user himself, a company's admin its users, an admin anyone; not yours and not there are told alike."""
    for who, user in (await people(edge)).items():
        expected = READS[who][list(ROLES).index(role)]
        status, body = await usage(edge.client, ROLES[role], user)
        assert (status, body) == expected if expected else status == 200, (role, who, body)


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_set_whom(edge: Edge, role: str) -> None:
    """Whom an admin may read, he may set; a user and a service may set nobody, not even themselves."""
    for who, user in (await people(edge)).items():
        may_not = NOT_PERMITTED if role in {"user", "service"} else None
        missing = (400, {"user_uuid": ["This field is required."]})
        expected = may_not or (missing if user is None else READS[who][list(ROLES).index(role)] or SET_DONE)
        named = {} if user is None else {"user_uuid": user}
        assert await set_quota(edge.client, ROLES[role], {**named, "monthly_limit": -1}) == expected, (role, who)


@pytest.mark.parametrize("body", ["nothing", {"user_uuid": "x"}, [], None, {"user_uuid": ADA, "daily_limit": "x"}])
async def test_permission_comes_before_the_body(edge: Edge, body: Any) -> None:
    """Who may not set is told so whatever he sends."""
    assert await set_quota(edge.client, ADA_KEY, body) == NOT_PERMITTED


async def test_a_refusal_is_the_same_to_the_byte(edge: Edge) -> None:
    """Nothing but the request's id tells another company's user from none at all."""
    answers = []
    for user in (EVE, await newcomer(edge.client, OTHER_ROBOT_KEY), str(uuid4())):
        async with edge.client.get(
            f"/api/chat-quota/usage/?user_uuid={user}", Authorization=f"Token {BOSS_KEY}"
        ) as answer:
            headers = {
                name: value for name, value in answer.headers.items() if name.lower() not in {"x-request-id", "date"}
            }
            answers.append((answer.status, headers, await answer.read()))
    assert answers[0] == answers[1] == answers[2]


async def test_another_company_s_user_is_not_touched(edge: Edge) -> None:
    """What was refused has changed nothing."""
    assert await set_quota(edge.client, BOSS_KEY, {"user_uuid": EVE, "daily_limit": 0}) == NOBODY
    assert (await usage(edge.client, OTHER_BOSS_KEY, EVE))[1]["daily_limit"] is None


async def test_one_id_in_two_companies_is_two_users(edge: Edge) -> None:
    """Each company's admin sees its own; an admin of none has to say which, with a key of the company."""
    user = await newcomer(edge.client)
    assert (await usage(edge.client, OTHER_BOSS_KEY, user)) == NOBODY
    assert await is_admitted(edge.client, OTHER_ROBOT_KEY, user)
    several = "Several companies have a user of this id: ask with a key of the company."
    assert await usage(edge.client, ADMIN_KEY, user) == (400, {"user_uuid": [several]})
    assert await set_quota(edge.client, ADMIN_KEY, {"user_uuid": user, "daily_limit": 7}) == (
        400,
        {"user_uuid": [several]},
    )
    assert await set_quota(edge.client, OWN_ADMIN_KEY, {"user_uuid": user, "daily_limit": 7}) == SET_DONE
    limits = [(await usage(edge.client, key, user))[1]["daily_limit"] for key in (BOSS_KEY, OTHER_BOSS_KEY)]
    assert limits == [7, None]


async def test_an_admin_with_a_user_has_an_own_quota(edge: Edge) -> None:
    """By default the key's own user is shown; anyone else is still found."""
    assert (await usage(edge.client, OWN_ADMIN_KEY))[0] == 200
    assert (await usage(edge.client, OWN_ADMIN_KEY, EVE))[0] == 200


async def test_a_limit_that_was_set_keeps_a_user_known(edge: Edge) -> None:
    """Also when the counters have gone with time."""
    user = await newcomer(edge.client)
    assert await set_quota(edge.client, BOSS_KEY, {"user_uuid": user, "daily_limit": 7}) == SET_DONE
    store = edge.client.app.gateway.store
    (counters,) = await store.execute("KEYS", f"*:b:u:*:{user}")
    await store.execute("DEL", counters)
    assert (await usage(edge.client, BOSS_KEY, user))[1]["daily_limit"] == 7


@pytest.mark.parametrize("headers", [{"X-Gateway-User": ADA}, {"X-Gateway-Agent": "nobody"}])
async def test_a_header_that_the_key_may_not_send(edge: Edge, headers: dict[str, str]) -> None:
    """Claims that a key may not make are refused in this API's shape too."""
    async with edge.client.get("/api/chat-quota/usage/", **headers) as answer:
        assert (answer.status, list(await answer.json())) == (403, ["detail"])
