"""`GET /healthz`: the process answers. `GET /readyz`: calls can be admitted, with the store or, if allowed, without."""

from collections.abc import Mapping

from aiohttp import web

from gateway.api.answers import json_answer
from gateway.errors import StoreUnavailable
from gateway.pipeline.gateway import Gateway


async def healthz(
    _gateway: Gateway, _request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer that the process lives."""
    return json_answer({"status": "ok"}, call_id)


async def readyz(
    gateway: Gateway, _request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer that calls can be admitted, `degraded` where that is without the store. Raises StoreUnavailable."""
    try:
        await gateway.ledger.ready()
    except StoreUnavailable:
        if not gateway.ledger.goes_on_without_store:
            raise
        return json_answer({"status": "degraded"}, call_id)
    return json_answer({"status": "ready"}, call_id)
