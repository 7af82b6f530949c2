"""Moderations: a text or pictures go in, scores come out.

The rule that matters: OpenAI's own moderation models are free and tell no usage, but a call is a call; any other model
is counted, for other servers bill theirs.
(https://platform.openai.com/docs/api-reference/moderations)
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.model import Call, Media, Request, Route, Usage
from gateway.providers.decoding import decode
from gateway.providers.fields import missing, optional, unsupported, wrong_type
from gateway.providers.format import JSON as TAKES
from gateway.providers.headers import forward_headers
from gateway.providers.openai.endings import error_event
from gateway.providers.openai.events import open_answer, usage_in
from gateway.providers.openai.meter import meter
from gateway.providers.openai.parts import TEXT_PARTS, media_of
from gateway.providers.openai.reading import read_model, read_purpose
from gateway.providers.openai.refusals import MEDIA, refuse
from gateway.providers.openai.sending import outgoing_renamed as outgoing
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

DEFAULT_MODEL = "omni-moderation-latest"
"""What OpenAI takes where a request names no model."""

# "free of charge" (https://platform.openai.com/docs/guides/moderation)
_FREE = re.compile(r"(^|/)(omni|text)-moderation-")


def read(request: Request) -> Call:
    """Decode and understand a request. Raises BadRequest naming the field."""
    body = {"model": DEFAULT_MODEL, **decode(request.body)}
    model = read_model(body, request.params)
    refuse(body, MEDIA)
    if optional(body, "stream", bool):
        raise unsupported("stream", "moderations are not streamed")
    return Call(
        id=request.call_id,
        endpoint=request.endpoint,
        body=body,
        body_bytes=len(request.body),
        model=model,
        stream=False,
        wants_usage=True,
        output_bound=0,
        choices=1,
        media=_media(body),
        can_cap=False,
        is_free=_FREE.search(model) is not None,
        session=request.session,
        purpose=read_purpose(body),
        user=optional(body, "user", str),
        headers=forward_headers(request.headers),
        thinks=False,
    )


def _media(body: Mapping[str, Any]) -> tuple[Media, ...]:
    """Check the input: a text, texts, or parts of one message; give those that are not text."""
    value = body.get("input")
    if value is None:
        raise missing("input")
    if type(value) is not str and type(value) is not list:
        raise wrong_type("input", "a string or an array", value)
    items = [value] if type(value) is str else value
    for place, item in enumerate(items):
        if type(item) is not str and type(item) is not dict:
            raise wrong_type(f"input[{place}]", "a string or an object", item)
        if type(item) is dict and type(item.get("type", "")) is not str:
            raise wrong_type(f"input[{place}].type", "a string", item["type"])
    return tuple(media_of(part) for part in items if type(part) is dict and part.get("type") not in TEXT_PARTS)


def is_visible(_call: Call, _route: Route) -> bool:
    """Say no: there is no stream."""
    return False


def prompt(call: Call) -> Any:
    """Give the input without its pictures."""
    value = call.body["input"]
    if type(value) is str:
        return {"input": value}
    return {"input": [item for item in value if type(item) is str or item.get("type") in TEXT_PARTS]}


def prompt_texts(call: Call) -> Iterable[str]:
    """Give the texts that are judged."""
    value = call.body["input"]
    items: list[Any] = [value] if type(value) is str else value
    for item in items:
        found = item if type(item) is str else item.get("text")
        if type(found) is str:
            yield found


def usage_of(_call: Call, body: bytes) -> Usage | None:
    """Read the usage, where a server tells it; scores are no tokens."""
    answer = open_answer(body)
    return None if answer is None else usage_in(answer.usage)


def answer_texts(_call: Call, _body: bytes) -> list[str]:
    """Give nothing: the answer holds scores."""
    return []


def cut_frame(_call: Call, _template: bytes | None) -> bytes:
    """Give nothing: there is no stream."""
    return b""
