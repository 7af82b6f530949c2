"""The request's bytes: what kind they say they are, how many there may be."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from gateway.errors import BadRequest, BodyTooLarge
from gateway.model import Call, Endpoint, Request
from gateway.pipeline.aside import Aside
from gateway.pipeline.bodies import Load
from gateway.providers.dialect import FORMATS
from gateway.providers.headers import require_media

ARRIVED: web.RequestKey[Callable[[], None]] = web.RequestKey("arrived", Callable[[], None])  # type: ignore[arg-type]
"""Called once a body is there that was still on its way when its request began; may raise GatewayError."""

LOAD: web.RequestKey[Load] = web.RequestKey("load", Load)
"""What a request's body takes of the worker's memory, once that is being read: ended with the request."""

SESSION_HEADERS = ("X-Gateway-Session", "X-Claude-Code-Session-Id")


async def read_call(
    aside: Aside,
    request: web.BaseRequest,
    endpoint: Endpoint,
    params: Mapping[str, str],
    *,
    call_id: str,
    limit_bytes: int,
    load: Load,
) -> Call:
    """Read the request's body and understand it as a call. Raises as `read_body` does, and UnsupportedMedia."""
    wire_format = FORMATS[endpoint]
    headers = request.headers
    require_media(headers, wire_format.TAKES)
    body = await read_body(request, limit_bytes, load)
    session = next(filter(None, map(headers.get, SESSION_HEADERS)), None)
    arrived = Request(endpoint, call_id, body, headers, params, _query(request), session)
    return await aside.run(len(body), lambda: wire_format.read(arrived))


def _query(request: web.BaseRequest) -> dict[str, str]:
    query = request.raw_path.partition("?")[2]
    return dict(parse_qsl(query, keep_blank_values=True)) if query else {}


async def read_body(request: web.BaseRequest, limit_bytes: int, load: Load) -> bytes:
    """Read what a client sends. Raises BodyTooLarge, Overloaded, and BadRequest where it breaks off."""
    request[LOAD] = load
    content, announced_bytes = request.content, request.content_length
    if announced_bytes is not None and announced_bytes > limit_bytes:
        raise BodyTooLarge(f"The body is over {limit_bytes} bytes.")
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        if content.is_eof():  # it came with the headers, as nearly all do
            body = content.read_nowait()
            if len(body) > limit_bytes:
                raise BodyTooLarge(f"The body is over {limit_bytes} bytes.")
            load.add(len(body))
            _arrived(request)
            return body
        arrived = bytearray()  # and no list: pieces of two bytes would take twenty times what is counted
        async for piece in content.iter_any():
            if len(arrived) + len(piece) > limit_bytes:
                raise BodyTooLarge(f"The body is over {limit_bytes} bytes.")
            load.add(len(piece))
            arrived += piece
    except web.RequestPayloadError as exc:
        raise BadRequest("The body did not arrive as its headers said.") from exc
    _arrived(request)
    return bytes(arrived)


def _arrived(request: web.BaseRequest) -> None:
    if (arrived := request.get(ARRIVED)) is not None:
        arrived()
