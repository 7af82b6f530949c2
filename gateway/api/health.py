"""`GET /healthz`: the process answers. `GET /readyz`: and so does its store, so that calls can be admitted."""

from collections.abc import Mapping

from aiohttp import web

from gateway.api.answers import json_answer
from gateway.pipeline.gateway import Gateway


async def healthz(
    _gateway: Gateway, _request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer that the process lives."""
    return json_answer({"status": "ok"}, call_id)


async def readyz(
    gateway: Gateway, _request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer that calls can be admitted. Raises StoreUnavailable."""
    await gateway.store.ping()
    return json_answer({"status": "ready"}, call_id)
