"""Forms with files, `multipart/form-data` (RFC 7578): a client's is read once and strictly, a provider gets our own.

The rule that matters: not a byte of the client's framing goes upstream. What was read is written again, under a
boundary of ours and with names, file names and media types that were checked, so both sides see one and the same form.
"""

import base64
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from gateway.errors import BadRequest, BodyTooLarge
from gateway.model import Media, MediaKind
from gateway.providers.fields import invalid, wrong_type
from gateway.providers.format import FORM, Outgoing
from gateway.providers.media import audio_seconds, image_size

MOST_PARTS = 128
"""Sixteen images to edit and a few settings are the most that a form is known to have."""

_MOST_HEADERS = 8
_MOST_HEADER_BYTES = 4096
_BITE_BYTES = 1 << 18
_HEAD_BYTES = 48 * 1024  # in base64, what `gateway.providers.media` looks at
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}(\[[A-Za-z0-9_.-]{0,64}\]){0,4}", re.ASCII)
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]", re.ASCII)  # RFC 2046 section 5.1.1
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}", re.ASCII)
_NOT_IN_FILENAME = re.compile(r'[\x00-\x1f\x7f"\\/]')
_MOST_FILENAME_CHARACTERS = 200
_PLAIN_ENCODINGS = frozenset({"", "binary", "8bit", "7bit"})
_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}
_ANY_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file: its name without a path, quotes or line ends, its media type without parameters."""

    filename: str
    content_type: str
    data: bytes = field(repr=False)


def read_form(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Read a form: name -> text or `File`; a name that ends with `[]` -> a tuple of them, in order.

    Of a text that is sent twice the last counts; a file is not sent twice. Raises BadRequest, BodyTooLarge for too many
    parts or too long headers.
    """
    parser = PushMultipartParser(
        _boundary(headers),
        max_header_size=_MOST_HEADER_BYTES,
        max_header_count=_MOST_HEADERS,
        max_segment_count=MOST_PARTS,
        strict=True,
    )
    fields: dict[str, Any] = {}
    try:
        for segment, data in _parts(parser, body):
            _add(fields, segment, data)
    except ParserLimitReached as exc:
        raise BodyTooLarge(f"The form has over {MOST_PARTS} parts, or a part's headers are too long.") from exc
    except (MultipartError, UnicodeDecodeError) as exc:
        raise BadRequest(f"The form cannot be read as multipart/form-data: {exc}.") from exc
    return fields


def _boundary(headers: Mapping[str, str]) -> str:
    value = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    boundary: str = parse_options_header(value)[1].get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise BadRequest("The form's 'Content-Type' names no valid boundary.", param="content-type")
    return boundary


def _parts(parser: PushMultipartParser, body: bytes) -> Iterator[tuple[MultipartSegment, bytes]]:
    segment: MultipartSegment | None = None
    data = bytearray()
    with parser:
        for event in _events(parser, body):
            if isinstance(event, MultipartSegment):
                segment, data = event, bytearray()
            elif event:
                data += event
            elif segment is not None:
                yield segment, bytes(data)


def _events(parser: PushMultipartParser, body: bytes) -> Iterator[MultipartSegment | bytearray | None]:
    """Feed the parser by the bite: one search through a large body would hold the interpreter for half a second."""
    body = body.removesuffix(b"\r\n")  # after the end, a bite of its own would be too much for the parser
    for at in range(0, len(body), _BITE_BYTES):
        yield from parser.parse(body[at : at + _BITE_BYTES])


def _add(fields: dict[str, Any], segment: MultipartSegment, data: bytes) -> None:
    name = segment.name
    if not _NAME.fullmatch(name):
        raise BadRequest("The form has a part whose name is no field's name.")
    if (segment.header("Content-Transfer-Encoding") or "").strip().lower() not in _PLAIN_ENCODINGS:
        raise invalid(name, "send it as it is, without a transfer encoding")
    value = data.decode("utf-8") if segment.filename is None else _file(segment, data)
    if name.endswith("[]"):
        fields[name] = (*fields.get(name, ()), value)
    elif isinstance(fields.get(name), File) or (name in fields and isinstance(value, File)):
        raise invalid(name, f"it is sent twice; several files are sent as '{name}[]'")
    else:
        fields[name] = value


