"""A provider that speaks OpenAI's wire language: where each operation stands, and its bearer token."""

from gateway.model import Call, Endpoint, Provider, Route

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


def path(call: Call, _route: Route) -> str:
    """Give what follows the provider's base URL."""
    return _PATHS[call.endpoint]


def auth_headers(provider: Provider) -> dict[str, str]:
    """Give the provider's credential and its extra headers, names in lower case; an extra one wins."""
    headers = {"authorization": f"Bearer {provider.api_key.reveal()}"} if provider.api_key else {}
    return headers | {name.lower(): value.reveal() for name, value in provider.headers}
