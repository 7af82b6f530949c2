"""What Ollama's clients ask beside calls: the version, the models that the key may use, and one of them.

The rule that matters: who asks in a language is shown what can be called in it. Of a model the gateway knows its name;
what it can do is the provider's to say, by its refusal. (https://github.com/ollama/ollama/blob/main/docs/api.md)
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.api.answers import error_in, json_answer
from gateway.api.entry import Entry
from gateway.model import Endpoint, Wire
from gateway.pipeline.arrival import read_body
from gateway.pipeline.gateway import Gateway
from gateway.providers.decoding import decode
from gateway.providers.fields import required

VERSION = "0.12.0"
"""The release whose API this is: clients refuse to talk to an older one than they know."""

MOST_BODY_BYTES = 65_536
"""A name takes a few dozen; what is larger is not read."""

UNKNOWN_DATE = "1970-01-01T00:00:00Z"
_DETAILS: Mapping[str, Any] = {
    "parent_model": "",
    "format": "",
    "family": "",
    "families": [],
    "parameter_size": "",
    "quantization_level": "",
}
_CAPABILITIES = ("completion", "tools")


async def tell_version(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer the version of the API that is spoken here."""
    gateway.callers.identify(request.headers, now_ms=gateway.ledger.now_ms())
    return json_answer({"version": VERSION}, call_id)


async def list_models(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer the models that have a name of their own; those behind a pattern are not known here."""
    caller = gateway.callers.identify(request.headers, now_ms=gateway.ledger.now_ms())
    routes = gateway.routes.listed(caller.key.models, Wire.OLLAMA)
    return json_answer({"models": [_listed(route.model) for route in routes]}, call_id)


async def show_model(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer one model, listed or behind a pattern. Raises BadRequest, BodyTooLarge, ModelNotFound, ProviderOff."""
    caller = gateway.callers.identify(request.headers, now_ms=gateway.ledger.now_ms())
    load = gateway.bodies.load(caller.key.name, gateway.config.server)
    body = decode(await read_body(request, MOST_BODY_BYTES, load))
    # `name` is what it was called until 2024.
    name = required({"model": body.get("model", body.get("name"))}, "model", str)
    gateway.routes.find(name, caller.key.models, Endpoint.OLLAMA_CHAT)
    told = {"modified_at": UNKNOWN_DATE, "details": _DETAILS, "model_info": {}, "capabilities": _CAPABILITIES}
    return json_answer(told, call_id)


def _listed(name: str) -> dict[str, Any]:
    return {"name": name, "model": name, "modified_at": UNKNOWN_DATE, "size": 0, "digest": "", "details": _DETAILS}


ENTRIES: Mapping[str, Entry] = {
    "/api/version": Entry({"GET": tell_version}, error_in(Wire.OLLAMA)),
    "/api/tags": Entry({"GET": list_models}, error_in(Wire.OLLAMA)),
    "/api/show": Entry({"POST": show_model}, error_in(Wire.OLLAMA)),
}
