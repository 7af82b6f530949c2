"""Errors in the words of Django REST framework: `{"detail": "..."}`, or what is wrong with each field.

https://www.django-rest-framework.org/api-guide/exceptions/
"""

from collections.abc import Mapping, Sequence

from aiohttp import web
from multidict import MultiMapping

from gateway.api.answers import json_answer
from gateway.auth.credentials import KEY_HEADERS
from gateway.errors import BadRequest, GatewayError, MethodNotAllowed, Unauthenticated

NOT_PERMITTED = "You do not have permission to perform this action."
_SCHEMES = ("token", "bearer")
_SCHEME_AND_KEY = 2


class InvalidFields(BadRequest):
    """What is wrong, by the name of the field."""

    def __init__(self, problems: Mapping[str, Sequence[str]]) -> None:
        super().__init__(f"Not valid: {', '.join(problems)}.", param=next(iter(problems)))
        self.problems = problems


def tell(error: GatewayError, request: web.BaseRequest, call_id: str) -> web.Response:
    """Answer an error; a 401 asks for a `Token`."""
    answer = json_answer(told(error, request.method, request.headers), call_id, status=error.status)
    answer.headers.update(error.headers)
    if isinstance(error, Unauthenticated):
        answer.headers["WWW-Authenticate"] = "Token"
    return answer


def told(error: GatewayError, method: str, headers: MultiMapping[str]) -> Mapping[str, str | Sequence[str]]:
    """Give the body that tells an error, raised for a request of this method and headers."""
    match error:
        case InvalidFields():
            return error.problems
        case Unauthenticated():
            return {"detail": _unauthenticated(headers)}
        case MethodNotAllowed():
            return {"detail": f'Method "{method}" not allowed.'}
        case _:
            return {"detail": error.message}


def _unauthenticated(headers: MultiMapping[str]) -> str:
    """Say what is wrong with the credentials, never which keys exist."""
    if any(headers.get(name, "").strip() for name in KEY_HEADERS):
        return "Invalid token."
    parts = headers.get("Authorization", "").split()
    if not parts or parts[0].lower() not in _SCHEMES:
        return "Authentication credentials were not provided."
    if len(parts) < _SCHEME_AND_KEY:
        return "Invalid token header. No credentials provided."
    if len(parts) > _SCHEME_AND_KEY:
        return "Invalid token header. Token string should not contain spaces."
    return "Invalid token."
