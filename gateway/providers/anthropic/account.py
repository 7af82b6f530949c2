"""A provider that speaks Anthropic's wire language: where each operation stands, and its key."""

from gateway.model import Call, Endpoint, Provider, Route
from gateway.providers.credentials import headers_with

_PATHS = {
    Endpoint.MESSAGES: "/v1/messages",
    Endpoint.COUNT_TOKENS: "/v1/messages/count_tokens",
}
ENDPOINTS = frozenset(_PATHS)


def path(call: Call, _route: Route) -> str:
    """Give what follows the provider's bare origin, `?beta=true` included where the client sent it."""
    return _PATHS[call.endpoint] + call.query


def auth_headers(provider: Provider) -> dict[str, str]:
    """Give the provider's credential and its extra headers, names in lower case; an extra one wins."""
    return headers_with(provider, "x-api-key")
