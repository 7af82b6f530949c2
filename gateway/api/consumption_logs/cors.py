"""What a web page of another origin may do: nothing, unless the configuration lists its origin. Pure.

The API's client sends credentials, so an origin is echoed exactly or not at all; `*` is never an answer
(https://fetch.spec.whatwg.org/#cors-protocol-and-credentials).
"""

from collections.abc import Sequence

MAX_AGE_SECONDS = 600


def granted(origins: Sequence[str], allowed: Sequence[str]) -> dict[str, str]:
    """Give the headers that let a page read the answer; `origins` are the request's Origin headers."""
    if len(origins) != 1 or origins[0] not in allowed:
        return {"Vary": "Origin"} if allowed else {}
    return {
        "Access-Control-Allow-Origin": origins[0],
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }


def preflight(origins: Sequence[str], allowed: Sequence[str]) -> dict[str, str] | None:
    """Give the headers that let a page ask at all; None where it may not."""
    headers = granted(origins, allowed)
    if "Access-Control-Allow-Origin" not in headers:
        return None
    return {
        **headers,
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
    }
