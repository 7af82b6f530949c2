"""Request targets and methods over a socket: what the table does not hold reaches no provider."""

import pytest

from gateway.app import TABLE
from tests.app.test_paths import CONFUSING
from tests.edge import Edge
from tests.wire import CHAT, CHAT_TARGET, LAST, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENDABLE = [path for path in CONFUSING if path.startswith("/")]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")
NOT_METERED = [
    "/v1/responses/resp_1",
    "/v1/conversations",
    "/v1/images/variations",
    "/v1/videos",
    "/v1/files",
    "/v1/files/file-1/content",
    "/v1/uploads",
    "/v1/batches",
    "/v1/assistants",
    "/v1/threads",
    "/v1/threads/runs",
    "/v1/fine_tuning/jobs",
    "/v1/realtime",
    "/v1/realtime/sessions",
    "/v1/vector_stores",
    "/v1/containers",
    "/v1/evals",
    "/v1/engines/m:/completions",
    "/v1/chat/completions/chatcmpl-1",
    "/v1/organization/usage/completions",
    "/v1/organization/admin_api_keys",
    "/chat/completions",
    "/metrics",
    "/admin",
    "/",
]


@pytest.mark.parametrize("target", SENDABLE)
async def test_a_confusing_path_reaches_no_provider(edge: Edge, target: str) -> None:
    """What some other server would read as the metered path is 404 here, with a good key and a good body."""
    async with edge.untouched():
        (reply,) = await edge.talk(request("POST", target, LAST, body=CHAT))
        assert (reply.status, reply.error["code"]) == (404, "unknown_url")


