"""Requests as clients send them, read by the format."""

import json
from typing import Any

from gateway.model import Call, Endpoint, ModelSpec, Provider, Request, Route
from gateway.providers.gemini import content

MODEL = "gemini-2.5-flash"
HELLO: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": "Hi"}]}]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAUCAYAAAC07w7bAAAAAElFTkSuQmCC"
"""The head of a PNG of 10 x 20 pixels."""


def call_of(
    body: bytes | dict[str, Any],
    endpoint: Endpoint = Endpoint.GENERATE_CONTENT,
    *,
    model: str = MODEL,
    stream: bool = False,
    alt: str | None = None,
) -> Call:
    """Read a whole body, sent to a model's path."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    params = {"model": model} | ({"stream": "1"} if stream else {})
    return content.read(Request(endpoint, "01J", data, params=params, query={"alt": alt} if alt else {}))


def ask(*, model: str = MODEL, stream: bool = False, alt: str | None = None, **fields: Any) -> Call:
    """Read a small valid request to generate, with these fields added or replaced."""
    return call_of({"contents": HELLO} | fields, model=model, stream=stream, alt=alt)


def told(*parts: dict[str, Any]) -> Call:
    """Read a request of one content with these parts."""
    return ask(contents=[{"role": "user", "parts": list(parts)}])


def route_to(model: str = MODEL, *, reasoning: bool | None = None, base_url: str = "http://127.0.0.1:1") -> Route:
    """Make the route to a model of one provider."""
    spec = ModelSpec(model, reasoning=reasoning)
    return Route(Provider("p", "gemini", base_url, models=(spec,)), spec, model)
