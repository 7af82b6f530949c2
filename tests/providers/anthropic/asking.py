"""Requests as Anthropic's clients send them, read by the format."""

import json
from typing import Any

from gateway.model import Call, Endpoint, ModelSpec, Provider, Request, Route
from gateway.providers.anthropic import messages

HELLO = [{"role": "user", "content": "Hello there"}]
BODY: dict[str, Any] = {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": HELLO}
URL = "https://example.com/a"
WEB_SEARCH = {"type": "web_search_20250305", "name": "web_search"}


def call_of(
    body: dict[str, Any],
    endpoint: Endpoint = Endpoint.MESSAGES,
    *,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    session: str | None = None,
) -> Call:
    """Read a whole body."""
    data = json.dumps(body).encode()
    return messages.read(Request(endpoint, "01J", data, headers=headers or {}, query=query or {}, session=session))


def ask(**fields: Any) -> Call:
    """Read a small valid body with these fields added or replaced."""
    return call_of(BODY | fields)


def saying(*content: Any) -> Call:
    """Read a body whose only message has these blocks."""
    return ask(messages=[{"role": "user", "content": list(content)}])


def route_to(model: str = "claude-sonnet-4-5", *, reasoning: bool | None = None) -> Route:
    """Make the route to a model of one provider."""
    spec = ModelSpec(model, reasoning=reasoning)
    return Route(Provider("p", "anthropic", "http://127.0.0.1:1", models=(spec,)), spec, model)
