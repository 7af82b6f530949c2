"""Answers and errors over HTTP, in the format that the request asks for."""

from aiohttp import web

from gateway.api.company_usage.fields import Invalid
from gateway.api.company_usage.negotiation import Format, Manner, manner
from gateway.api.company_usage.writing import CONTENT_TYPES, Members, write
from gateway.errors import GatewayError, Unauthenticated

_CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "RequestTimeout",
    409: "Conflict",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    421: "MisdirectedRequest",
    503: "ServiceUnavailable",
}


def answer(members: Members, request: web.BaseRequest, call_id: str, operation: str) -> web.Response:
    """Give a successful answer; CSV is a file to save."""
    asked = _manner(request)
    response = _written(members, asked, call_id, 200)
    if asked.format is Format.CSV:
        response.headers["Content-Disposition"] = f"attachment;filename={operation}.csv"
    return response


def speak(error: GatewayError, request: web.BaseRequest, call_id: str) -> web.Response:
    """Give an error with its `ResponseStatus`, and the headers that it brings along."""
    response = _written(status_members(error), _manner(request), call_id, error.status)
    response.headers.update(error.headers)
    return response


def status_members(error: GatewayError) -> Members:
    """Give an error's `ResponseStatus`; a field that is at fault is named in `Errors`. The words of a 401 are fixed."""
    code = error.code if isinstance(error, Invalid) else None
    code = code or _CODES.get(error.status, "InternalServerError")
    message = "Not Authenticated" if isinstance(error, Unauthenticated) else error.message
    if error.param is None:
        return {"ResponseStatus": {"ErrorCode": code, "Message": message}}
    errors = [{"ErrorCode": code, "FieldName": error.param, "Message": message}]
    return {"ResponseStatus": {"ErrorCode": code, "Message": message, "Errors": errors}}


def _manner(request: web.BaseRequest) -> Manner:
    accept = ",".join(request.headers.getall("Accept", []))
    return manner(request.raw_path, accept, request.headers.get("Content-Type", ""))


def _written(members: Members, asked: Manner, call_id: str, status: int) -> web.Response:
    headers = {"Content-Type": CONTENT_TYPES[asked.format], "x-request-id": call_id, "Cache-Control": "no-store"}
    return web.Response(status=status, body=write(members, asked), headers=headers)
