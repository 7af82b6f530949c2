"""What an Ollama server is sent: our own encoding, the bound in `options`, the path and the credential."""

import json
from typing import Any

import pytest

from gateway.model import Endpoint, Provider, Secret
from gateway.providers.dialect import DIALECTS, FORMATS
from gateway.providers.ollama import account, native
from tests.providers.ollama.calls import ask, route_to


def sent(options: dict[str, Any] | None, cap: int | None) -> Any:
    """Give the options of a chat as they are sent."""
    call = ask(options=options)
    outgoing = native.outgoing(call, route_to(), cap=cap, asks_usage=True)
    assert outgoing.content_type == "application/json"
    return json.loads(outgoing.body)["options"]


@pytest.mark.parametrize(
    ("options", "cap", "expected"),
    [
        ({"num_ctx": 9}, None, {"num_ctx": 9}),
        ({"num_predict": -1}, None, {"num_predict": -1}),
        (None, 50, {"num_predict": 50}),
        ({"num_ctx": 9}, 50, {"num_ctx": 9, "num_predict": 50}),
        ({"num_predict": 30}, 50, {"num_predict": 30}),
        ({"num_predict": 80}, 50, {"num_predict": 50}),
        ({"num_predict": -1}, 50, {"num_predict": 50}),
        ({"num_predict": 0}, 50, {"num_predict": 50}),
    ],
)
def test_the_cap(options: dict[str, Any] | None, cap: int | None, expected: Any) -> None:
    """A cap goes into `options.num_predict`, never above the client's own bound; the other options stay."""
    assert sent(options, cap) == expected


def test_only_the_model_changes_else() -> None:
    """The model is the upstream's name of it, all other fields are as they were, and the Call is untouched."""
    call = ask(model="p/llama3.2", keep_alive="5m", think="high", format={"type": "object"}, stream=False)
    before = dict(call.body)
    body = json.loads(native.outgoing(call, route_to(), cap=None, asks_usage=False).body)
    assert body == {**before, "model": "llama3.2"}
    assert call.body == before


def test_embeddings_are_not_capped() -> None:
    """They produce nothing."""
    body = json.loads(native.outgoing(ask(Endpoint.OLLAMA_EMBED), route_to(), cap=5, asks_usage=True).body)
    assert "options" not in body


def test_all_is_visible() -> None:
    """A stream shows all that a model says, thinking too, unless the configuration says that it does not."""
    assert native.is_visible(ask(think=True), route_to("deepseek-r1"))
    assert not native.is_visible(ask(stream=False), route_to())
    assert not native.is_visible(ask(), route_to(reasoning=True))


@pytest.mark.parametrize(
    ("endpoint", "path"),
    [
        (Endpoint.OLLAMA_CHAT, "/api/chat"),
        (Endpoint.OLLAMA_GENERATE, "/api/generate"),
        (Endpoint.OLLAMA_EMBED, "/api/embed"),
    ],
)
def test_the_path(endpoint: Endpoint, path: str) -> None:
    """Each operation has its path, and only its dialect takes it."""
    assert account.path(ask(endpoint), route_to()) == path
    assert FORMATS[endpoint] is native
    assert [name for name, dialect in DIALECTS.items() if endpoint in dialect.ENDPOINTS] == ["ollama"]


def test_the_credential() -> None:
    """A key goes as a bearer token, extra headers win, and without a key there is none."""
    extra = (("Authorization", Secret("Basic x")), ("X-A", Secret("b")))
    assert account.auth_headers(Provider("p", "ollama", "", api_key=Secret("k"))) == {"authorization": "Bearer k"}
    assert account.auth_headers(Provider("p", "ollama", "")) == {}
    headers = account.auth_headers(Provider("p", "ollama", "", api_key=Secret("k"), headers=extra))
    assert headers == {"authorization": "Basic x", "x-a": "b"}
