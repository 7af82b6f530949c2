"""Owns how a key travels in a request. Every way of sending a wrong one ends in the same 401.

Nothing here knows which keys exist, and no part of what a client sent is ever repeated to it.
"""

from multidict import MultiMapping

from gateway.errors import Unauthenticated

KEY_HEADERS = ("x-api-key", "api-key", "x-goog-api-key")
MAX_KEY_CHARS = 512

_SCHEMES = ("bearer", "token")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="gateway"'}


def read_key(headers: MultiMapping[str]) -> str:
    """Give the text of the one key a request carries (`Authorization: Bearer|Token X` or one of `KEY_HEADERS`).

    The same key in several headers is one key; an empty header is none. Raises `Unauthenticated` for no key, two keys,
    another scheme, a repeated `Authorization` (a single value: RFC 9110 section 11.6.2), and for text no key can be.
    """
    texts = {_authorization(headers), *_key_headers(headers)}
    texts.discard("")
    if not texts:
        raise Unauthenticated(
            "You didn't provide an API key. Send it as `Authorization: Bearer YOUR_KEY` (or in an `x-api-key` header).",
            headers=_CHALLENGE,
        )
    key = texts.pop()
    if texts or len(key) > MAX_KEY_CHARS or not key.isascii():
        raise wrong_key()
    return key


def wrong_key() -> Unauthenticated:
    """Make the one answer to a key that is unknown, expired or malformed."""
    return Unauthenticated("Incorrect API key provided.", headers=_CHALLENGE)


def _authorization(headers: MultiMapping[str]) -> str:
    values = headers.getall("Authorization", [])
    if not values:
        return ""
    scheme, _, key = values[0].strip().partition(" ")
    if len(values) > 1 or scheme.lower() not in _SCHEMES:
        raise wrong_key()
    return key.strip()


def _key_headers(headers: MultiMapping[str]) -> list[str]:
    return [text.strip() for name in KEY_HEADERS for text in headers.getall(name, ())]
