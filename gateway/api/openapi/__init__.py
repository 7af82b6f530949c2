"""`GET /openapi.yaml`: the document of every endpoint, for whoever comes by; it tells nothing about this gateway.

`openapi.yaml` beside this file is the only copy. Its paths are those of the endpoint table: a test holds them equal.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from aiohttp import web

from gateway.api.entry import Entry
from gateway.pipeline.gateway import Gateway


@cache
def document() -> bytes:
    """Give the OpenAPI 3.1 document, in UTF-8."""
    return (resources.files("gateway.api.openapi") / "openapi.yaml").read_bytes()


async def openapi(
    _gateway: Gateway, _request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer the document; no key is asked for. `application/yaml` is RFC 9512."""
    headers = {"x-request-id": call_id, "Cache-Control": "no-cache"}
    return web.Response(body=document(), content_type="application/yaml", headers=headers)


ENTRIES: Mapping[str, Entry] = {"/openapi.yaml": Entry({"GET": openapi}, asks_key=False)}