@pytest.mark.parametrize("byte", ["\0", "\x7f", "\xe9", " "])
async def test_a_path_with_a_raw_control_or_foreign_byte_is_refused(edge: Edge, byte: str) -> None:
    """Bytes that no path may hold are 400 or 404."""
    async with edge.untouched():
        (reply,) = await edge.talk(request("POST", f"/v1/chat{byte}/completions", LAST, body=CHAT))
        assert reply.status in {400, 404}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "http://169.254.169.254/v1/chat/completions"),
        ("POST", "http://gateway.example/v1/chat/completions"),
        ("GET", "http://gateway.example/healthz"),
        ("OPTIONS", "*"),
        ("CONNECT", "169.254.169.254:80"),
    ],
)
async def test_a_target_that_is_no_path_is_refused(edge: Edge, method: str, target: str) -> None:
    """Absolute, authority and asterisk forms are for proxies, which this is not."""
    async with edge.untouched():
        (reply,) = await edge.talk(request(method, target, LAST, body=CHAT if method == "POST" else None))
        assert (reply.status, reply.error["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("version", ["HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/3.7", ""])
async def test_another_version_of_http_is_refused(edge: Edge, version: str) -> None:
    """A request line without a version, as HTTP/0.9 had it, is none either; what follows it is not read."""
    asked = request("POST", CHAT_TARGET, LAST, body=CHAT).replace(b"HTTP/1.1", version.encode(), 1)
    async with edge.untouched():
        replies = await edge.talk(asked + request("POST", CHAT_TARGET, LAST, body=CHAT))
        assert [reply.status for reply in replies] == [400]


async def test_a_tunnel_is_not_opened_to_a_path_either(edge: Edge) -> None:
    """CONNECT to a path is a wrong method, and what follows it is read as HTTP."""
    first, second = await edge.talk(
        request("CONNECT", "/v1/models") + request("GET", "/healthz", LAST),
    )
    assert (first.status, second.status) == (405, 200)


@pytest.mark.parametrize("host", ["admin", "169.254.169.254", "api.openai.com:443", "[::1]:80", "127.0.0.1.", "a_b"])
async def test_the_host_header_decides_nothing(edge: Edge, host: str) -> None:
    """Whatever a well-formed Host says, only the path and the table decide."""
    async with edge.untouched():
        for target, status in (("/healthz", 200), ("/admin", 404)):
            data = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{LAST}\r\n\r\n".encode()
            (reply,) = await edge.talk(data)
            assert reply.status == status


@pytest.mark.parametrize("query", ["?", "?api-version=2024-10-21", "?a=b&a=c", "?/../../admin", "?%00", "?model=other"])
async def test_a_query_string_changes_nothing(edge: Edge, query: str) -> None:
    """Clients that append a query to a literal path are served as without it, and it is not passed on."""
    (reply,) = await edge.talk(request("POST", CHAT_TARGET + query, LAST, body=CHAT))
    assert reply.status == 200
    (asked,) = await edge.asked()
    assert (asked["path"], asked["model"]) == (CHAT_TARGET, "m:")


@pytest.mark.parametrize("path", [path for path in TABLE if "{" not in path])
async def test_a_wrong_method_is_told_the_right_ones(edge: Edge, path: str) -> None:
    """Every literal path of the table answers 405 with `Allow` to the methods it does not have; HEAD gets no body."""
    for method in METHODS:
        if method in TABLE[path].methods:
            continue
        data = request(method, path) + request("GET", "/healthz", LAST)
        reply, next_reply = await edge.talk(data, to_head=[0] if method == "HEAD" else [])
        assert (reply.status, reply.headers["Allow"]) == (405, ", ".join(TABLE[path].methods))
        assert next_reply.status == 200


@pytest.mark.parametrize("method", ["get", "Post", "BREW"])
async def test_a_method_that_is_none_is_refused(edge: Edge, method: str) -> None:
    """Methods are case-sensitive (RFC 9110 section 9.1), and unknown ones are not let through."""
    (reply,) = await edge.talk(request(method, "/v1/models", LAST))
    assert reply.status in {400, 405}


async def test_a_cross_origin_preflight_gets_no_permission(edge: Edge) -> None:
    """No page of another origin may call: OPTIONS is 405 without any `Access-Control-` header."""
    lines = ("Origin: https://evil.example", "Access-Control-Request-Method: POST", LAST)
    (reply,) = await edge.talk(request("OPTIONS", CHAT_TARGET, *lines))
    assert reply.status == 405
    assert not [name for name in reply.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", NOT_METERED)
async def test_what_is_not_metered_is_not_served(edge: Edge, path: str) -> None:
    """Endpoints of other APIs, and those of OpenAI's that cannot be metered, are 404 and never passed on."""
    async with edge.untouched():
        for method in ("GET", "POST", "DELETE"):
            (reply,) = await edge.talk(request(method, path, LAST, body=None if method == "GET" else CHAT))
            assert (reply.status, reply.error["type"]) == (404, "invalid_request_error")
            assert reply.error["code"] in {"unknown_url", "endpoint_not_metered"}
            assert reply.error["param"] is None


async def test_an_unknown_endpoint_is_told_where_to_find_the_known_ones(edge: Edge) -> None:
    """The 404 says what to do instead, which needs no key; it repeats nothing of the request."""
    (reply,) = await edge.talk(request("POST", "/v1/nothing?marker", LAST, body=CHAT))
    assert "GET /openapi.yaml" in reply.error["message"]
    assert b"marker" not in reply.body
    (document,) = await edge.talk(request("GET", "/openapi.yaml", LAST, key=None))
    assert (document.status, b"/v1/chat/completions" in document.body) == (200, True)


async def test_an_unknown_endpoint_needs_no_key(edge: Edge) -> None:
    """What does not exist is said without a key; what exists is said to be a matter of keys."""
    for target, status in (("/v1/nothing", 404), ("/v1/models", 401), ("/v1/models/m:", 401), ("/v1/budget", 401)):
        (reply,) = await edge.talk(request("GET", target, LAST, key=None))
        assert reply.status == status


@pytest.mark.parametrize(
    ("method", "target", "statuses"),
    [
        ("GET", "/v1/realtime?model=m:", {404}),
        ("GET", "/v1/chat/completions", {405}),
        ("GET", "/v1/nothing", {404}),
        ("GET", "/v1/models", {200}),
    ],
)
async def test_an_upgrade_opens_no_tunnel(edge: Edge, method: str, target: str, statuses: set[int]) -> None:
    """A connection is never switched to another protocol: what follows the request is read as HTTP."""
    async with edge.untouched():
        upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
        data = request(method, target, *upgrade, "Sec-WebSocket-Version: 13") + request("GET", "/healthz", LAST)
        reply, next_reply = await edge.talk(data)
        assert reply.status in statuses
        assert (next_reply.status, next_reply.body) == (200, b'{"status":"ok"}')


async def test_an_upgrade_beside_a_call_is_ignored(edge: Edge) -> None:
    """A call that asks for another protocol is served as the call that it is, metered."""
    (reply,) = await edge.talk(request("POST", CHAT_TARGET, "Upgrade: h2c", "Connection: Upgrade, close", body=CHAT))
    assert reply.status == 200
    (asked,) = await edge.asked()
    assert "Upgrade" not in dict(asked["headers"])
