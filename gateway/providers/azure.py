"""Azure's account of OpenAI's models: deployments in the path with an `api-version`, or the v1 API without one.

The rule that matters: the model that the configuration lists is the deployment's name. `base_url` is the resource
(`https://NAME.openai.azure.com`). With `api_version` each path is dated; without, the v1 API is asked, which is as
OpenAI's own. (https://learn.microsoft.com/azure/ai-foundry/openai/reference, .../api-version-lifecycle)
"""

from urllib.parse import quote

from gateway.model import Call, Endpoint, Provider, Route
from gateway.providers.credentials import headers_with

_OF_DEPLOYMENTS = {
    Endpoint.CHAT: "/chat/completions",
    Endpoint.COMPLETIONS: "/completions",
    Endpoint.EMBEDDINGS: "/embeddings",
    Endpoint.TRANSCRIPTIONS: "/audio/transcriptions",
    Endpoint.TRANSLATIONS: "/audio/translations",
    Endpoint.SPEECH: "/audio/speech",
    Endpoint.IMAGES: "/images/generations",
    Endpoint.IMAGE_EDITS: "/images/edits",
}
_OF_RESOURCE = {
    Endpoint.RESPONSES: "/responses",
    Endpoint.RESPONSES_COMPACT: "/responses/compact",
    Endpoint.RESPONSES_INPUT_TOKENS: "/responses/input_tokens",
}
_V1 = "/openai/v1"
ENDPOINTS = frozenset({*_OF_DEPLOYMENTS, *_OF_RESOURCE})


def path(call: Call, route: Route) -> str:
    """Give what follows the resource's address; `base_url` may also end with the v1 API's own start."""
    version, name = route.provider.api_version, _OF_RESOURCE.get(call.endpoint)
    if version is None:
        start = "" if route.provider.base_url.rstrip("/").endswith(_V1) else _V1
        return start + (name or _OF_DEPLOYMENTS[call.endpoint])
    place = f"/openai{name}" if name else f"/openai/deployments/{_segment(route.model)}{_OF_DEPLOYMENTS[call.endpoint]}"
    return f"{place}?api-version={_segment(version)}"


def auth_headers(provider: Provider) -> dict[str, str]:
    """Give the resource's key and the extra headers, names in lower case; an extra one wins."""
    return headers_with(provider, "api-key")


def _segment(text: str) -> str:
    return quote(text, safe="")
