"""A request's body as data: JSON, or a form of either encoding. Pure.

https://www.django-rest-framework.org/api-guide/parsers/
"""

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from gateway.errors import BadRequest, GatewayError, UnsupportedMedia
from gateway.providers.multipart import read_form

MOST_FIELDS = 1000


class Form(dict[str, str]):
    """A form's fields: it knows text only, so a blank one stands for null."""


def decode(content_type: str, body: bytes) -> Any:
    """Give a body's JSON value, or its Form; no body is an empty one. Raises BadRequest, UnsupportedMedia."""
    if not body:
        return {}
    match content_type.partition(";")[0].strip().lower():
        case "application/json":
            return _json(body)
        case "application/x-www-form-urlencoded":
            return _urlencoded(body)
        case "multipart/form-data":
            return _multipart(content_type, body)
        case _:
            raise UnsupportedMedia(f'Unsupported media type "{content_type}" in request.')


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError as exc:
        raise BadRequest("JSON parse error - it is not UTF-8") from exc
    except msgspec.DecodeError as exc:
        raise BadRequest(f"JSON parse error - {exc}") from exc
    except RecursionError as exc:
        raise BadRequest("JSON parse error - it is nested too deep") from exc


def _urlencoded(body: bytes) -> Form:
    text = body.decode("utf-8", "replace")
    try:
        return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as exc:
        raise BadRequest(f"The form has over {MOST_FIELDS} fields.") from exc


def _multipart(content_type: str, body: bytes) -> Form:
    """Read the fields of a multipart form (RFC 7578); files are left out, as no field takes one."""
    try:
        fields = read_form(body, {"Content-Type": content_type})
    except GatewayError as exc:
        raise BadRequest(f"Multipart form parse error - {exc.message}") from exc
    return Form({name: text for name, text in fields.items() if isinstance(text, str)})
