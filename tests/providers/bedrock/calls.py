"""Requests as Bedrock's clients send them, read by the format."""

import json
from typing import Any

from gateway.model import Call, Endpoint, ModelSpec, Provider, Request, Route
from gateway.providers.bedrock import converse

LLAMA = "meta.llama3-3-70b-instruct-v1:0"
CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}


def ask(model: str = LLAMA, *, stream: bool = False, **fields: Any) -> Call:
    """Read a small valid body with these fields added or replaced."""
    params = {"model": model} | ({"stream": "1"} if stream else {})
    return converse.read(Request(Endpoint.CONVERSE, "01J", json.dumps(BODY | fields).encode(), params=params))


def say(*content: dict[str, Any]) -> Call:
    """Read a request whose one message has this content."""
    return ask(messages=[{"role": "user", "content": list(content)}])


def route_to(model: str = LLAMA, *, reasoning: bool | None = None) -> Route:
    """Make the route to a model of one provider."""
    spec = ModelSpec(model, reasoning=reasoning)
    return Route(Provider("p", "bedrock", "http://127.0.0.1:1", models=(spec,)), spec, model)
