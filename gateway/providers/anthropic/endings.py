"""How an answer ends badly in Anthropic's wire format: an error body, an error in a stream, a stream that is cut.

The rule that matters: the official SDK raises on an event named `error`, and takes a `message_stop` for a good end: so
none is sent. (https://platform.claude.com/docs/en/api/errors, .../build-with-claude/streaming)
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.errors import (
    BadRequest,
    BodyTooLarge,
    BudgetRefused,
    Conflict,
    Forbidden,
    GatewayError,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    TooManyTries,
    Unauthenticated,
    UpstreamSilent,
)
from gateway.model import Call
from gateway.providers.decoding import UNREADABLE

# The first that fits.
_TYPES: Mapping[type[GatewayError], str] = {
    BodyTooLarge: "request_too_large",
    BadRequest: "invalid_request_error",
    MethodNotAllowed: "invalid_request_error",
    Conflict: "conflict_error",
    Unauthenticated: "authentication_error",
    Forbidden: "permission_error",
    NotFound: "not_found_error",
    UpstreamSilent: "timeout_error",
    Overloaded: "overloaded_error",
    TooManyTries: "rate_limit_error",
}
_COMES_BACK = "rate_limit_exceeded"


class _Open(msgspec.Struct):
    """Which block is open (`StreamMeter.template`)."""

    index: int | None = None


def error_body(error: GatewayError, call_id: str) -> dict[str, Any]:
    """Give the JSON body of a refusal: `error.details.error_code` is the gateway's code; and a budget's state."""
    details = {"error_code": error.code} | ({"param": error.param} if error.param else {})
    told: dict[str, Any] = {"type": _type_of(error), "message": error.message, "details": details}
    if isinstance(error, BudgetRefused):
        told["budget"] = dict(error.budget)
    return {"type": "error", "error": told, "request_id": call_id}


def _type_of(error: GatewayError) -> str:
    """Give the API's word: of a budget `rate_limit_error` where coming back soon helps, else `billing_error`."""
    if isinstance(error, BudgetRefused):
        return "rate_limit_error" if error.type == _COMES_BACK else "billing_error"
    return next((name for kind, name in _TYPES.items() if isinstance(error, kind)), "api_error")


def error_headers(_error: GatewayError, call_id: str) -> dict[str, str]:
    """Give the header that Anthropic's SDKs show as the request's id."""
    return {"request-id": call_id}


def error_event(call: Call, error: GatewayError) -> bytes:
    """Give the event that tells an error in a stream, which ends after it."""
    return _event("error", error_body(error, call.id))


def cut_frame(_call: Call, template: bytes | None) -> bytes:
    """Give the events of an answer that has reached its length: the open block ends, `stop_reason` is `max_tokens`."""
    index = _open_block(template)
    closing = b"" if index is None else _event("content_block_stop", {"type": "content_block_stop", "index": index})
    delta = {"stop_reason": "max_tokens", "stop_sequence": None}
    # The SDK wants a number; what was charged is the ledger's to say.
    return closing + _event("message_delta", {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 0}})


def _open_block(template: bytes | None) -> int | None:
    try:
        return msgspec.json.decode(template or b"{}", type=_Open).index
    except UNREADABLE:
        return None


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
