"""How an answer is told: the logs, then a result code that says whether these are all.

    {"consumptionLogs": [...] | null, "requestID": 1, "requestDateTime": "...Z", "resultCode": 0, "resultMessage": "Ok"}

Logs are sent while they are read, a batch at a time. The result stands behind them, so that it can still say that the
store has failed.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count

import msgspec
from aiohttp import web

from gateway.api.consumption_logs.log import Log
from gateway.api.consumption_logs.results import Result, result_of
from gateway.errors import GatewayError, MethodNotAllowed

MESSAGE_OK = "Ok"

_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}  # the path holds a key
_CHALLENGE = "WWW-Authenticate"  # belongs to a 401, which no client of this API is ever told


class Answers:
    """The answers of one server, which are numbered."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def refusal(self, error: GatewayError, _request: web.BaseRequest, call_id: str) -> web.Response:
        """Tell an error: 200 like any answer, but for a method that is none of this API's."""
        body = {"consumptionLogs": None, **self._ending(result_of(error), error.message)}
        headers = {name: value for name, value in error.headers.items() if name != _CHALLENGE}
        return web.Response(
            status=error.status if isinstance(error, MethodNotAllowed) else 200,
            body=msgspec.json.encode(body),
            content_type="application/json",
            headers={**_HEADERS, **headers, "x-request-id": call_id},
        )

    async def send(
        self,
        request: web.BaseRequest,
        call_id: str,
        batches: AsyncIterator[Sequence[Log]],
        headers: Mapping[str, str],
    ) -> web.StreamResponse:
        """Send logs as they come; where reading them fails on the way, the result says so.

        Raises what reading the first batch raises: then nothing is sent.
        """
        first = await anext(batches, None) or ()  # CPython 3.11 breaks on a tuple for a default
        response = web.StreamResponse(headers={**_HEADERS, **headers, "x-request-id": call_id})
        response.content_type = "application/json"
        await response.prepare(request)
        is_whole = False
        try:
            result, message = await _write_logs(response, first, batches)
            await response.write(b"]," + msgspec.json.encode(self._ending(result, message))[1:])
            await response.write_eof()
            is_whole = True
        finally:
            # An answer that has begun can only be broken off: what would be sent in its place is no part of it.
            if not is_whole and request.transport is not None:
                request.transport.abort()
        return response

    def _ending(self, result: Result, message: str) -> dict[str, int | str]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "requestID": next(self._numbers),
            "requestDateTime": now,
            "resultCode": int(result),
            "resultMessage": message,
        }


async def _write_logs(
    response: web.StreamResponse, first: Sequence[Log], batches: AsyncIterator[Sequence[Log]]
) -> tuple[Result, str]:
    await response.write(b'{"consumptionLogs":[' + _encoded(first))
    try:
        async for batch in batches:
            await response.write(b"," + _encoded(batch))
    except GatewayError as error:
        return result_of(error), error.message
    return Result.OK, MESSAGE_OK


def _encoded(logs: Sequence[Log]) -> bytes:
    return msgspec.json.encode(logs)[1:-1]
