"""What Bedrock is sent: our own encoding, the bound in `inferenceConfig`, the path and the credential."""

import json
from typing import Any

import pytest

from gateway.model import Call, Endpoint, Provider, Secret
from gateway.providers.bedrock import account, converse
from gateway.providers.dialect import DIALECTS, FORMATS
from tests.providers.bedrock.calls import CLAUDE, LLAMA, ask, route_to


def sent(call: Call, cap: int | None = None) -> Any:
    """Give the body as it is sent."""
    outgoing = converse.outgoing(call, route_to(), cap=cap, asks_usage=True)
    assert outgoing.content_type == "application/json"
    return json.loads(outgoing.body)


@pytest.mark.parametrize(
    ("config", "cap", "expected"),
    [
        ({"topP": 1}, None, {"topP": 1}),
        (None, 50, {"maxTokens": 50}),
        ({"topP": 1}, 50, {"topP": 1, "maxTokens": 50}),
        ({"maxTokens": 30}, 50, {"maxTokens": 30}),
        ({"maxTokens": 80}, 50, {"maxTokens": 50}),
    ],
)
def test_the_cap(config: dict[str, Any] | None, cap: int | None, expected: Any) -> None:
    """A cap goes into `inferenceConfig.maxTokens`, never above the client's own bound; the rest of it stays."""
    assert sent(ask(inferenceConfig=config), cap)["inferenceConfig"] == expected


def test_only_our_metadata_is_removed() -> None:
    """The purpose is the gateway's; all other fields are as they were, and the Call is untouched."""
    call = ask(requestMetadata={"purpose": "QA", "team": "a"}, performanceConfig={"latency": "optimized"})
    before = dict(call.body)
    assert sent(call) == {**before, "requestMetadata": {"team": "a"}}
    assert call.body == before
    assert "requestMetadata" not in sent(ask(requestMetadata={"purpose": "QA"}))


@pytest.mark.parametrize(
    ("model", "fields", "visible"),
    [
        (LLAMA, {}, True),
        (CLAUDE, {}, True),
        (CLAUDE, {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 9}}}, False),
        ("unheard-of.model", {}, False),
        (LLAMA, {"guardrailConfig": {"guardrailIdentifier": "g"}}, False),
        (LLAMA, {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}, False),
        (LLAMA, {"promptVariables": {"a": {"text": "b"}}}, False),
    ],
)
def test_what_is_visible(model: str, fields: dict[str, Any], visible: bool) -> None:
    """A stream is watched where all that is said flows: no unseen thinking, no rounds, no guardrail."""
    assert converse.is_visible(ask(model, stream=True, **fields), route_to(model)) is visible
    assert not converse.is_visible(ask(model, **fields), route_to(model))
    assert not converse.is_visible(ask(model, stream=True, **fields), route_to(model, reasoning=True))


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        (LLAMA, "meta.llama3-3-70b-instruct-v1%3A0"),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0",
        ),
    ],
)
def test_the_path(model: str, segment: str) -> None:
    """The model is one segment, encoded once; a stream has a path of its own."""
    assert account.path(ask(model), route_to(model)) == f"/model/{segment}/converse"
    assert account.path(ask(model, stream=True), route_to(model)) == f"/model/{segment}/converse-stream"
    assert FORMATS[Endpoint.CONVERSE] is converse
    assert [name for name, dialect in DIALECTS.items() if Endpoint.CONVERSE in dialect.ENDPOINTS] == ["bedrock"]


def test_the_credential() -> None:
    """A key goes as a bearer token, and extra headers win."""
    assert account.auth_headers(Provider("p", "bedrock", "", api_key=Secret("k"))) == {"authorization": "Bearer k"}
    headers = account.auth_headers(Provider("p", "bedrock", "", headers=(("X-A", Secret("b")),)))
    assert headers == {"x-a": "b"}
