"""A provider that speaks Ollama's language, at its bare origin; its key, where it wants one, is a bearer token."""

from gateway.model import Call, Endpoint, Route
from gateway.providers.credentials import bearer_headers as auth_headers

_PATHS = {
    Endpoint.OLLAMA_CHAT: "/api/chat",
    Endpoint.OLLAMA_GENERATE: "/api/generate",
    Endpoint.OLLAMA_EMBED: "/api/embed",
}
ENDPOINTS = frozenset(_PATHS)

__all__ = ["ENDPOINTS", "auth_headers", "path"]


def path(call: Call, _route: Route) -> str:
    """Give what follows the provider's bare origin."""
    return _PATHS[call.endpoint]
