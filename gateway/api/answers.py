"""JSON answers and errors of our own endpoints."""

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from gateway.errors import GatewayError
from gateway.providers.dialect import DIALECTS

Speaker = Callable[[GatewayError, web.BaseRequest, str], web.Response]
"""Tells an error, raised for a request of this call id, in the words of one API family."""


def json_answer(value: Any, call_id: str, *, status: int = 200) -> web.Response:
    """Give a JSON answer that no cache keeps."""
    headers = {"x-request-id": call_id, "Cache-Control": "no-store"}
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json", headers=headers
    )


def openai_error(error: GatewayError, _request: web.BaseRequest, call_id: str) -> web.Response:
    """Give an error in OpenAI's shape, with the headers that it brings along."""
    answer = json_answer(DIALECTS["openai"].error_body(error), call_id, status=error.status)
    answer.headers.update(error.headers)
    return answer
