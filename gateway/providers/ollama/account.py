"""A provider that speaks Ollama's language, at its bare origin; its key, where it wants one, is a bearer token."""

from gateway.model import Call, Endpoint, Provider, Route

_PATHS = {
    Endpoint.OLLAMA_CHAT: "/api/chat",
    Endpoint.OLLAMA_GENERATE: "/api/generate",
    Endpoint.OLLAMA_EMBED: "/api/embed",
}
ENDPOINTS = frozenset(_PATHS)


def path(call: Call, _route: Route) -> str:
    """Give what follows the provider's bare origin."""
    return _PATHS[call.endpoint]


def auth_headers(provider: Provider) -> dict[str, str]:
    """Give the provider's credential and its extra headers, names in lower case; an extra one wins."""
    headers = {"authorization": f"Bearer {provider.api_key.reveal()}"} if provider.api_key else {}
    return headers | {name.lower(): value.reveal() for name, value in provider.headers}
