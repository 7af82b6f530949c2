"""`GET /v1/models` and `GET /v1/models/{id}` in OpenAI's shape: what the caller's key may use."""

from collections.abc import Mapping

from aiohttp import web

from gateway.api.answers import json_answer
from gateway.model import Caller, Route
from gateway.pipeline.gateway import Gateway


async def list_models(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer the models that have a name of their own; those behind a pattern are not known here."""
    caller = _caller(gateway, request)
    routes = gateway.routes.listed(caller.key.models)
    return json_answer({"object": "list", "data": [_shown(route) for route in routes]}, call_id)


async def show_model(
    gateway: Gateway, request: web.BaseRequest, call_id: str, params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer one model, listed or behind a pattern. Raises ModelNotFound, ProviderOff."""
    caller = _caller(gateway, request)
    route = gateway.routes.find(params["model"], caller.key.models)
    return json_answer(_shown(route) | {"id": params["model"]}, call_id)


def _caller(gateway: Gateway, request: web.BaseRequest) -> Caller:
    return gateway.callers.identify(request.headers, now_ms=gateway.ledger.now_ms())


def _shown(route: Route) -> dict[str, str | int]:
    return {"id": route.model, "object": "model", "created": 0, "owned_by": route.provider.name}
