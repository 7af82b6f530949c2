"""An error as bytes on the wire, where there is no request that aiohttp could answer."""

from http import HTTPStatus

import msgspec

from gateway import NAME
from gateway.errors import GatewayError
from gateway.model import Wire
from gateway.pipeline.ids import new_id
from gateway.providers.dialect import ERRORS


def canned(error: GatewayError) -> bytes:
    """Give a whole HTTP/1.1 answer in OpenAI's words, after which the connection ends."""
    call_id = new_id()
    body = msgspec.json.encode(ERRORS[Wire.OPENAI].error_body(error, call_id))
    fields = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "x-request-id": call_id,
        "Cache-Control": "no-store",
        "Server": NAME,
        "Connection": "close",
        **error.headers,
    }
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
