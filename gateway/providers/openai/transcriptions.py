"""Transcriptions and translations: a sound goes in as a form, its text comes out, whole or as events.

The rule that matters: OpenAI's newer models bill tokens and say so; whisper bills seconds: a usage of no tokens; an
answer that is bare text says nothing, so its sound is charged by its size and its text by its count.
(https://platform.openai.com/docs/api-reference/audio/createTranscription and its siblings)
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.model import Call, Media, MediaKind, Request, Route, Usage
from gateway.providers.fields import invalid, missing, wrong_type
from gateway.providers.format import FORM as TAKES
from gateway.providers.format import Outgoing
from gateway.providers.headers import forward_headers
from gateway.providers.multipart import (
    File,
    flag,
    form_bytes,
    media_of_file,
    read_form,
    text,
    texts_of,
    write_form,
)
from gateway.providers.openai.endings import error_event
from gateway.providers.openai.events import Event, EventMeter, open_answer, usage_in
from gateway.providers.openai.reading import read_model
from gateway.providers.openai.refusals import MEDIA, refuse
from gateway.providers.openai.texts import pieces
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

# "2,000 max output tokens" (https://platform.openai.com/docs/models/gpt-4o-transcribe and its siblings).
_BOUNDED = re.compile(r"(^|/)gpt-4o(-mini)?-transcribe")
_BOUND_TOKENS = 2_000
_UNKNOWN_BOUND_TOKENS = 4_096
# Whisper writes at most 224 tokens for each window of 30 seconds (openai/whisper, decoding.py, `sample_len`).
_TOKENS_PER_WINDOW, _WINDOW_SECONDS = 224, 30
_BYTES_PER_SECOND = 2_000  # 16 kbit/s, the least that is used for speech
_BARE = frozenset({"text", "srt", "vtt"})
_URLS = ("url", "file_url")  # Groq, Mistral
_PURPOSE = "metadata[purpose]"


def read(request: Request) -> Call:
    """Decode and understand a request. Raises BadRequest naming the field."""
    fields = read_form(request.body, request.headers)
    model = read_model({"model": text(fields, "model")}, request.params)
    refuse(fields, MEDIA)
    media = _sound(fields)
    return Call(
        id=request.call_id,
        endpoint=request.endpoint,
        body=fields,
        body_bytes=form_bytes(fields, (media,)),
        model=model,
        stream=flag(fields, "stream"),
        wants_usage=True,
        output_bound=_output_bound(model, fields, media),
        choices=1,
        media=(media,),
        can_cap=False,
        session=request.session,
        purpose=text(fields, _PURPOSE),
        user=text(fields, "user"),
        headers=forward_headers(request.headers),
        thinks=False,
    )


def _sound(fields: Mapping[str, Any]) -> Media:
    file = fields.get("file")
    if file is None:
        if any(text(fields, name) for name in _URLS):
            return Media(MediaKind.AUDIO)
        raise missing("file")
    if not isinstance(file, File):
        raise wrong_type("file", "a file with a name", file)
    if not file.data:
        raise invalid("file", "it must not be empty")
    return media_of_file(MediaKind.AUDIO, file)


def _output_bound(model: str, fields: Mapping[str, Any], media: Media) -> int:
    """Bound the text: by what the model may write; where the provider may cut the sound in pieces, by its length."""
    if _BOUNDED.search(model) and "chunking_strategy" not in fields and not _is_nested(fields, "chunking_strategy"):
        return _BOUND_TOKENS
    seconds = media.characters * 3 / 4 / _BYTES_PER_SECOND if media.seconds is None else media.seconds
    return max(_UNKNOWN_BOUND_TOKENS, math.ceil(seconds / _WINDOW_SECONDS) * _TOKENS_PER_WINDOW)


def _is_nested(fields: Mapping[str, Any], name: str) -> bool:
    return any(one.startswith(f"{name}[") for one in fields)


def outgoing(call: Call, route: Route, *, cap: int | None, asks_usage: bool) -> Outgoing:  # noqa: ARG001
    """Write the form for the upstream; there is no field that bounds its answer or asks for its usage."""
    fields = {name: value for name, value in call.body.items() if name != _PURPOSE}
    return write_form({**fields, "model": route.model})


def is_visible(_call: Call, _route: Route) -> bool:
    """Say no: nothing caps what is sent, so all that may come is held at once."""
    return False


def prompt(call: Call) -> Any:
    """Give the texts of the form; the sound is counted by its size."""
    return texts_of(call.body)


def prompt_texts(call: Call) -> Iterable[str]:
    """Give the text that leads the model."""
    value = call.body.get("prompt")
    return [value] if type(value) is str else []


def usage_of(_call: Call, body: bytes) -> Usage | None:
    """Read the usage of a whole answer; bare text, and translations, have none."""
    answer = open_answer(body)
    return None if answer is None else usage_in(answer.usage)


def answer_texts(call: Call, body: bytes) -> list[str]:
    """Give the text, from JSON or from what is nothing but text; of segments, where they alone have it."""
    answer = open_answer(body)
    if answer is None:
        return [body.decode("utf-8", "replace")] if call.body.get("response_format") in _BARE else []
    if type(answer.text) is str:
        return [answer.text]
    segments = answer.segments if type(answer.segments) is list else []
    return [one["text"] for one in segments if type(one) is dict and type(one.get("text")) is str]


class TranscriptMeter(EventMeter):
    """Meters `transcript.text.*` (OpenAI), `transcription.*` (Mistral) and chunks with choices (vLLM)."""

    __slots__ = ("_heard",)

    def __init__(self) -> None:
        super().__init__()
        self._heard = False

    def _receive(self, kind: str, event: Event) -> None:
        if event.choices:
            for channel, said in pieces(event.choices):
                self._keep(channel, said)
        elif kind.endswith(".delta"):
            self._hear(event.delta or event.text)
        elif not self._heard and type(event.text) is str:
            # A segment, or all of it at the end: what deltas have said before is not counted again.
            self._keep(kind, event.text)
            self._heard = kind.endswith(".done")
        else:
            self._keep_nothing()

    def _hear(self, said: Any) -> None:
        if type(said) is str and said:
            self._heard = True
            self._keep("delta", said)
        else:
            self._keep_nothing()


def meter(_call: Call) -> TranscriptMeter:
    """Make the meter of one stream."""
    return TranscriptMeter()


def cut_frame(_call: Call, _template: bytes | None) -> bytes:
    """Give nothing: no event says that a transcript is cut; the error that follows does."""
    return b""