def _file(segment: MultipartSegment, data: bytes) -> File:
    filename = _NOT_IN_FILENAME.sub("_", segment.filename or "")[-_MOST_FILENAME_CHARACTERS:] or "file"
    content_type = segment.content_type or _ANY_TYPE
    return File(filename, content_type if _MEDIA_TYPE.fullmatch(content_type) else _ANY_TYPE, data)


def write_form(fields: Mapping[str, Any]) -> Outgoing:
    """Write a form whose fields came from `read_form`, with texts replaced or left out, in their order."""
    boundary = secrets.token_hex(16)
    pieces: list[bytes] = []
    for name, values in fields.items():
        for value in values if type(values) is tuple else (values,):
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
            if isinstance(value, File):
                head += f'; filename="{value.filename}"\r\nContent-Type: {value.content_type}'
            data = value.data if isinstance(value, File) else value.encode()
            pieces += (head.encode("utf-8", "replace"), b"\r\n\r\n", data, b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode())
    return Outgoing(b"".join(pieces), f"{FORM}; boundary={boundary}")


def texts_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of a form that are no files."""
    return {name: values for name, values in fields.items() if not any(isinstance(one, File) for one in _all(values))}


def files_of(fields: Mapping[str, Any]) -> dict[str, tuple[File, ...]]:
    """Give the files of a form, by the name of their field."""
    found = {name: tuple(one for one in _all(values) if isinstance(one, File)) for name, values in fields.items()}
    return {name: files for name, files in found.items() if files}


def _all(values: Any) -> tuple[Any, ...]:
    return values if type(values) is tuple else (values,)


def text(fields: Mapping[str, Any], name: str) -> str | None:
    """Give a field that is text. Raises BadRequest where it is a file."""
    value = fields.get(name)
    if value is not None and type(value) is not str:
        raise wrong_type(name, "a string", value)
    return value


def flag(fields: Mapping[str, Any], name: str) -> bool:
    """Give a field that says yes or no, False where it is absent. Raises BadRequest."""
    value = (text(fields, name) or "").strip().lower()
    if value not in _FLAGS:
        raise invalid(name, "it is 'true' or 'false'")
    return _FLAGS[value]


def integer(fields: Mapping[str, Any], name: str) -> int | None:
    """Give a field that is a whole number in decimal digits. Raises BadRequest."""
    value = text(fields, name)
    if value is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,9}", value, re.ASCII):
        raise wrong_type(name, "an integer", value)
    return int(value)


def media_of_file(kind: MediaKind, file: File) -> Media:
    """Describe a file by its own first bytes; `characters` is what it would take as base64, as in a JSON body."""
    size = len(file.data)
    head = base64.b64encode(file.data[:_HEAD_BYTES]).decode()
    sides = image_size(head) if kind is MediaKind.IMAGE else None
    seconds = audio_seconds(head) if kind is MediaKind.AUDIO else None
    return Media(
        kind,
        characters=-(-size * 4 // 3),
        width=sides and sides[0],
        height=sides and sides[1],
        seconds=None if seconds is None else seconds * max(1.0, size / _HEAD_BYTES),
    )


def form_bytes(fields: Mapping[str, Any], media: tuple[Media, ...]) -> int:
    """Give a form's `Call.body_bytes`: the bytes of its texts, and of its files as if they stood in base64.

    Counting takes the media's characters off again, so what is left are the texts with their names, as in a JSON body.
    """
    texts = texts_of(fields)
    sizes = (len(name) + sum(len(one.encode()) + 8 for one in _all(values)) for name, values in texts.items())
    return sum(sizes) + sum(part.characters for part in media)
