"""A provider that speaks OpenAI's wire language: where each operation stands, and its bearer token."""

from gateway.model import Call, Endpoint, Route
from gateway.providers.credentials import bearer_headers as auth_headers

_PATHS = {
    Endpoint.CHAT: "/chat/completions",
    Endpoint.COMPLETIONS: "/completions",
    Endpoint.EMBEDDINGS: "/embeddings",
    Endpoint.RESPONSES: "/responses",
    Endpoint.RESPONSES_COMPACT: "/responses/compact",
    Endpoint.RESPONSES_INPUT_TOKENS: "/responses/input_tokens",
    Endpoint.TRANSCRIPTIONS: "/audio/transcriptions",
    Endpoint.TRANSLATIONS: "/audio/translations",
    Endpoint.SPEECH: "/audio/speech",
    Endpoint.IMAGES: "/images/generations",
    Endpoint.IMAGE_EDITS: "/images/edits",
    Endpoint.MODERATIONS: "/moderations",
    # After the base URL, whose end says which of them it is: vLLM, Jina and others have /v1/rerank, Cohere /v2/rerank.
    Endpoint.RERANK: "/rerank",
}
ENDPOINTS = frozenset(_PATHS)

__all__ = ["ENDPOINTS", "auth_headers", "path"]


def path(call: Call, _route: Route) -> str:
    """Give what follows the provider's base URL."""
    return _PATHS[call.endpoint]
