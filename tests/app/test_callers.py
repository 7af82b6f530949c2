"""Who a call is charged to, over HTTP: always the key's company, and only a user whom the key may name."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from gateway.usage.names import UsageKey
from gateway.usage.queries import DayRecord, days
from tests.edge import BOSS_KEY, EVE, HASHED_KEY, HASHED_SHA256, OLD_KEY, ROBOT_KEY, Edge
from tests.gateways import ACME, ADA, ADA_KEY, ADMIN_KEY, BACKEND_KEY, BOB, BOB_KEY, HELPDESK, OTHER, OTHER_KEY
from tests.wire import CHAT, CHAT_TARGET, LAST, connect, request

pytestmark = pytest.mark.asyncio(loop_scope="module")


def guid(number: int) -> str:
    """Give the id of a user whom nothing else in these tests names."""
    return f"77777777-7777-4777-8777-{number:012d}"


def bearer(key: str, **headers: str) -> dict[str, str]:
    """Give the headers of a key, and others (`X_Gateway_User` for `X-Gateway-User`)."""
    return {"Authorization": f"Bearer {key}", **{name.replace("_", "-"): value for name, value in headers.items()}}


CALL_TOKENS = 9 + 12
"""What the far end's usual answer to the usual prompt takes."""


async def spent(edge: Edge, user_id: str) -> int:
    """Give what a user of acme has used this month, once every charge has arrived."""
    await edge.client.company()
    budgets = await edge.client.budgets(**bearer(ROBOT_KEY, X_Gateway_User=user_id))
    return int(budgets["user-monthly"]["used"])


async def records(edge: Edge, company_id: str = ACME) -> list[DayRecord]:
    """Give what the roll-ups say of a company around now."""
    await edge.client.company()
    now, day = datetime.now(UTC).date(), timedelta(days=1)
    return [one async for one in days(edge.client.app.gateway.store, company_id, now - day, now + day)]


async def asked_status(edge: Edge, headers: dict[str, str], **fields: object) -> int:
    """Make a call and give its status."""
    async with edge.client.chat(headers=headers, **fields) as answer:
        await answer.read()
        return answer.status


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: Bearer {ADA_KEY}",
        f"Authorization: bearer   {ADA_KEY}",
        f"Authorization: Token {ADA_KEY}",
        f"x-api-key: {ADA_KEY}",
        f"api-key: {ADA_KEY}",
        f"X-Goog-Api-Key: {ADA_KEY}",
        f"x-api-key: {ADA_KEY}\r\nAuthorization: Bearer {ADA_KEY}",
        f"Authorization: Bearer {HASHED_KEY}",
    ],
)
async def test_a_key_travels_in_any_of_the_usual_headers(edge: Edge, line: str) -> None:
    """SDKs of four vendors send their keys in four ways; a key of which only the hash is known works too."""
    (reply,) = await edge.talk(request("POST", CHAT_TARGET, line, LAST, body=CHAT, key=None))
    assert reply.status == 200


WRONG = {
    "an unknown key": "Authorization: Bearer nobody-key-0123456789",
    "an expired key": f"Authorization: Bearer {OLD_KEY}",
    "a key's hash": f"Authorization: Bearer {HASHED_SHA256}",
    "a key's hash in capitals": f"x-api-key: {HASHED_SHA256.upper()}",
    "the start of a key": f"Authorization: Bearer {ADA_KEY[:-1]}",
    "a key and a letter": f"Authorization: Bearer {ADA_KEY}x",
    "a key in capitals": f"Authorization: Bearer {ADA_KEY.upper()}",
    "two keys": f"Authorization: Bearer {ADA_KEY}\r\nx-api-key: {BOB_KEY}",
    "the same header twice": f"Authorization: Bearer {ADA_KEY}\r\nAuthorization: Bearer {ADA_KEY}",
    "another scheme": "Authorization: Basic YWRhLWtleS0wMTIzNDU2Nzg5Og==",
    "no scheme": f"Authorization: {ADA_KEY}",
    "a token of somebody else": "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
    "quotes": "Authorization: Bearer ' OR '1'='1",
    "a star": "Authorization: Bearer *",
    "8,000 letters": f"Authorization: Bearer {'a' * 8_000}",
    "foreign bytes": "Authorization: Bearer \xff\xfe\xe9-0123456789",
    "foreign digits": "Authorization: Bearer \xb2\xb3\xb9-0123456789012",
}


