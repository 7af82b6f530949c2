"""JSON answers and errors of our own endpoints."""

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from aiohttp import web

from gateway.errors import GatewayError
from gateway.model import Wire
from gateway.providers.dialect import ERRORS

Speaker = Callable[[GatewayError, web.BaseRequest, str], web.Response]
"""Tells an error, raised for a request of this call id, in the words of one API family."""


def json_answer(value: Any, call_id: str, *, status: int = 200) -> web.Response:
    """Give a JSON answer that no cache keeps."""
    headers = {"x-request-id": call_id, "Cache-Control": "no-store"}
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json", headers=headers
    )


@cache
def error_in(wire: Wire) -> Speaker:
    """Give who tells errors in a wire language, with the headers that they bring along."""
    errors = ERRORS[wire]

    def speak(error: GatewayError, _request: web.BaseRequest, call_id: str) -> web.Response:
        answer = json_answer(errors.error_body(error, call_id), call_id, status=error.status)
        answer.headers.update(errors.error_headers(error, call_id))
        answer.headers.update(error.headers)
        return answer

    return speak


openai_error = error_in(Wire.OPENAI)
