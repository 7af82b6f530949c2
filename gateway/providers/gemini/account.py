"""A provider that speaks Gemini's wire language: where each operation stands, and its key."""

from urllib.parse import urlsplit

from gateway.model import Call, Endpoint, Provider, Route
from gateway.providers.credentials import headers_with

_METHODS = {
    Endpoint.GENERATE_CONTENT: "generateContent",
    Endpoint.GEMINI_COUNT_TOKENS: "countTokens",
    Endpoint.EMBED_CONTENT: "embedContent",
    Endpoint.BATCH_EMBED_CONTENTS: "batchEmbedContents",
}
_STREAMED = "streamGenerateContent"
_VERSION = "/v1beta"
ENDPOINTS = frozenset(_METHODS)


def path(call: Call, route: Route) -> str:
    """Give what follows the provider's base URL, which names the API's version itself where it has a path.

    So `https://aiplatform.googleapis.com/v1/publishers/google` is Vertex.
    """
    version = "" if urlsplit(route.provider.base_url).path.strip("/") else _VERSION
    method = _STREAMED if call.stream else _METHODS[call.endpoint]
    return f"{version}/models/{route.model}:{method}{call.query}"


def auth_headers(provider: Provider) -> dict[str, str]:
    """Give the provider's key and its extra headers, names in lower case; an extra one wins."""
    return headers_with(provider, "x-goog-api-key")
