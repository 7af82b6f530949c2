"""Pictures: made from a text, or by editing others; whole, or as events with pictures on the way.

The rule that matters: what a picture takes is known by its size and its quality before it is made, and nothing caps it,
so all of it is held. GPT's image models report it; a provider that does not is charged as much, marked as estimated.
(https://platform.openai.com/docs/api-reference/images, .../docs/guides/image-generation)
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.model import Call, Endpoint, Media, MediaKind, Request, Route, Usage
from gateway.providers.decoding import decode
from gateway.providers.fields import bounded, missing, optional, required
from gateway.providers.format import FORM, JSON, Outgoing
from gateway.providers.headers import forward_headers
from gateway.providers.multipart import (
    files_of,
    flag,
    form_bytes,
    integer,
    media_of_file,
    read_form,
    text,
    texts_of,
    write_form,
)
from gateway.providers.openai.endings import error_event
from gateway.providers.openai.events import Event, EventMeter, open_answer, usage_in
from gateway.providers.openai.parts import media_of
from gateway.providers.openai.reading import read_model, read_purpose
from gateway.providers.openai.refusals import MEDIA, refuse
from gateway.providers.openai.sending import outgoing_renamed
from gateway.providers.sse import is_stream

__all__ = [
    "TAKES",
    "answer_texts",
    "cut_frame",
    "error_event",
    "is_stream",
    "is_visible",
    "meter",
    "outgoing",
    "prompt",
    "prompt_texts",
    "read",
    "usage_of",
]

TAKES = (JSON, FORM)

PARTIAL_TOKENS = 100
"""Each partial picture takes so many more (guide, streaming)."""

_MOST_PICTURES = 10
_MOST_PARTIAL = 3
_PICTURES = ("image", "images", "image[]", "mask")
_PURPOSE = "metadata[purpose]"
_STRING_FIELDS = ("size", "quality", "response_format", "output_format", "background", "input_fidelity", "user")


def read(request: Request) -> Call:
    """Decode and understand a request, a form or JSON. Raises BadRequest naming the field."""
    is_form = _is_form(request.headers)
    body = read_form(request.body, request.headers) if is_form else decode(request.body)
    read_text = text if is_form else _text
    for name in _STRING_FIELDS:
        read_text(body, name)
    model = read_model({"model": read_text(body, "model")}, request.params)
    refuse(body, MEDIA)
    required({"prompt": read_text(body, "prompt")}, "prompt", str)
    numbers = {name: integer(body, name) if is_form else body.get(name) for name in ("n", "partial_images")}
    media = _form_media(body) if is_form else _json_media(body)
    if request.endpoint is Endpoint.IMAGE_EDITS and not media:
        raise missing("image")
    partial = bounded(numbers, "partial_images", low=0, high=_MOST_PARTIAL) or 0
    return Call(
        id=request.call_id,
        endpoint=request.endpoint,
        body=body,
        body_bytes=form_bytes(body, media) if is_form else len(request.body),
        model=model,
        stream=flag(body, "stream") if is_form else optional(body, "stream", bool) or False,
        wants_usage=True,
        output_bound=picture_tokens(model, body.get("size"), body.get("quality")) + partial * PARTIAL_TOKENS,
        choices=bounded(numbers, "n", low=1, high=_MOST_PICTURES) or 1,
        media=media,
        can_cap=False,
        session=request.session,
        purpose=body.get(_PURPOSE) if is_form else read_purpose(body),
        user=body.get("user"),
        headers=forward_headers(request.headers),
        thinks=False,
    )


def _is_form(headers: Mapping[str, str]) -> bool:
    return any(name.lower() == "content-type" and value.lower().startswith(FORM) for name, value in headers.items())


def _text(body: Mapping[str, Any], name: str) -> str | None:
    return optional(body, name, str)


def _form_media(fields: Mapping[str, Any]) -> tuple[Media, ...]:
    return tuple(media_of_file(MediaKind.IMAGE, file) for files in files_of(fields).values() for file in files)


def _json_media(body: Mapping[str, Any]) -> tuple[Media, ...]:
    """Describe pictures inside JSON: data URLs, addresses and stored files, alone or in a list, bare or as objects."""
    values = [body[name] for name in _PICTURES if body.get(name) is not None]
    pictures = [one for value in values for one in (value if type(value) is list else [value])]
    parts = ({"image_url": one} if type(one) is str else one for one in pictures)
    return tuple(media_of({**part, "type": "input_image"}) for part in parts if type(part) is dict)


# ---------------------------------------------------------------- what a picture takes

# Tokens of a square, an upright and a wide picture (guide, cost and latency; gpt-image-1, -mini and 1.5).
_TABLE: Mapping[str, tuple[int, int, int]] = {
    "low": (272, 408, 400),
    "medium": (1_056, 1_584, 1_568),
    "high": (4_160, 6_240, 6_208),
}
# DALL-E is billed by the picture, at about the price of a medium one, or of two for `hd`.
_QUALITIES = {"standard": "medium", "hd": "high"}
_PIXELS = (1024 * 1024, 1024 * 1536, 1536 * 1024)
_DALL_E = re.compile(r"(^|/)dall-e")

# From gpt-image-2 on: by quality, ratio and area; sides up to 3,840, up to 8,294,400 pixels, ratios up to 3 (the
# guide's own calculator, written down in community.openai.com/t/1382699).
_BY_AREA = re.compile(r"(^|/)(gpt-image-[2-9]|chatgpt-image)")
_FACTORS = {"low": 16, "medium": 48, "high": 96, "auto": 96}
_UNKNOWN_FACTOR = 192  # 2.5 has qualities above `high`; nobody wrote down what they take: four times as much
_OFFSET, _DIVISOR = 2_000_000, 4_000_000

_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", re.ASCII)


def picture_tokens(model: str, size: str | None, quality: str | None) -> int:
    """Give the tokens of one picture; of what is left to the model, the most."""
    found = _SIZE.fullmatch(size or "")
    sides = None if found is None else (int(found[1]), int(found[2]))
    if _BY_AREA.search(model):
        factor = _FACTORS.get(quality or "auto", _UNKNOWN_FACTOR)
        return max(_by_area(factor, *one) for one in ([sides] if sides else [(1024, 1024), (1024, 1536)]))
    unsaid = "standard" if _DALL_E.search(model) else "high"
    row = _TABLE.get(_QUALITIES.get(quality or unsaid, quality or unsaid), _TABLE["high"])
    if sides is None:
        return row[0] if _DALL_E.search(model) else max(row)
    width, height = sides
    shape = 0 if width == height else 1 if width < height else 2
    return -(-row[shape] * max(_PIXELS[shape], width * height) // _PIXELS[shape])


def _by_area(factor: int, width: int, height: int) -> int:
    longest, shortest = max(width, height), min(width, height)
    short_factor = (2 * factor * shortest + longest) // (2 * longest)
    return -(-factor * short_factor * (_OFFSET + width * height) // _DIVISOR)


def _assumed(call: Call) -> Usage:
    """Give what pictures take whose provider does not say: an output that is estimated, to which the input is added."""
    return Usage(output_tokens=(call.output_bound or 0) * call.choices, estimated=True)


# ---------------------------------------------------------------- sending, and the answer


def outgoing(call: Call, route: Route, *, cap: int | None, asks_usage: bool) -> Outgoing:
    """Write the form or the JSON for the upstream, as the client chose."""
    if not _is_form(call.headers):
        return outgoing_renamed(call, route, cap=cap, asks_usage=asks_usage)
    body = {**call.body, "model": route.model}
    body.pop(_PURPOSE, None)
    return write_form(body)


def is_visible(_call: Call, _route: Route) -> bool:
    """Say no: nothing caps what is sent, so all that may come is held at once."""
    return False


def prompt(call: Call) -> Any:
    """Give the request without its pictures."""
    return {name: value for name, value in texts_of(call.body).items() if name not in _PICTURES}


def prompt_texts(call: Call) -> Iterable[str]:
    """Give the text that says what to make."""
    return [call.body["prompt"]]


def usage_of(call: Call, body: bytes) -> Usage | None:
    """Read the usage; where there is none, give what such pictures take."""
    answer = open_answer(body)
    return (None if answer is None else usage_in(answer.usage)) or _assumed(call)


def answer_texts(_call: Call, _body: bytes) -> list[str]:
    """Give nothing: a picture has no text."""
    return []


class PictureMeter(EventMeter):
    """Meters events with pictures; from the first on, all that was asked for is assumed to be on its way."""

    __slots__ = ("_assumed",)

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._assumed = _assumed(call)

    def _receive(self, _kind: str, _event: Event) -> None:
        if self.usage is None:
            self.usage = self._assumed


def meter(call: Call) -> PictureMeter:
    """Make the meter of one stream."""
    return PictureMeter(call)


def cut_frame(_call: Call, _template: bytes | None) -> bytes:
    """Give nothing: no event says that a picture is cut; the error that follows does."""
    return b""