@pytest.mark.parametrize("line", WRONG.values(), ids=list(WRONG))
async def test_a_wrong_key_is_a_401_like_every_other(edge: Edge, line: str) -> None:
    """Unknown, expired, malformed or a stolen hash: one body, one challenge, and nothing of what was sent."""
    async with edge.untouched():
        for target, body in ((CHAT_TARGET, CHAT), ("/v1/budget", None), ("/v1/usage", None)):
            method = "GET" if body is None else "POST"
            (reply,) = await edge.talk(request(method, target, line, LAST, body=body, key=None))
            assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, 'Bearer realm="gateway"')
            assert reply.error == {
                "message": "Incorrect API key provided.",
                "type": "invalid_request_error",
                "param": None,
                "code": "invalid_api_key",
            }


@pytest.mark.parametrize(
    "lines", [(), ("Authorization: Bearer",), ("x-api-key:",), ("Cookie: key=ada-key-0123456789",)]
)
async def test_no_key_is_a_401_that_says_how_to_send_one(edge: Edge, lines: tuple[str, ...]) -> None:
    """A client without a key is told which header to use; a cookie is none."""
    async with edge.untouched():
        (reply,) = await edge.talk(request("POST", CHAT_TARGET, *lines, LAST, body=CHAT, key=None))
        assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")
        assert "Authorization: Bearer" in reply.error["message"]


async def test_a_key_without_a_company_cannot_call_models(edge: Edge) -> None:
    """An admin key administers: there is nobody who would pay."""
    async with edge.untouched(), edge.client.chat(headers=bearer(ADMIN_KEY)) as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["type"]) == (403, "permission_error")
        assert "no company" in error["message"]


async def test_a_company_admin_s_calls_are_the_company_s(edge: Edge) -> None:
    """The role is about reading and administering: its calls count in the company's budget."""
    before, _ = await edge.client.company()
    assert await asked_status(edge, bearer(BOSS_KEY)) == 200
    assert (await edge.client.company())[0] > before


# ---------------------------------------------------------------- users


SPELLINGS = [BOB, BOB.upper(), BOB.replace("-", ""), f"{{{BOB}}}", f" {BOB} "]


@pytest.mark.parametrize("key", [ROBOT_KEY, BACKEND_KEY])
async def test_a_service_key_names_its_user_in_any_spelling(edge: Edge, key: str) -> None:
    """However a GUID is written, it is the same user who is charged."""
    for spelling in SPELLINGS:
        before = await spent(edge, BOB)
        assert await asked_status(edge, bearer(key, X_Gateway_User=spelling)) == 200
        assert await spent(edge, BOB) == before + CALL_TOKENS


async def test_a_user_whom_nobody_listed_exists_from_the_first_call(edge: Edge) -> None:
    """He gets the default quotas, is charged, and is in the roll-ups under his id."""
    assert await spent(edge, guid(1)) == 0
    assert await asked_status(edge, bearer(ROBOT_KEY, X_Gateway_User=guid(1))) == 200
    assert await spent(edge, guid(1)) == CALL_TOKENS
    assert guid(1) in {record.user_id for record in await records(edge)}


@pytest.mark.parametrize(
    "claim",
    ["", "bob", "*", f"{BOB}0", BOB[:-1], f"urn:uuid:{BOB}", f"{BOB},{ADA}", "x}:b:y", "{q1}", "\xff\xfe", "a" * 4_000],
)
async def test_a_user_who_is_no_guid_is_refused(edge: Edge, claim: str) -> None:
    """Only a GUID becomes part of a key in the store."""
    async with edge.untouched():
        (reply,) = await edge.talk(
            request("POST", CHAT_TARGET, f"X-Gateway-User: {claim}", LAST, body=CHAT, key=ROBOT_KEY)
        )
        assert (reply.status, reply.error["param"]) == (400, "X-Gateway-User")


async def test_two_users_in_one_call_are_refused(edge: Edge) -> None:
    """A repeated header is no choice."""
    async with edge.untouched():
        lines = (f"X-Gateway-User: {ADA}", f"x-gateway-user: {BOB}", LAST)
        (reply,) = await edge.talk(request("POST", CHAT_TARGET, *lines, body=CHAT, key=ROBOT_KEY))
        assert (reply.status, reply.error["param"]) == (400, "X-Gateway-User")


@pytest.mark.parametrize("key", [ADA_KEY, BOB_KEY, OTHER_KEY, BOSS_KEY, HASHED_KEY, ADMIN_KEY])
@pytest.mark.parametrize("claim", [ADA, BOB, EVE, "no-guid"])
async def test_no_other_key_may_name_a_user(edge: Edge, key: str, claim: str) -> None:
    """403, also for the key's own user, whether or not there is such a user."""
    async with edge.untouched(), edge.client.chat(headers=bearer(key, X_Gateway_User=claim)) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize("claim", [EVE, EVE.upper(), EVE.replace("-", "")])
