"""Requests with forms, sounds and pictures, read by their formats."""

import json
from typing import Any

from gateway.model import Call, Endpoint, Request
from gateway.providers.dialect import FORMATS
from gateway.providers.multipart import File, write_form

SOUND = File("speech.mp3", "audio/mpeg", b"ID3" + bytes(2_997))
PICTURE = File("otter.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(8) + (512).to_bytes(4) * 2 + bytes(500))

FORMS: dict[Endpoint, dict[str, Any]] = {
    Endpoint.TRANSCRIPTIONS: {"model": "gpt-4o-transcribe", "file": SOUND},
    Endpoint.TRANSLATIONS: {"model": "whisper-1", "file": SOUND},
    Endpoint.IMAGE_EDITS: {"model": "gpt-image-1", "prompt": "A hat", "image": PICTURE},
}
BODIES: dict[Endpoint, dict[str, Any]] = {
    Endpoint.SPEECH: {"model": "gpt-4o-mini-tts", "input": "Hello there", "voice": "coral"},
    Endpoint.IMAGES: {"model": "gpt-image-1", "prompt": "An otter"},
    Endpoint.MODERATIONS: {"model": "omni-moderation-latest", "input": "Hello there"},
    Endpoint.RERANK: {"model": "reranker", "query": "Which city?", "documents": ["Paris", "Rome"]},
}


def asked(endpoint: Endpoint, is_form: bool | None = None, **fields: Any) -> Call:
    """Read a small valid request with these fields added or replaced; None leaves one out."""
    if is_form is None:
        is_form = endpoint in FORMS
    start = FORMS.get(endpoint, {}) if is_form else BODIES.get(endpoint, {})
    body = {name: value for name, value in {**start, **fields}.items() if value is not None}
    if is_form:
        form = write_form(body)
        return read(endpoint, form.body, form.content_type)
    return read(endpoint, json.dumps(body).encode(), "application/json")


def read(endpoint: Endpoint, body: bytes, content_type: str) -> Call:
    """Read a whole body."""
    return FORMATS[endpoint].read(Request(endpoint, "01J", body, {"Content-Type": content_type}))
