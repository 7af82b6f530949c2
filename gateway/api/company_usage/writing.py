"""`AiChatUsageResponse` as JSON, XML, CSV and JSV. Pure.

Members that are null are left out; CSV alone always has every column.
XML is that of .NET's DataContractSerializer, which reads members in alphabetical order only.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from html import escape

import msgspec

from gateway.api.company_usage.negotiation import Format, Manner
from gateway.usage.cells import neutral

Value = str | int | Mapping[str, "Value"] | Sequence["Value"]
Members = Mapping[str, Value]

CONTENT_TYPES: Mapping[Format, str] = {
    Format.JSON: "application/json; charset=utf-8",
    Format.XML: "application/xml",
    Format.CSV: "text/csv",
    Format.JSV: "application/jsv",
}

_COLUMNS: Members = {
    "CompanyId": "00000000-0000-0000-0000-000000000000",
    "TokensUsed": 0,
    "TokenLimit": 0,
    "TokensRemaining": 0,
    "IsWithinBudget": False,
    "WindowDays": 0,
    "ResponseStatus": "",
}
_JSV_SPECIAL = frozenset('",{}[]\r\n')
_ROOT = (
    '<?xml version="1.0" encoding="utf-8"?><AiChatUsageResponse xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns="http://schemas.datacontract.org/2004/07/BokaMera.API.ServiceModel.Dtos">'
)
_STATUS_SCHEMA = "http://schemas.servicestack.net/types"


def write(members: Members, manner: Manner) -> bytes:
    """Write a response; its members in the order of their declaration."""
    if manner.is_camel and manner.format in {Format.JSON, Format.JSV}:
        return _WRITERS[manner.format](_camel(members)).encode()
    return _WRITERS[manner.format](members).encode()


def _camel(members: Members) -> Members:
    return {name[0].lower() + name[1:]: _camel_inside(value) for name, value in members.items()}


def _camel_inside(value: Value) -> Value:
    if isinstance(value, Mapping):
        return _camel(value)
    return [_camel_inside(one) for one in value] if isinstance(value, list) else value


def _json(members: Members) -> str:
    return msgspec.json.encode(members).decode()


def _jsv(value: Value) -> str:
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{name}:{_jsv(one)}' for name, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_jsv, value))}]"
    text = str(value)  # .NET writes True and False too
    return '"' + text.replace('"', '""') + '"' if _JSV_SPECIAL & {*text} else text


def _csv(members: Members) -> str:
    cells = (members.get(name, zero) for name, zero in _COLUMNS.items())
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    writer.writerow([neutral(_jsv(cell) if isinstance(cell, Mapping) else cell) for cell in cells])
    return out.getvalue()


def _xml(members: Members) -> str:
    return f"{_ROOT}{''.join(_element(name, members[name]) for name in sorted(members))}</AiChatUsageResponse>"


def _element(name: str, value: Value) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_status_element(key, one) for key, one in value.items())
        return f'<{name} xmlns:d2p1="{_STATUS_SCHEMA}">{inner}</{name}>'
    return f"<{name}>{_xml_text(value)}</{name}>"


def _status_element(name: str, value: Value) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_status_element(key, one) for key, one in value.items())
    elif isinstance(value, list):
        inner = "".join(_status_element("ResponseError", one) for one in value)
    else:
        inner = _xml_text(value)
    return f"<d2p1:{name}>{inner}</d2p1:{name}>"


def _xml_text(value: Value) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return escape("".join(char for char in text if char.isprintable()), quote=False)


_WRITERS: Mapping[Format, Callable[[Members], str]] = {
    Format.JSON: _json,
    Format.XML: _xml,
    Format.CSV: _csv,
    Format.JSV: _jsv,
}