async def test_a_user_of_another_company_is_refused(edge: Edge, claim: str) -> None:
    """The tenant comes from the key: naming somebody else's user is 403 in every spelling."""
    async with edge.untouched():
        assert await asked_status(edge, bearer(ROBOT_KEY, X_Gateway_User=claim)) == 403
        assert await asked_status(edge, bearer(BACKEND_KEY), user=claim) == 403
    assert [record for record in await records(edge, OTHER) if record.user_id == EVE] == []


async def test_the_body_names_the_user_where_the_key_allows_it(edge: Edge) -> None:
    """`user_from_body`: OpenAI's `user` is the user, unless the header names one."""
    assert await asked_status(edge, bearer(BACKEND_KEY), user=guid(2)) == 200
    assert await spent(edge, guid(2)) == CALL_TOKENS
    assert await asked_status(edge, bearer(BACKEND_KEY, X_Gateway_User=guid(3)), user=guid(2)) == 200
    assert (await spent(edge, guid(2)), await spent(edge, guid(3))) == (CALL_TOKENS, CALL_TOKENS)


async def test_the_body_s_user_must_be_a_guid_where_it_counts(edge: Edge) -> None:
    """A key that takes the user from the body refuses what is none."""
    async with edge.untouched(), edge.client.chat(headers=bearer(BACKEND_KEY), user="bob") as answer:
        assert (answer.status, (await answer.json())["error"]["param"]) == (400, "user")


@pytest.mark.parametrize("key", [ROBOT_KEY, ADA_KEY])
async def test_the_body_s_user_is_ignored_otherwise(edge: Edge, key: str) -> None:
    """For other keys `user` is the provider's matter: any text passes, and nobody is charged by it."""
    before = await spent(edge, BOB)
    for name in (BOB, "anyone at all"):
        assert await asked_status(edge, bearer(key), user=name) == 200
    assert await spent(edge, BOB) == before


async def test_a_service_key_without_a_user_spends_the_company_s_budget_only(edge: Edge) -> None:
    """No user, no quota: the numbers of the answer are the company's alone."""
    async with edge.client.chat(headers=bearer(ROBOT_KEY)) as answer:
        assert answer.status == 200
        assert "user-daily" not in answer.headers["RateLimit"]
    assert None in {record.user_id for record in await records(edge)}


# ---------------------------------------------------------------- agents and purposes


async def usage(edge: Edge) -> dict[tuple[str | None, str | None, str], int]:
    """Give the requests by (user, agent, purpose)."""
    found: dict[tuple[str | None, str | None, str], int] = {}
    for record in await records(edge):
        for key, counts in record.counts.items():
            assert isinstance(key, UsageKey)
            place = record.user_id, record.agent_id, key.purpose
            found[place] = found.get(place, 0) + counts.requests
    return found


async def counted(edge: Edge, headers: dict[str, str], **fields: object) -> tuple[str | None, str | None, str]:
    """Make a call and give where it was counted: user, agent, purpose."""
    before = await usage(edge)
    assert await asked_status(edge, headers, **fields) == 200
    (place,) = [place for place, requests in (await usage(edge)).items() if requests != before.get(place, 0)]
    return place


@pytest.mark.parametrize("agent", ["helpdesk", HELPDESK, HELPDESK.replace("-", "")])
async def test_an_agent_is_named_by_name_or_id(edge: Edge, agent: str) -> None:
    """`X-Gateway-Agent` says for which of the company's agents a call is made."""
    assert await counted(edge, bearer(BOB_KEY, X_Gateway_Agent=agent)) == (BOB, HELPDESK, "DT")


async def test_a_key_brings_its_agent(edge: Edge) -> None:
    """Without the header a call is made for the key's agent, or for none."""
    assert await counted(edge, bearer(ADA_KEY)) == (ADA, HELPDESK, "QA")
    assert await counted(edge, bearer(BOB_KEY)) == (BOB, None, "DT")


@pytest.mark.parametrize(("key", "agent"), [(ADA_KEY, "nobody"), (OTHER_KEY, "helpdesk"), (OTHER_KEY, HELPDESK)])
async def test_an_agent_of_nobody_s_or_of_another_company_is_refused(edge: Edge, key: str, agent: str) -> None:
    """403, whether or not there is such an agent elsewhere."""
    async with edge.untouched(), edge.client.chat(headers=bearer(key, X_Gateway_Agent=agent)) as answer:
        assert (answer.status, (await answer.json())["error"]["param"]) == (403, "X-Gateway-Agent")


