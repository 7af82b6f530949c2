"""JSON answers and errors, alike on every endpoint of ours."""

from typing import Any

import msgspec
from aiohttp import web

from gateway.errors import GatewayError
from gateway.providers.dialect import DIALECTS


def json_answer(value: Any, call_id: str, *, status: int = 200) -> web.Response:
    """Give a JSON answer that no cache keeps."""
    headers = {"x-request-id": call_id, "Cache-Control": "no-store"}
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json", headers=headers
    )


def error_answer(error: GatewayError, call_id: str) -> web.Response:
    """Give an error in OpenAI's shape, with the headers that it brings along."""
    answer = json_answer(DIALECTS["openai"].error_body(error), call_id, status=error.status)
    answer.headers.update(error.headers)
    return answer
