"""`GET /v1/models` and `GET /v1/models/{id}`: what the caller's key may use, in the shape of the SDK that asks.

The rule that matters: who asks in a language is shown what can be called in it; a model that only speaks the other one
would be refused there.
(https://platform.openai.com/docs/api-reference/models, https://platform.claude.com/docs/en/api/models,
https://ai.google.dev/api/models)
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.api.answers import error_in, json_answer
from gateway.errors import GatewayError
from gateway.model import Caller, Endpoint, Route, Wire
from gateway.pipeline.gateway import Gateway

UNKNOWN_DATE = "1970-01-01T00:00:00Z"
"""What Anthropic's API says of a model whose release date is unknown."""

_ANTHROPIC_HEADERS = ("anthropic-version", "x-api-key")
_GEMINI_HEADER = "x-goog-api-key"
_GEMINI_PATH = "/v1beta/"
_OPERATIONS = {
    Wire.OPENAI: Endpoint.CHAT,
    Wire.ANTHROPIC: Endpoint.MESSAGES,
    Wire.GEMINI: Endpoint.GENERATE_CONTENT,
}
_METHODS = ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"]
_TOLD = {wire: error_in(wire) for wire in _OPERATIONS}


async def list_models(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer the models that have a name of their own, all on one page; those behind a pattern are not known here."""
    caller, wire = _caller(gateway, request), asked_in(request)
    routes = gateway.routes.listed(caller.key.models, wire)
    return json_answer(_page([_shown(route, route.model, wire) for route in routes], wire), call_id)


async def show_model(
    gateway: Gateway, request: web.BaseRequest, call_id: str, params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer one model, listed or behind a pattern. Raises ModelNotFound, ProviderOff."""
    caller, wire = _caller(gateway, request), asked_in(request)
    route = gateway.routes.find(params["model"], caller.key.models, _OPERATIONS[wire])
    return json_answer(_shown(route, params["model"], wire), call_id)


def speak(error: GatewayError, request: web.BaseRequest, call_id: str) -> web.Response:
    """Tell an error in the language that the request is in."""
    return _TOLD[asked_in(request)](error, request, call_id)


def asked_in(request: web.BaseRequest) -> Wire:
    """Give the language of the SDK that asks: by Gemini's path or header, or by headers that only Anthropic's sends."""
    if request.raw_path.startswith(_GEMINI_PATH) or _GEMINI_HEADER in request.headers:
        return Wire.GEMINI
    is_anthropic = any(name in request.headers for name in _ANTHROPIC_HEADERS)
    return Wire.ANTHROPIC if is_anthropic else Wire.OPENAI


def _caller(gateway: Gateway, request: web.BaseRequest) -> Caller:
    return gateway.callers.identify(request.headers, now_ms=gateway.ledger.now_ms())


def _shown(route: Route, name: str, wire: Wire) -> dict[str, Any]:
    if wire is Wire.OPENAI:
        return {"id": name, "object": "model", "created": 0, "owned_by": route.provider.name}
    most = route.spec.max_output_tokens
    if wire is Wire.GEMINI:
        limit = {} if most is None else {"outputTokenLimit": most}
        return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": _METHODS, **limit}
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": UNKNOWN_DATE,
        "lifecycle": "active",
        "max_tokens": most,
    }


def _page(shown: list[dict[str, Any]], wire: Wire) -> dict[str, Any]:
    if wire is Wire.OPENAI:
        return {"object": "list", "data": shown}
    if wire is Wire.GEMINI:
        return {"models": shown}
    ids = [one["id"] for one in shown]
    return {
        "data": shown,
        "has_more": False,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
    }
