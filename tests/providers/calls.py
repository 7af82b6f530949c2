"""Requests as clients send them, read by the dialect."""

import json
from typing import Any

from gateway.model import Call, Endpoint, ModelSpec, Provider, Request, Route
from gateway.providers.openai import chat

CHAT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
COMPLETION: dict[str, Any] = {"model": "davinci-002", "prompt": "Hi"}
EMBEDDING: dict[str, Any] = {"model": "text-embedding-3-small", "input": "Hi"}
BODIES = {Endpoint.CHAT: CHAT, Endpoint.COMPLETIONS: COMPLETION, Endpoint.EMBEDDINGS: EMBEDDING}


def call_of(body: bytes | dict[str, Any], endpoint: Endpoint = Endpoint.CHAT, session: str | None = None) -> Call:
    """Read a whole body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return chat.read(Request(endpoint, "01J", data, session=session))


def ask(endpoint: Endpoint = Endpoint.CHAT, **fields: Any) -> Call:
    """Read a small valid body with these fields added or replaced."""
    return call_of(BODIES[endpoint] | fields, endpoint)


def route_to(model: str, *, reasoning: bool | None = None, dialect: str = "openai") -> Route:
    """Make the route to a model of one provider."""
    spec = ModelSpec(model, reasoning=reasoning)
    return Route(Provider("p", dialect, "http://127.0.0.1:1/v1", models=(spec,)), spec, model)
