"""Requests as Ollama's clients send them, read by the format."""

import json
from typing import Any

from gateway.model import Call, Endpoint, ModelSpec, Provider, Request, Route
from gateway.providers.ollama import native

CHAT: dict[str, Any] = {"model": "llama3.2", "messages": [{"role": "user", "content": "Hi"}]}
BODIES: dict[Endpoint, dict[str, Any]] = {
    Endpoint.OLLAMA_CHAT: CHAT,
    Endpoint.OLLAMA_GENERATE: {"model": "llama3.2", "prompt": "Hi"},
    Endpoint.OLLAMA_EMBED: {"model": "nomic-embed-text", "input": "Hi"},
}


def ask(endpoint: Endpoint = Endpoint.OLLAMA_CHAT, /, **fields: Any) -> Call:
    """Read a small valid body with these fields added or replaced."""
    return native.read(Request(endpoint, "01J", json.dumps(BODIES[endpoint] | fields).encode()))


def route_to(model: str = "llama3.2", *, reasoning: bool | None = None) -> Route:
    """Make the route to a model of one provider."""
    spec = ModelSpec(model, reasoning=reasoning)
    return Route(Provider("p", "ollama", "http://127.0.0.1:1", models=(spec,)), spec, model)
