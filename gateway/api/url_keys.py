"""Keys in a URL: Google takes them there, the gateway does not, for URLs end up in logs.

The rule that matters: such a request is refused even where its headers carry a key too, before anything is read.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from gateway.api.entry import Handler
from gateway.errors import Unauthenticated
from gateway.pipeline.gateway import Gateway

_CREDENTIALS = frozenset({"key", "access_token"})


def without_url_key(handler: Handler) -> Handler:
    """Give a handler that refuses requests with a key in their query."""

    async def handle(
        gateway: Gateway, request: web.BaseRequest, call_id: str, params: Mapping[str, str]
    ) -> web.StreamResponse:
        query = parse_qsl(request.raw_path.partition("?")[2], keep_blank_values=True)
        if any(name in _CREDENTIALS for name, _ in query):
            raise Unauthenticated("Send the key in the header `x-goog-api-key`: one in a URL ends up in logs.")
        return await handler(gateway, request, call_id, params)

    return handle
