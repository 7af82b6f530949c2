"""How an answer ends badly in Bedrock's words: an error body, its type in a header; an exception in a stream; a cut.

The rule that matters: AWS's SDKs take the kind of an error from `x-amzn-errortype`, and raise in a stream on a message
whose `:message-type` is `exception`. (https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html)
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.errors import (
    BadRequest,
    BudgetRefused,
    Conflict,
    Forbidden,
    GatewayError,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    ProviderOff,
    StoreUnavailable,
    TooManyTries,
    Unauthenticated,
    UpstreamError,
    UpstreamSilent,
)
from gateway.model import Call
from gateway.providers.decoding import UNREADABLE
from gateway.providers.eventstream import encode

# The first that fits.
_TYPES: Mapping[type[GatewayError], str] = {
    BadRequest: "ValidationException",
    MethodNotAllowed: "ValidationException",
    Conflict: "ConflictException",
    Unauthenticated: "UnrecognizedClientException",
    Forbidden: "AccessDeniedException",
    NotFound: "ResourceNotFoundException",
    UpstreamSilent: "ModelTimeoutException",
    UpstreamError: "ModelErrorException",
    ProviderOff: "ServiceUnavailableException",
    Overloaded: "ServiceUnavailableException",
    TooManyTries: "ThrottlingException",
    StoreUnavailable: "ServiceUnavailableException",
}
# A stream knows these (API reference, ConverseStreamOutput).
_IN_STREAM: Mapping[type[GatewayError], str] = {
    BudgetRefused: "throttlingException",
    UpstreamError: "modelStreamErrorException",
    StoreUnavailable: "serviceUnavailableException",
}
_COMES_BACK = "rate_limit_exceeded"


class _Open(msgspec.Struct):
    """Which block is open (`StreamMeter.template`)."""

    index: int | None = None


def error_body(error: GatewayError, _call_id: str) -> dict[str, Any]:
    """Give the JSON body of a refusal: AWS's `message`; beside it the gateway's code, and a budget's state."""
    body: dict[str, Any] = {"message": error.message, "type": error.type, "code": error.code, "param": error.param}
    if isinstance(error, BudgetRefused):
        body["budget"] = dict(error.budget)
    return body


def error_headers(error: GatewayError, call_id: str) -> dict[str, str]:
    """Give the kind of an error, and the header that AWS's SDKs show as the request's id."""
    return {"x-amzn-errortype": _type_of(error), "x-amzn-requestid": call_id}


def _type_of(error: GatewayError) -> str:
    """Give AWS's word: of a budget that of a throttle where coming back soon helps, else that of a quota.

    AWS's SDKs ask twice more after any 429, whatever its word.
    """
    if isinstance(error, BudgetRefused):
        return "ThrottlingException" if error.type == _COMES_BACK else "ServiceQuotaExceededException"
    return next((name for kind, name in _TYPES.items() if isinstance(error, kind)), "InternalServerException")


def error_event(call: Call, error: GatewayError) -> bytes:
    """Give the message that tells an error in a stream, which ends after it."""
    kind = next((name for known, name in _IN_STREAM.items() if isinstance(error, known)), "internalServerException")
    return _message({":message-type": "exception", ":exception-type": kind}, error_body(error, call.id))


def cut_frame(_call: Call, template: bytes | None) -> bytes:
    """Give the events of an answer that has reached its length: the open block ends, the reason is `max_tokens`."""
    index = _open_block(template)
    closing = b"" if index is None else _event("contentBlockStop", {"contentBlockIndex": index})
    return closing + _event("messageStop", {"stopReason": "max_tokens"})


def _open_block(template: bytes | None) -> int | None:
    try:
        return msgspec.json.decode(template or b"{}", type=_Open).index
    except UNREADABLE:
        return None


def _event(kind: str, value: dict[str, Any]) -> bytes:
    return _message({":message-type": "event", ":event-type": kind}, value)


def _message(headers: Mapping[str, str], value: dict[str, Any]) -> bytes:
    return encode({**headers, ":content-type": "application/json"}, msgspec.json.encode(value))
