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
    """Answer that calls are admitted; `degraded`: not all, or without the store. Raises StoreUnavailable."""
    is_whole = False
    try:
        is_whole = await gateway.store.ready()
    except StoreUnavailable:
        if not gateway.ledger.goes_on_without_store:
            raise
    return json_answer({"status": "ready" if is_whole else "degraded"}, call_id)
