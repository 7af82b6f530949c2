"""How an answer ends badly in OpenAI's wire format: an error body, an error in a stream, a stream that is cut.

The rule that matters: both official SDKs raise on a `data:` object with a top-level `error`, and on nothing flatter.
"""

from typing import Any

import msgspec

from gateway.errors import BudgetRefused, GatewayError
from gateway.model import Call, Endpoint
from gateway.providers.decoding import UNREADABLE


class _Head(msgspec.Struct):
    """What each chunk of a stream repeats."""

    id: Any = ""
    created: Any = 0
    model: Any = ""


def error_body(error: GatewayError, _call_id: str) -> dict[str, Any]:
    """Give the JSON body of a refusal (https://platform.openai.com/docs/guides/error-codes); and a budget's."""
    body: dict[str, Any] = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    if isinstance(error, BudgetRefused):
        body["budget"] = dict(error.budget)
    return {"error": body}


def error_headers(_error: GatewayError, call_id: str) -> dict[str, str]:
    """Give the header that OpenAI's SDKs show as the request's id."""
    return {"x-request-id": call_id}


def error_event(call: Call, error: GatewayError) -> bytes:
    """Give the frame that tells an error in a stream; the stream ends after it, without `[DONE]`."""
    return _frame(error_body(error, call.id))


def cut_frame(call: Call, template: bytes | None) -> bytes:
    """Give a last chunk that says `finish_reason: "length"`; `template` is the JSON of the stream's first chunk."""
    head = _head(template)
    if call.endpoint is Endpoint.CHAT:
        kind, choice = "chat.completion.chunk", {"index": 0, "delta": {}, "finish_reason": "length"}
    else:
        kind, choice = "text_completion", {"index": 0, "text": "", "logprobs": None, "finish_reason": "length"}
    return _frame({"id": head.id, "object": kind, "created": head.created, "model": head.model, "choices": [choice]})


def _head(template: bytes | None) -> _Head:
    try:
        return msgspec.json.decode(template or b"{}", type=_Head)
    except UNREADABLE:
        return _Head()


def _frame(value: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
