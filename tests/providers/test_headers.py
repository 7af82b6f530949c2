"""Only listed headers pass, either way, and only plain JSON is read."""

import pytest
from multidict import CIMultiDict

from gateway.errors import UnsupportedMedia
from gateway.providers import answer_headers, forward_headers, require_media
from gateway.providers.format import FORM, JSON


def test_request_headers_by_allow_list() -> None:
    """What providers need passes; credentials, cookies, hosts and forwarding headers do not."""
    passed = {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "openai-beta": "x",
        "anthropic-version": "2023-06-01",
        "x-stainless-lang": "python",
        "idempotency-key": "k",
        "traceparent": "00-1-2-01",
        "tracestate": "a=b",
    }
    dropped = {
        "Authorization": "Bearer s",
        "api-key": "s",
        "x-api-key": "s",
        "x-goog-api-key": "s",
        "Cookie": "s",
        "Host": "h",
        "X-Forwarded-For": "1.2.3.4",
        "Forwarded": "for=1",
        "OpenAI-Organization": "o",
        "OpenAI-Project": "p",
        "X-Gateway-User": "u",
        "Accept-Encoding": "gzip",
        "Content-Length": "9",
        "Transfer-Encoding": "chunked",
        "TE": "trailers",
        "Upgrade": "websocket",
        "Proxy-Authorization": "s",
        "Expect": "100-continue",
        "x-portkey-custom-host": "evil.example",
    }
    assert forward_headers({name.title(): value for name, value in passed.items()} | dropped) == passed


def test_forwarding_twice_changes_nothing() -> None:
    """The list is applied wherever headers meet it, with the same outcome."""
    once = forward_headers({"Accept": "a", "Cookie": "c"})
    assert forward_headers(once) == once == {"accept": "a"}


def test_headers_of_this_hop_only() -> None:
    """What `Connection` lists stays here, but the body's type always goes with the body."""
    headers = CIMultiDict({"Connection": "X-Stainless-Lang, Content-Type", "Content-Type": "application/json"})
    headers.add("x-stainless-lang", "python")
    assert forward_headers(headers) == {"content-type": "application/json"}


def test_repeated_headers_are_joined() -> None:
    """A list that comes in several lines stays one list."""
    headers = CIMultiDict([("anthropic-beta", "a"), ("Anthropic-Beta", "b")])
    assert forward_headers(headers) == {"anthropic-beta": "a, b"}


def test_answer_headers_by_allow_list() -> None:
    """A client sees the type, the retry advice and the upstream's request id under our name."""
    upstream = {
        "Content-Type": "text/event-stream",
        "Retry-After": "3",
        "retry-after-ms": "2500",
        "X-Request-Id": "req_1",
        "Set-Cookie": "s",
        "Authorization": "s",
        "Server": "cloudflare",
        "X-Internal": "x",
        "Transfer-Encoding": "chunked",
        "Content-Encoding": "gzip",
        "x-ratelimit-remaining-tokens": "1",
        "openai-organization": "o",
    }
    assert answer_headers(upstream) == {
        "content-type": "text/event-stream",
        "retry-after": "3",
        "retry-after-ms": "2500",
        "x-upstream-request-id": "req_1",
    }
    assert answer_headers({"apim-request-id": "a"}) == {"x-upstream-request-id": "a"}
    assert answer_headers({}) == {}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"'],
)
def test_plain_json_is_read(content_type: str) -> None:
    """JSON in UTF-8 is what a body may be."""
    require_media(CIMultiDict({"Content-Type": content_type, "Content-Encoding": "identity"}), JSON)


def test_an_operation_may_take_two_kinds() -> None:
    """Pictures are edited by a form or by JSON, and by nothing else."""
    for content_type in ("application/json", "multipart/form-data; boundary=x"):
        require_media(CIMultiDict({"Content-Type": content_type}), (JSON, FORM))
    with pytest.raises(UnsupportedMedia, match="application/json or multipart/form-data"):
        require_media(CIMultiDict({"Content-Type": "text/plain"}), (JSON, FORM))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Content-Type", "")],
        [("Content-Type", "text/plain")],
        [("Content-Type", "application/x-www-form-urlencoded")],
        [("Content-Type", "multipart/form-data; boundary=x")],
        [("Content-Type", "application/vnd.api+json")],
        [("Content-Type", "application/json; charset=utf-16")],
        [("Content-Type", "application/json, text/plain")],
        [("Content-Type", "application/json"), ("content-type", "application/json")],
        [("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
        [("Content-Type", "application/json"), ("Content-Encoding", "identity"), ("content-encoding", "br")],
    ],
)
def test_other_media_are_refused(headers: list[tuple[str, str]]) -> None:
    """Another type, another charset, a repeated type and any compression are a 415."""
    with pytest.raises(UnsupportedMedia) as refused:
        require_media(CIMultiDict(headers), JSON)
    assert refused.value.status == 415