@pytest.mark.parametrize(
    ("key", "header", "metadata", "purpose"),
    [
        (ADA_KEY, None, None, "QA"),
        (ADA_KEY, "IE", None, "IE"),
        (ADA_KEY, " IE ", None, "IE"),
        (ADA_KEY, None, "DT", "DT"),
        (ADA_KEY, "IE", "DT", "IE"),
        (BOB_KEY, None, None, "DT"),
        (BOB_KEY, None, "QA", "QA"),
        (ROBOT_KEY, None, None, "QA"),
    ],
)
async def test_the_purpose_is_the_first_that_is_stated(
    edge: Edge, key: str, header: str | None, metadata: str | None, purpose: str
) -> None:
    """The header's, else the body's, else the key's, else the configuration's."""
    headers = bearer(key) | ({} if header is None else {"X-Gateway-Purpose": header})
    fields = {} if metadata is None else {"metadata": {"purpose": metadata}}
    assert (await counted(edge, headers, **fields))[2] == purpose


@pytest.mark.parametrize(
    ("key", "header", "metadata", "param", "allowed"),
    [
        (ADA_KEY, "XX", None, "X-Gateway-Purpose", "QA, DT, IE"),
        (ADA_KEY, "qa", None, "X-Gateway-Purpose", "QA, DT, IE"),
        (ADA_KEY, "", None, "X-Gateway-Purpose", "QA, DT, IE"),
        (ADA_KEY, "QA, DT", None, "X-Gateway-Purpose", "QA, DT, IE"),
        (ADA_KEY, "XX", "QA", "X-Gateway-Purpose", "QA, DT, IE"),
        (BOB_KEY, "IE", None, "X-Gateway-Purpose", "QA, DT"),
        (BOB_KEY, None, "IE", "metadata.purpose", "QA, DT"),
        (BOB_KEY, None, "", "metadata.purpose", "QA, DT"),
    ],
)
async def test_another_purpose_is_refused_with_those_allowed(
    edge: Edge, key: str, header: str | None, metadata: str | None, param: str, allowed: str
) -> None:
    """400, naming the codes that this key may state and where the wrong one stood."""
    headers = bearer(key) | ({} if header is None else {"X-Gateway-Purpose": header})
    fields = {} if metadata is None else {"metadata": {"purpose": metadata}}
    async with edge.untouched(), edge.client.chat(headers=headers, **fields) as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["param"]) == (400, param)
        assert error["message"] == f"{param} must be one of: {allowed}."


# ---------------------------------------------------------------- many at once


async def test_calls_of_many_keys_at_once_stay_apart(edge: Edge) -> None:
    """Every answer belongs to its own call, and every user is charged for exactly his own."""

    async def call(number: int) -> None:
        headers = bearer(ROBOT_KEY, X_Gateway_User=guid(100 + number % 8))
        async with edge.client.chat("m:echo.tokens-1", headers=headers, **said(number)) as answer:
            assert f"marker-{number}-" in await answer.text()

    await asyncio.gather(*(call(number) for number in range(64)))
    sums = await usage(edge)
    assert [sums[guid(100 + user), None, "QA"] for user in range(8)] == [8] * 8


async def test_clients_that_hang_up_leave_nothing_to_the_next(edge: Edge) -> None:
    """Half of many clients leave in the middle of their answers: the others get their own, and no foreign byte."""

    async def leave(number: int) -> None:
        reader, writer = await connect(edge.client.url)
        body = json.dumps({"model": "m:echo.tokens-40", "stream": True, **said(number)}).encode()
        writer.write(request("POST", CHAT_TARGET, f"X-Gateway-User: {guid(200)}", body=body, key=ROBOT_KEY))
        await reader.read(number * 37)
        writer.transport.abort()

    async def stay(number: int) -> None:
        headers = bearer(ROBOT_KEY, X_Gateway_User=guid(201))
        async with edge.client.chat("m:echo.tokens-40", headers=headers, stream=True, **said(number)) as answer:
            text = await answer.text()
            assert text.endswith("data: [DONE]\n\n")
            assert set(re.findall("marker-[0-9]+-", text)) == {f"marker-{number}-"}

    await asyncio.gather(*((leave if number % 2 else stay)(number) for number in range(100)))
    assert await spent(edge, guid(201)) > 50 * 40
    while (await edge.client.company())[1]:
        pass  # the last ones to leave are noticed a moment later


def said(number: int) -> dict[str, object]:
    """Give messages that no other call has."""
    return {"messages": [{"role": "user", "content": f"marker-{number}-"}]}
