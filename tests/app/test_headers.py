"""Headers both ways: what is on a list passes, nothing else does."""

import re

import pytest
from structlog.testing import capture_logs

from tests.edge import Edge
from tests.gateways import ADA_KEY, OTHER_KEY, PROVIDER_SECRET
from tests.wire import CHAT, CHAT_TARGET, LAST, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = {"Host", "Authorization", "Content-Type", "Content-Length", "Accept-Encoding"}
"""What each request to a provider has."""

STOPPED = [
    ("x-api-key", ADA_KEY),
    ("api-key", ADA_KEY),
    ("x-goog-api-key", ADA_KEY),
    ("Cookie", "session=1"),
    ("Forwarded", "for=10.0.0.1"),
    ("X-Forwarded-For", "10.0.0.1"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "http"),
    ("X-Real-IP", "10.0.0.1"),
    ("Via", "1.1 proxy"),
    ("Origin", "https://app.example"),
    ("Referer", "https://app.example/page"),
    ("User-Agent", "app/1.0"),
    ("OpenAI-Organization", "org-1"),
    ("OpenAI-Project", "proj_1"),
    ("Proxy-Authorization", "Basic eDp5"),
    ("Keep-Alive", "timeout=5"),
    ("TE", "trailers"),
    ("Range", "bytes=0-1"),
    ("If-None-Match", "*"),
    ("Accept-Encoding", "gzip, br"),
    ("X-Request-ID", "a-client-s-own"),
    ("X-Gateway-Purpose", "QA"),
    ("X-Gateway-Session", "s-1"),
    ("X-Gateway-Agent", "helpdesk"),
    ("X-Claude-Code-Session-Id", "s-1"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("X-Original-URL", "/admin"),
    ("x-portkey-custom-host", "https://evil.example"),
    ("api-base", "https://evil.example"),
    ("X-Anything", "else"),
]
PASSED = [
    ("Accept", "text/event-stream"),
    ("OpenAI-Beta", "assistants=v2"),
    ("Idempotency-Key", "k-1"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", "a=b"),
    ("x-stainless-lang", "python"),
    ("x-stainless-retry-count", "0"),
    ("anthropic-version", "2023-06-01"),
    ("anthropic-beta", "one,two"),
]


def lines(headers: list[tuple[str, str]]) -> list[str]:
    """Write headers as lines."""
    return [f"{name}: {value}" for name, value in headers]


async def sent(edge: Edge, *header_lines: str, body: bytes = CHAT) -> list[tuple[str, str]]:
    """Make a call and give the headers that reached the provider."""
    await edge.far.reset()
    (reply,) = await edge.talk(request("POST", CHAT_TARGET, *header_lines, body=body))
    assert reply.status == 200, reply.body
    (asked,) = await edge.asked()
    return [(name, value) for name, value in asked["headers"]]


async def test_the_provider_gets_our_credential_once_and_no_other(edge: Edge) -> None:
    """The client's key stays here, in whichever header it came; the provider's own goes there, once."""
    headers = await sent(edge, LAST, *lines(STOPPED))
    assert [value for name, value in headers if name == "Authorization"] == [f"Bearer {PROVIDER_SECRET}"]
    assert ADA_KEY not in f"{headers}"


async def test_nothing_that_is_on_no_list_reaches_the_provider(edge: Edge) -> None:
    """Cookies, addresses, organizations and our own headers end here; the rest is our own, each once."""
    headers = await sent(edge, LAST, *lines(STOPPED))
    assert sorted(name for name, _ in headers) == sorted(OURS)
    fields = dict(headers)
    assert fields["Host"] == f"127.0.0.1:{edge.far.port}"
    assert fields["Accept-Encoding"] == "identity"


async def test_what_is_on_the_list_reaches_the_provider(edge: Edge) -> None:
    """SDK telemetry, tracing, beta flags and idempotency keys arrive as they were sent, once."""
    headers = await sent(edge, LAST, *lines(PASSED))
    passed = sorted((name.lower(), value) for name, value in headers if name not in OURS)
    assert passed == sorted((name.lower(), value) for name, value in PASSED)


async def test_a_repeated_header_arrives_as_one(edge: Edge) -> None:
    """Two lines of a listed header are one field with two values (RFC 9110 section 5.3)."""
    headers = await sent(edge, LAST, "anthropic-beta: one", "Anthropic-Beta: two")
    assert [value for name, value in headers if name.lower() == "anthropic-beta"] == ["one, two"]


async def test_what_the_client_calls_hop_by_hop_ends_here_but_ours_stays(edge: Edge) -> None:
    """`Connection` can name the client's own headers away, never the ones we send."""
    named = "Connection: close, authorization, content-type, content-length, host, x-stainless-lang, accept-encoding"
    headers = await sent(edge, named, *lines(PASSED))
    names = {name for name, _ in headers}
    assert names >= OURS
    assert "x-stainless-lang" not in {name.lower() for name in names}


@pytest.mark.parametrize("value", ["caf\xe9", "\xff\xfe", "a\tb"])
async def test_odd_bytes_in_a_header_do_not_stop_a_call(edge: Edge, value: str) -> None:
    """Header values are bytes; what aiohttp could read is passed on."""
    assert len(await sent(edge, LAST, f"x-stainless-os: {value}")) == len(OURS) + 1


@pytest.mark.parametrize("stream", [False, True])
async def test_the_provider_s_own_headers_do_not_reach_the_client(edge: Edge, stream: bool) -> None:
    """Cookies, credentials, internal names and hop-by-hop fields of an answer end here."""
    async with edge.client.chat("m:naughty", stream=stream) as answer:
        assert answer.status == 200
        names = {name.lower() for name in answer.headers}
        assert "secret-backend" not in f"{answer.headers}"
    ours = {"x-request-id", "x-upstream-request-id", "ratelimit", "ratelimit-policy", "content-type", "date", "server"}
    ours |= {f"x-ratelimit-{what}-tokens" for what in ("limit", "remaining", "reset")}
    ours |= (
        {"cache-control", "x-accel-buffering", "transfer-encoding"}
        if stream
        else {"content-length", "x-gateway-output-limit"}
    )
    assert names - {"x-ratelimit-reset-tokens"} == ours - {"x-ratelimit-reset-tokens"}


async def test_a_refusal_of_the_provider_keeps_its_words_and_its_retry_after(edge: Edge) -> None:
    """Status, body and `Retry-After` of an upstream error are the client's to act on."""
    async with edge.client.chat("m:status-429.retry-7") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
        assert (await answer.json())["error"]["message"] == "The far end was told to fail."
        assert "x-should-retry" not in answer.headers


async def test_the_request_id_is_ours(edge: Edge) -> None:
    """Each answer has an id of our own, as in the log; the provider's stands beside it; the client's is ignored."""
    seen = []
    with capture_logs() as logged:
        for _ in range(20):
            async with edge.client.chat(headers={"X-Request-ID": "mine"}) as answer:
                assert answer.headers.getall("x-request-id") != ["mine"]
                assert answer.headers["x-upstream-request-id"].startswith("far-")
                seen.append(answer.headers["x-request-id"])
    calls = [line["request_id"] for line in logged if line["event"] == "call"]
    assert [call_id for call_id in calls if call_id in seen] == seen
    assert len(set(seen)) == 20


ITEM = r'"[A-Za-z0-9_-]{1,64}"((;[a-z]+=(-?[0-9]{1,15}|"[a-z-]+"))*)'
LIST = re.compile(rf"{ITEM}(, {ITEM})*")
"""A structured field's list of strings with parameters (RFC 9651 section 3.1), as far as ours use it."""


def parameters(field: str) -> dict[str, dict[str, str]]:
    """Take a RateLimit field apart: name of the budget -> its parameters."""
    assert LIST.fullmatch(field), field
    items = [item.split(";") for item in field.split(", ")]
    return {name.strip('"'): dict(pair.split("=", 1) for pair in pairs) for name, *pairs in items}


@pytest.mark.parametrize(
    ("model", "fields", "key", "status"),
    [
        ("m:", {}, ADA_KEY, 200),
        ("m:", {"stream": True}, ADA_KEY, 200),
        ("m:status-400", {}, ADA_KEY, 400),
        ("m:status-500", {"stream": True}, ADA_KEY, 500),
        ("m:garbage", {}, ADA_KEY, 502),
        ("m:garbage", {"stream": True}, ADA_KEY, 502),
        ("m:redirect-9", {}, ADA_KEY, 502),
        ("m:", {"max_tokens": 1_000, "n": 100}, OTHER_KEY, 200),
        ("m:", {"messages": [{"role": "user", "content": "word " * 2_000}]}, OTHER_KEY, 429),
    ],
)
async def test_every_answer_to_a_call_says_what_is_left(
    edge: Edge, model: str, fields: dict[str, object], key: str, status: int
) -> None:
    """Whatever becomes of a call that was understood, valid RateLimit fields and OpenAI's three tell its budgets."""
    async with edge.client.chat(model, headers={"Authorization": f"Bearer {key}"}, **fields) as answer:
        assert answer.status == status, await answer.text()
        await answer.read()
        policy, left = parameters(answer.headers["RateLimit-Policy"]), parameters(answer.headers["RateLimit"])
    assert list(policy) == list(left) == ["company"]
    quota, days = (1_000_000, 30) if key == ADA_KEY else (1_000, 7)
    assert policy["company"] == {"q": str(quota), "qu": '"tokens"', "w": str(days * 86_400)}
    assert 0 <= int(left["company"]["r"]) <= quota
    assert answer.headers["x-ratelimit-limit-tokens"] == str(quota)
    assert answer.headers["x-ratelimit-remaining-tokens"] == left["company"]["r"]
    if (seconds := left["company"].get("t")) is not None:
        assert 0 < int(seconds) <= (days + 1) * 86_400
        assert answer.headers["x-ratelimit-reset-tokens"] == f"{seconds}s"


async def test_without_a_caller_no_limits_are_told(edge: Edge) -> None:
    """An answer to nobody says nothing about anybody's budget."""
    (reply,) = await edge.talk(request("POST", CHAT_TARGET, LAST, body=CHAT, key="wrong-key-0123456789"))
    assert reply.status == 401
    assert not [name for name in reply.headers if "ratelimit" in name.lower()]
