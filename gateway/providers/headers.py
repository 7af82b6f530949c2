"""Which headers pass, either way, and which media a body may come in.

The rule that matters: what is not on a list does not pass. Credentials, cookies, hosts, forwarding headers are on none.
"""

from collections.abc import Mapping
from functools import lru_cache

from multidict import MultiMapping

from gateway.errors import UnsupportedMedia
from gateway.model import Wire
from gateway.providers.format import JSON

_REQUEST = frozenset({"content-type", "accept", "openai-beta", "idempotency-key", "traceparent", "tracestate"})
_REQUEST_PREFIXES = ("anthropic-", "x-stainless-")
# AWS's SDKs take the kind of an error from `x-amzn-errortype`.
_ANSWER = frozenset({"content-type", "retry-after", "retry-after-ms", "x-amzn-errortype"})
_UPSTREAM_IDS = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid")

# Where an SDK looks for a request's id, if not in `x-request-id`.
_ID_HEADERS = {Wire.ANTHROPIC: "request-id", Wire.BEDROCK: "x-amzn-requestid"}


def forward_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the request headers that go upstream, names in lower case; a repeated one is joined with a comma.

    A header that `Connection` lists is for this hop only (RFC 9110 section 7.6.1); `Content-Type` never is.
    """
    passed: dict[str, str] = {}
    listed: set[str] = set()
    for given, value in headers.items():
        name = given.lower()
        if name in _REQUEST or name.startswith(_REQUEST_PREFIXES):
            passed[name] = f"{passed[name]}, {value}" if name in passed else value
        elif name == "connection":
            listed.update(option.strip().lower() for option in value.split(","))
    for name in listed:
        if name != "content-type":
            passed.pop(name, None)
    return passed


def answer_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the upstream's headers that a client sees, in lower case; its request id as `x-upstream-request-id`.

    A value of more than printable ASCII is nobody's: what is left of it would be another header (RFC 9110 section 5.5).
    """
    lowered = {name.lower(): value for name, value in headers.items() if value.isascii() and value.isprintable()}
    passed = {name: value for name, value in lowered.items() if name in _ANSWER}
    for name in _UPSTREAM_IDS:
        if name in lowered:
            passed["x-upstream-request-id"] = lowered[name]
            break
    return passed


def id_headers(wire: Wire, call_id: str) -> dict[str, str]:
    """Give the headers in which a language's SDKs find the id of a request."""
    own = _ID_HEADERS.get(wire)
    return {"x-request-id": call_id} if own is None else {"x-request-id": call_id, own: call_id}


def require_media(headers: MultiMapping[str], wanted: str | tuple[str, ...]) -> None:
    """Raise UnsupportedMedia unless the body is announced, once, as uncompressed `wanted`; JSON in UTF-8."""
    types = headers.getall("Content-Type", ())
    if len(types) != 1 or not _is_media(types[0], wanted):
        several = wanted if isinstance(wanted, str) else " or ".join(wanted)
        raise UnsupportedMedia(f"Send the body as 'Content-Type: {several}'.", param="content-type")
    for coding in headers.getall("Content-Encoding", ()):
        if coding.strip().lower() not in {"", "identity"}:
            raise UnsupportedMedia("Send the body without a content encoding.", param="content-encoding")


@lru_cache(maxsize=64)
def _is_media(content_type: str, wanted: str | tuple[str, ...]) -> bool:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if kind not in ((wanted,) if isinstance(wanted, str) else wanted):
        return False
    return kind != JSON or all(parameter in {"", "charset=utf-8", 'charset="utf-8"'} for parameter in parameters)
