"""The two endpoints as bytes on the wire: fields, headers, refusals in the framework's words."""

import json
from typing import Any

import msgspec
import pytest

from tests.api.chat_quota.asking import SET, USAGE, as_token, newcomer, set_quota, usage
from tests.api.chat_quota.conftest import CAPPED
from tests.edge import BOSS_KEY, OLD_KEY, Edge
from tests.gateways import ADA, ADA_KEY, ADMIN_KEY
from tests.wire import LAST, Reply, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

INVALID = "A valid integer is required."


async def ask(edge: Edge, method: str, target: str, *lines: str, body: bytes | None = None, key: str | None) -> Reply:
    """Send one request as bytes."""
    (reply,) = await edge.talk(request(method, target, LAST, *lines, body=body, key=key))
    return reply


async def test_a_user_reads_fifteen_fields(edge: Edge) -> None:
    """In the document's order, and nothing else; the limits of the file are `system_default`, and `limit` is null."""
    reply = await ask(edge, "GET", USAGE, key=ADA_KEY)
    body = msgspec.json.decode(reply.body)
    parts = ("limit", "usage", "remaining", "reset_at", "system_default")
    assert list(body) == [f"{period}_{part}" for period in ("daily", "weekly", "monthly") for part in parts]
    assert (body["daily_limit"], body["daily_remaining"], body["daily_system_default"]) == (None, 100_000, 100_000)
    assert (body["weekly_limit"], body["weekly_remaining"], body["weekly_system_default"]) == (None, None, -1)
    assert body["monthly_reset_at"].endswith(":00:00Z")
    assert (reply.status, reply.headers["Content-Type"], reply.headers["Cache-Control"]) == (
        200,
        "application/json",
        "no-store",
    )


async def test_a_file_s_own_limit_is_what_applies_where_none_is_set(edge: Edge) -> None:
    """For a user with quotas in the file these are what null stands for, so that the numbers agree with each other."""
    _, body = await usage(edge.client, BOSS_KEY, CAPPED)
    assert (body["daily_limit"], body["daily_remaining"], body["daily_system_default"]) == (None, 50, 50)
    assert (body["weekly_remaining"], body["weekly_system_default"]) == (0, 0)


async def test_setting_answers_nothing_at_all(edge: Edge) -> None:
    """200 with an empty body, its length said and no type."""
    body = msgspec.json.encode({"user_uuid": await newcomer(edge.client), "daily_limit": 5})
    reply = await ask(edge, "POST", SET, body=body, key=BOSS_KEY)
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, b"", "0")
    assert "Content-Type" not in reply.headers
    assert reply.headers["x-request-id"]


async def test_only_the_fields_that_are_present_change(edge: Edge) -> None:
    """A field left out stays, null clears; -1, 0 and n read back as they were set."""
    user = await newcomer(edge.client)
    steps: list[tuple[dict[str, Any], list[int | None]]] = [
        ({"daily_limit": 500, "weekly_limit": -1, "monthly_limit": 0}, [500, -1, 0]),
        ({}, [500, -1, 0]),
        ({"weekly_limit": "7"}, [500, 7, 0]),
        ({"daily_limit": None, "monthly_limit": 2147483647}, [None, 7, 2147483647]),
        ({"daily_limit": 100_000}, [100_000, 7, 2147483647]),
        ({"daily_limit": None, "weekly_limit": None, "monthly_limit": None}, [None, None, None]),
    ]
    for fields, limits in steps:
        assert await set_quota(edge.client, BOSS_KEY, {"user_uuid": user, **fields}) == (200, None)
        _, body = await usage(edge.client, BOSS_KEY, user)
        assert [body["daily_limit"], body["weekly_limit"], body["monthly_limit"]] == limits
        assert (body["daily_system_default"], body["weekly_system_default"], body["monthly_system_default"]) == (
            100_000,
            -1,
            -1,
        )
        for period in ("daily", "weekly", "monthly"):
            own, default = body[f"{period}_limit"], body[f"{period}_system_default"]
            effective = default if own is None else own
            left = None if effective == -1 else max(0, effective - body[f"{period}_usage"])
            assert body[f"{period}_remaining"] == left


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"weekly_limit": "abc"}, {"weekly_limit": [INVALID]}),
        ({"weekly_limit": True, "monthly_limit": 1.5}, {"weekly_limit": [INVALID], "monthly_limit": [INVALID]}),
        ({"monthly_limit": -2}, {"monthly_limit": ["Ensure this value is greater than or equal to -1."]}),
        ({"monthly_limit": 2**31}, {"monthly_limit": ["Ensure this value is less than or equal to 2147483647."]}),
        ({"user_uuid": "nobody"}, {"user_uuid": ["Must be a valid UUID."]}),
    ],
)
async def test_one_bad_field_and_nothing_is_changed(edge: Edge, fields: Any, problems: Any) -> None:
    """Good fields beside a bad one are not taken either."""
    user = await newcomer(edge.client)
    assert await set_quota(edge.client, BOSS_KEY, {"user_uuid": user, "daily_limit": 5, **fields}) == (400, problems)
    assert (await usage(edge.client, BOSS_KEY, user))[1]["daily_limit"] is None


