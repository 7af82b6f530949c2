"""How an answer ends badly, in Anthropic's words."""

import json
from typing import Any

import pytest

from gateway.errors import (
    BadRequest,
    BodyTooLarge,
    BudgetRefused,
    Conflict,
    Forbidden,
    GatewayError,
    MethodNotAllowed,
    ModelNotFound,
    PriceUnknown,
    ProviderOff,
    StoreUnavailable,
    Unauthenticated,
    UnsupportedMedia,
    UpstreamBroken,
    UpstreamSilent,
)
from gateway.providers.anthropic import endings, messages
from tests.providers.anthropic.asking import ask


def refusal(type_: str, code: str) -> BudgetRefused:
    return BudgetRefused("No room.", type_=type_, code=code, budget={"name": "own"}, headers={})


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (BadRequest("x"), "invalid_request_error"),
        (UnsupportedMedia("x"), "invalid_request_error"),
        (BodyTooLarge("x"), "request_too_large"),
        (MethodNotAllowed("x"), "invalid_request_error"),
        (Unauthenticated("x"), "authentication_error"),
        (Forbidden("x"), "permission_error"),
        (PriceUnknown("m", "own"), "permission_error"),
        (ModelNotFound("x"), "not_found_error"),
        (Conflict("x"), "conflict_error"),
        (UpstreamSilent("x", sent=True), "timeout_error"),
        (UpstreamBroken("x", sent=True), "api_error"),
        (ProviderOff("x"), "api_error"),
        (StoreUnavailable("x"), "api_error"),
        (GatewayError("x"), "api_error"),
        (refusal("insufficient_quota", "budget_exceeded"), "billing_error"),
        (refusal("insufficient_quota", "request_exceeds_budget"), "billing_error"),
        (refusal("rate_limit_exceeded", "rate_limited"), "rate_limit_error"),
    ],
)
def test_each_error_has_the_apis_word(error: GatewayError, word: str) -> None:
    """The broad type is Anthropic's, the exact cause the gateway's own code."""
    body = endings.error_body(error, "01J")
    assert (body["type"], body["request_id"], body["error"]["type"]) == ("error", "01J", word)
    assert body["error"]["details"]["error_code"] == error.code


def test_a_refusal_tells_its_budget() -> None:
    """As in every language, under `error.budget`; a wrong field is named."""
    assert endings.error_body(refusal("insufficient_quota", "budget_exceeded"), "01J")["error"]["budget"] == {
        "name": "own"
    }
    told = endings.error_body(BadRequest("x", param="tools"), "01J")["error"]
    assert (told["details"]["param"], "budget" in told) == ("tools", False)


def test_the_requests_id() -> None:
    """Anthropic's SDKs look for it in `request-id`."""
    assert endings.error_headers(BadRequest("x"), "01J") == {"request-id": "01J"}


def events(data: bytes) -> list[tuple[str, Any]]:
    """Read named events."""
    frames = [frame.split("\n") for frame in data.decode().split("\n\n") if frame]
    return [(name.removeprefix("event: "), json.loads(text.removeprefix("data: "))) for name, text in frames]


@pytest.mark.parametrize("template", [b'{"index":2}', None, b"{", b'{"index":"x"}'])
def test_a_cut(template: bytes | None) -> None:
    """The open block ends, then the message has reached its length; its end is not claimed."""
    told = events(messages.cut_frame(ask(), template))
    names = ["content_block_stop", "message_delta"] if template == b'{"index":2}' else ["message_delta"]
    assert [name for name, _ in told] == names == [data["type"] for _, data in told]
    assert told[-1][1]["delta"]["stop_reason"] == "max_tokens"
    assert type(told[-1][1]["usage"]["output_tokens"]) is int


def test_an_error_in_a_stream() -> None:
    """The event is named `error`: the SDK raises on that name."""
    ((name, data),) = events(messages.error_event(ask(), UpstreamBroken("It broke.", sent=True)))
    assert (name, data["type"], data["error"]["message"]) == ("error", "error", "It broke.")
