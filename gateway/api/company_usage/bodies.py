"""Request bodies as names and values: JSON, XML, CSV, JSV and forms. Pure.

The rule that matters: text is UTF-8, whatever an XML declaration claims, and XML with a document type is refused.
"""

import csv
import io
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from gateway.api.company_usage.fields import Invalid, Pairs
from gateway.api.company_usage.negotiation import MEDIA_TYPES, Format
from gateway.errors import BadRequest, UnsupportedMedia
from gateway.providers.decoding import decode

MAX_BODY_BYTES = 65_536
"""Two fields and an envelope take a few hundred; what is larger is not read."""

FORM = "application/x-www-form-urlencoded"
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_JSV_PAIR = re.compile(r'\s*(\w+)\s*:("(?:[^"]|"")*"\s*|[^",{}\[\]]*)(?:,|$)', re.ASCII)


def read_pairs(kind: str, charset: str | None, body: bytes, operation: str) -> Pairs:
    """Read a body of media type `kind`; an empty one has no fields. Raises Invalid and UnsupportedMedia.

    `operation` is the name that the root of an XML body must have.
    """
    if (charset or "utf-8").lower() not in CHARSETS:
        raise UnsupportedMedia("Send the body in UTF-8.", param="Content-Type")
    body = body.removeprefix(BOM_UTF8)
    if not body.strip():
        return ()
    if kind == FORM:
        return parse_qsl(_text(body), keep_blank_values=True)
    if kind not in MEDIA_TYPES:
        raise UnsupportedMedia(f"Send the body as one of {', '.join((*MEDIA_TYPES, FORM))}.", param="Content-Type")
    if MEDIA_TYPES[kind] is Format.XML:
        return _xml(_text(body), operation)
    return _READERS[MEDIA_TYPES[kind]](body)


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Invalid("The body is not valid UTF-8.") from exc
    if "\0" in text:  # UTF-16 without its mark: the XML parser would find out by itself, and read it
        raise Invalid("The body is not text.")
    return text


def _json(body: bytes) -> Pairs:
    try:
        return list(decode(body).items())
    except BadRequest as exc:
        raise Invalid(exc.message) from exc


def _xml(text: str, operation: str) -> Pairs:
    try:
        root = fromstring(text, forbid_dtd=True)
    except DefusedXmlException as exc:
        raise Invalid("The XML body has a document type or an entity: that is not taken.") from exc
    except ParseError as exc:
        raise Invalid(f"The body is not well-formed XML: {exc}.") from exc
    if _local(root.tag) != operation:
        raise Invalid(f"The root of the XML body must be {operation}.")
    if any(len(member) for member in root):
        raise Invalid(f"The members of {operation} have no elements in them.")
    return [(_local(member.tag), None if _is_nil(member.get(_NIL)) else member.text) for member in root]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _is_nil(value: str | None) -> bool:
    return value in {"true", "1"}


def _csv(body: bytes) -> Pairs:
    try:
        rows = [row for row in csv.reader(io.StringIO(_text(body), newline=""), strict=True) if row]
    except csv.Error as exc:
        raise Invalid(f"The body is not CSV: {exc}.") from exc
    if len(rows) != 2 or len(rows[0]) != len(rows[1]):  # noqa: PLR2004 - names and values
        raise Invalid("A CSV body has a header and one row, of the same length.")
    return list(zip(*rows, strict=True))


def _jsv(body: bytes) -> Pairs:
    text = _text(body).strip()
    inner, place, pairs = text[1:-1], 0, []
    if not (text.startswith("{") and text.endswith("}")):
        raise Invalid("A JSV body stands in braces.")
    while place < len(inner):
        found = _JSV_PAIR.match(inner, place)
        if found is None:
            raise Invalid("The body is not JSV with plain values.")
        value = found[2].strip()
        pairs.append((found[1], value[1:-1].replace('""', '"') if value.startswith('"') else value))
        place = found.end()
    return pairs


_READERS: Mapping[Format, Callable[[bytes], Pairs]] = {Format.JSON: _json, Format.CSV: _csv, Format.JSV: _jsv}