@pytest.mark.parametrize("key", [BOSS_KEY, ADMIN_KEY])
async def test_forms_are_read_too(edge: Edge, key: str) -> None:
    """URL-encoded and multipart; a blank field clears."""
    user = await newcomer(edge.client)
    client = edge.client
    boundary = b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    parts = [boundary % (b"user_uuid", user.encode()), boundary % (b"weekly_limit", b"8"), b"--B--\r\n"]
    sent = [
        ("application/x-www-form-urlencoded", f"user_uuid={user}&daily_limit=1.0&weekly_limit=-1".encode()),
        ("multipart/form-data; boundary=B", b"".join(parts)),
        ("application/x-www-form-urlencoded", f"user_uuid={user}&daily_limit=".encode()),
    ]
    seen = []
    for content_type, data in sent:
        headers = as_token(key) | {"Content-Type": content_type}
        async with client.session.post(f"{client.url}{SET}", data=data, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
        _, body = await usage(client, key, user)
        seen.append((body["daily_limit"], body["weekly_limit"]))
    assert seen == [(1, -1), (1, 8), (None, 8)]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "words"),
    [
        (b"{", "application/json", 400, "JSON parse error - "),
        (b'{"user_uuid":1e400}', "application/json", 400, "JSON parse error - "),
        (b"[" * 60_000, "application/json", 400, "JSON parse error - "),
        (b"{}", "text/plain", 415, 'Unsupported media type "text/plain" in request.'),
        (b" " * 65_537, "application/json", 413, "The body is over 65536 bytes."),
    ],
)
async def test_a_body_that_cannot_be_read(edge: Edge, body: bytes, content_type: str, status: int, words: str) -> None:
    """No JSON, another type, too much: each in one sentence."""
    client, headers = edge.client, as_token(BOSS_KEY) | {"Content-Type": content_type}
    async with client.session.post(f"{client.url}{SET}", data=body, headers=headers) as answer:
        found = await answer.json()
        assert (answer.status, list(found)) == (status, ["detail"])
    assert found["detail"].startswith(words)


@pytest.mark.parametrize("body", [None, b"", b"{}"])
async def test_no_fields_is_no_user(edge: Edge, body: bytes | None) -> None:
    """Without a body the first thing missing is the user."""
    reply = await ask(edge, "POST", SET, body=body, key=BOSS_KEY)
    assert (reply.status, json.loads(reply.body)) == (400, {"user_uuid": ["This field is required."]})


@pytest.mark.parametrize(("method", "target"), [("GET", USAGE), ("POST", SET)])
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (None, "Authentication credentials were not provided."),
        ("Authorization: Basic YTpi", "Authentication credentials were not provided."),
        ("Authorization: Token", "Invalid token header. No credentials provided."),
        (f"Authorization: Token {ADA_KEY} x", "Invalid token header. Token string should not contain spaces."),
        ("Authorization: Token nobody-key-0123456789", "Invalid token."),
        (f"Authorization: Token {OLD_KEY}", "Invalid token."),
        ("x-api-key: nobody-key-0123456789", "Invalid token."),
    ],
)
async def test_who_is_not_known_is_asked_for_a_token(
    edge: Edge, method: str, target: str, line: str | None, words: str
) -> None:
    """401 with the challenge `Token`, before anything of the request is looked at."""
    lines = () if line is None else (line,)
    reply = await ask(edge, method, f"{target}?user_uuid=x", *lines, body=b"{" if method == "POST" else None, key=None)
    assert (reply.status, json.loads(reply.body)) == (401, {"detail": words})
    assert reply.headers.getall("WWW-Authenticate") == ["Token"]


@pytest.mark.parametrize("scheme", ["Token", "token", "TOKEN", "Bearer", "bearer"])
async def test_the_scheme_is_token_or_bearer_in_any_case(edge: Edge, scheme: str) -> None:
    """As the framework compares it; the newer schema lists Bearer too."""
    assert (await ask(edge, "GET", USAGE, f"Authorization: {scheme} {ADA_KEY}", key=None)).status == 200


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [("POST", USAGE, "GET"), ("PUT", USAGE, "GET"), ("GET", SET, "POST"), ("DELETE", SET, "POST")],
)
async def test_another_verb_is_named_and_refused(edge: Edge, method: str, target: str, allow: str) -> None:
    """405 in the framework's words, with the methods that there are."""
    reply = await ask(edge, method, target, key=ADMIN_KEY)
    assert (reply.status, json.loads(reply.body)) == (405, {"detail": f'Method "{method}" not allowed.'})
    assert reply.headers["Allow"] == allow


@pytest.mark.parametrize("target", [USAGE[:-1], SET[:-1], f"{USAGE}/", "/api/chat-quota/", "/api//chat-quota/usage/"])
async def test_the_slash_at_the_end_is_part_of_the_path(edge: Edge, target: str) -> None:
    """Nothing is redirected: another path is not there."""
    assert (await ask(edge, "GET", target, key=ADA_KEY)).status == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("user_uuid=", 200),
        (f"user_uuid={ADA}", 200),
        (f"user_uuid={ADA.replace('-', '')}", 200),
        (f"user_uuid={ADA.upper()}", 200),
        ("other=1&&=", 200),
        (f"user_uuid={CAPPED}&user_uuid={ADA}", 200),
        (f"user_uuid={ADA}&user_uuid={CAPPED}", 403),
        ("user_uuid=nobody", 400),
        ("user_uuid=%00", 400),
        ("user_uuid=%ff", 400),
        (f"user_uuid=%20{ADA}", 400),
        ("a&" * 1001, 400),
    ],
)
async def test_whom_a_query_asks_for(edge: Edge, query: str, status: int) -> None:
    """Every spelling of the own id is the own quota; of two the last counts; what is no UUID is 400."""
    reply = await ask(edge, "GET", f"{USAGE}?{query}", key=ADA_KEY)
    assert reply.status == status, reply.body
