"""The smallest valid request of each operation, and the call that the operation's own format reads from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.model import Call, Endpoint, Request, Wire
from gateway.providers.dialect import FORMATS
from gateway.providers.multipart import File, write_form

_TURN = {"role": "user", "content": "Hi"}
_CONTENTS = [{"role": "user", "parts": [{"text": "Hi"}]}]
_SOUND = File("a.mp3", "audio/mpeg", b"ID3" + bytes(2_997))
_PICTURE = File("a.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(8) + (64).to_bytes(4) * 2 + bytes(500))

_FORMS: Mapping[Endpoint, dict[str, Any]] = {
    Endpoint.TRANSCRIPTIONS: {"file": _SOUND},
    Endpoint.TRANSLATIONS: {"file": _SOUND},
    Endpoint.IMAGE_EDITS: {"prompt": "Hi", "image": _PICTURE},
}
_BODIES: Mapping[Endpoint, dict[str, Any]] = {
    Endpoint.CHAT: {"messages": [_TURN]},
    Endpoint.COMPLETIONS: {"prompt": "Hi"},
    Endpoint.EMBEDDINGS: {"input": "Hi"},
    Endpoint.RESPONSES: {"input": "Hi"},
    Endpoint.RESPONSES_COMPACT: {"input": "Hi"},
    Endpoint.RESPONSES_INPUT_TOKENS: {"input": "Hi"},
    Endpoint.SPEECH: {"input": "Hi", "voice": "v"},
    Endpoint.IMAGES: {"prompt": "Hi"},
    Endpoint.MODERATIONS: {"input": "Hi"},
    Endpoint.RERANK: {"query": "Hi", "documents": ["a", "b"]},
    Endpoint.MESSAGES: {"max_tokens": 9, "messages": [_TURN]},
    Endpoint.COUNT_TOKENS: {"messages": [_TURN]},
    Endpoint.GENERATE_CONTENT: {"contents": _CONTENTS},
    Endpoint.GEMINI_COUNT_TOKENS: {"contents": _CONTENTS},
    Endpoint.EMBED_CONTENT: {"content": _CONTENTS[0]},
    Endpoint.BATCH_EMBED_CONTENTS: {"requests": [{"content": _CONTENTS[0]}]},
    Endpoint.OLLAMA_CHAT: {"messages": [_TURN]},
    Endpoint.OLLAMA_GENERATE: {"prompt": "Hi"},
    Endpoint.OLLAMA_EMBED: {"input": "Hi"},
    Endpoint.CONVERSE: {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
}
_STREAM_FIELD: Mapping[Endpoint, dict[str, Any]] = {Endpoint.SPEECH: {"stream_format": "sse"}}
_SHOWS_USAGE = {"stream_options": {"include_usage": True}}
_ASKED_FOR_USAGE = frozenset({Endpoint.CHAT, Endpoint.COMPLETIONS})
_NAMED_IN_PATH = frozenset(
    {
        Endpoint.GENERATE_CONTENT,
        Endpoint.GEMINI_COUNT_TOKENS,
        Endpoint.EMBED_CONTENT,
        Endpoint.BATCH_EMBED_CONTENTS,
        Endpoint.CONVERSE,
    }
)


@dataclass(frozen=True)
class Asked:
    """A request: its body, and what its path and its query say."""

    endpoint: Endpoint
    body: bytes
    content_type: str = "application/json"
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> Call:
        """Read it by its operation's own format."""
        headers = {"Content-Type": self.content_type}
        request = Request(self.endpoint, "01J", self.body, headers, self.params, self.query)
        return FORMATS[self.endpoint].read(request)


def asked_for(
    endpoint: Endpoint,
    fields: Mapping[str, Any] | None = None,
    *,
    model: str = "m",
    stream: bool = False,
    wants_usage: bool = True,
    as_array: bool = False,
) -> Asked:
    """Make the smallest request of an operation, with these fields added; `as_array` is Gemini's other framing."""
    if endpoint in _NAMED_IN_PATH:
        params = {"model": model} | ({"stream": "1"} if stream else {})
        query = {"alt": "sse"} if stream and endpoint is Endpoint.GENERATE_CONTENT and not as_array else {}
        return Asked(endpoint, json.dumps({**_BODIES[endpoint], **(fields or {})}).encode(), params=params, query=query)
    wish = _wished(endpoint, stream=stream, wants_usage=wants_usage)
    asked = {"model": model, **wish, **(fields or {}), **({"model": model} if model != "m" else {})}
    if endpoint in _FORMS:
        form = write_form(_FORMS[endpoint] | {name: _as_text(value) for name, value in asked.items()})
        return Asked(endpoint, form.body, form.content_type)
    return Asked(endpoint, json.dumps(_BODIES[endpoint] | asked).encode())


def call_for(endpoint: Endpoint, fields: Mapping[str, Any] | None = None, **wishes: Any) -> Call:
    """Read the smallest request of an operation, made as `asked_for` makes it."""
    return asked_for(endpoint, fields, **wishes).read()


def _wished(endpoint: Endpoint, *, stream: bool, wants_usage: bool) -> dict[str, Any]:
    """Say in the operation's own words whether the answer is to flow, and to tell its usage."""
    if endpoint.wire is Wire.OLLAMA:
        return {} if endpoint is Endpoint.OLLAMA_EMBED else {"stream": stream}
    if not stream:
        return {}
    wish = _STREAM_FIELD.get(endpoint, {"stream": True})
    return wish | (_SHOWS_USAGE if wants_usage and endpoint in _ASKED_FOR_USAGE else {})


def _as_text(value: Any) -> Any:
    return str(value).lower() if type(value) is bool else value
