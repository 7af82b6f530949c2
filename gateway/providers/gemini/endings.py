"""How an answer ends badly in Gemini's wire format: an error body, an error in a stream, a stream that is cut.

The rule that matters: the official SDK raises on a chunk whose first field is `error`, by the code in it. The elements
of an array carry their comma; `StreamMeter.closing` puts the brackets.
(https://google.aip.dev/193, https://cloud.google.com/apis/design/errors)
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.errors import BudgetRefused, GatewayError
from gateway.model import Call
from gateway.providers.decoding import UNREADABLE

_STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    421: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_DETAIL = "type.googleapis.com/google.rpc."
_DOMAIN = "gateway"


class _Head(msgspec.Struct):
    """What each chunk of a stream repeats."""

    modelVersion: Any = ""  # noqa: N815 - the wire's names
    responseId: Any = ""  # noqa: N815


def error_body(error: GatewayError, call_id: str) -> dict[str, Any]:
    """Give the JSON body of a refusal: its reason is the gateway's code; and a budget's state."""
    details: list[dict[str, Any]] = [_info(error, call_id)]
    if _is_retry_welcome(error):
        details.append({"@type": f"{_DETAIL}RetryInfo", "retryDelay": f"{error.headers['Retry-After']}s"})
    status = _STATUSES.get(error.status, "INTERNAL")
    told: dict[str, Any] = {"code": error.status, "message": error.message, "status": status, "details": details}
    if isinstance(error, BudgetRefused):
        told["budget"] = dict(error.budget)
    return {"error": told}


def _info(error: GatewayError, call_id: str) -> dict[str, Any]:
    metadata = {"type": error.type, "request_id": call_id} | ({"param": error.param} if error.param else {})
    reason = (error.code or error.type).upper()
    return {"@type": f"{_DETAIL}ErrorInfo", "reason": reason, "domain": _DOMAIN, "metadata": metadata}


def _is_retry_welcome(error: GatewayError) -> bool:
    return "Retry-After" in error.headers and error.headers.get("x-should-retry") != "false"


def error_headers(_error: GatewayError, call_id: str) -> dict[str, str]:
    """Give the header that names the call in the gateway's log."""
    return {"x-request-id": call_id}


def error_event(call: Call, error: GatewayError) -> bytes:
    """Give the chunk that tells an error in a stream, which ends after it."""
    return _chunk(call, error_body(error, call.id))


def cut_frame(call: Call, template: bytes | None) -> bytes:
    """Give a last chunk that says `MAX_TOKENS`; `template` is the JSON of the stream's first chunk."""
    head = _head(template)
    candidate = {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}
    return _chunk(call, {"candidates": [candidate], **msgspec.to_builtins(head)})


def _head(template: bytes | None) -> _Head:
    try:
        return msgspec.json.decode(template or b"{}", type=_Head)
    except UNREADABLE:
        return _Head()


def _chunk(call: Call, value: dict[str, Any]) -> bytes:
    encoded = msgspec.json.encode(value)
    return b"data: " + encoded + b"\r\n\r\n" if call.query else b"," + encoded
