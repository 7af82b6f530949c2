"""How an answer ends badly in Ollama's language: an error body, an error in a stream, a stream that is cut.

The rule that matters: both official SDKs raise on a line with `error`, and the one for JavaScript reads nothing after a
line that says `done`: so a stream that is cut is not done.
"""

from typing import Any

import msgspec

from gateway.errors import BudgetRefused, GatewayError
from gateway.model import Call, Endpoint
from gateway.providers.decoding import UNREADABLE

UNKNOWN_DATE = "1970-01-01T00:00:00Z"


class _Head(msgspec.Struct):
    """What each line of a stream repeats."""

    model: Any = None
    created_at: Any = None


def error_body(error: GatewayError, _call_id: str) -> dict[str, Any]:
    """Give the JSON body of a refusal: its words are `error`, a string; beside it the gateway's code, and a budget."""
    body: dict[str, Any] = {"error": error.message, "type": error.type, "code": error.code, "param": error.param}
    if isinstance(error, BudgetRefused):
        body["budget"] = dict(error.budget)
    return body


def error_headers(_error: GatewayError, call_id: str) -> dict[str, str]:
    """Give the request's id; Ollama's SDKs look at no header."""
    return {"x-request-id": call_id}


def error_event(call: Call, error: GatewayError) -> bytes:
    """Give the line that tells an error in a stream, which ends after it."""
    return _line(error_body(error, call.id))


def cut_frame(call: Call, template: bytes | None) -> bytes:
    """Give a line that says why nothing more is said; `template` is the stream's first line."""
    head = _head(template)
    nothing: dict[str, Any] = (
        {"message": {"role": "assistant", "content": ""}} if call.endpoint is Endpoint.OLLAMA_CHAT else {"response": ""}
    )
    named = {"model": head.model or call.model, "created_at": head.created_at or UNKNOWN_DATE}
    return _line({**named, **nothing, "done": False, "done_reason": "length"})


def _head(template: bytes | None) -> _Head:
    try:
        return msgspec.json.decode(template or b"{}", type=_Head)
    except UNREADABLE:
        return _Head()


def _line(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value) + b"\n"
