"""Requests for responses as clients send them, and streams of events as providers do."""

import json
from typing import Any

from gateway.model import Call, Endpoint, Request
from gateway.providers.openai import responses

BODY: dict[str, Any] = {"model": "gpt-4o-mini", "input": "Hi"}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAACAAAAAQCAYAAAB3AH1ZAAAA"
"""The beginning of a PNG of 32 by 16."""


def ask(endpoint: Endpoint = Endpoint.RESPONSES, **fields: Any) -> Call:
    """Read a small valid body with these fields added or replaced."""
    return responses.read(Request(endpoint, "01J", json.dumps(BODY | fields).encode()))


def frame(value: dict[str, Any], *, blank: str = "\n\n") -> bytes:
    """Give one event as it is sent."""
    end = blank[: len(blank) // 2]
    return f"event: {value.get('type')}{end}data: {json.dumps(value)}{blank}".encode()


def response(status: str = "in_progress", **fields: Any) -> dict[str, Any]:
    """Give a response object."""
    return {"id": "resp_1", "object": "response", "status": status, "model": "m", "output": [], "usage": None, **fields}


def usage(given: int, said: int, *, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    """Give a usage object."""
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": given + said,
    }


CREATED = {"type": "response.created", "sequence_number": 0, "response": response()}


def delta(text: str, kind: str = "output_text", *, place: int = 0, part: int = 0) -> dict[str, Any]:
    """Give one delta."""
    return {"type": f"response.{kind}.delta", "output_index": place, "content_index": part, "delta": text}


def ended(status: str = "completed", **fields: Any) -> dict[str, Any]:
    """Give the event that ends a response."""
    return {"type": f"response.{status}", "response": response(status, **fields)}
