"""Requests: whatever a body is, it is understood or refused; what is understood is bounded by what it asks."""

import ast
import json
import re
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import gateway
from gateway.errors import BadRequest, GatewayError
from gateway.model import Call, Endpoint, ModelSpec, Provider, Request, Route
from gateway.providers.decoding import MAX_DEPTH, decode
from gateway.providers.dialect import FORMATS
from gateway.providers.format import FORM
from tests.fuzz.cases import as_json, mutated, paired, read_case, values, write_case
from tests.fuzz.rich import RICH
from tests.providers.minimal import Asked, asked_for

ENDPOINTS = tuple(FORMATS)
ROUTE = Route(Provider("p", "openai", "https://p.example"), ModelSpec("m"), "m")
BOUNDARY = "the-boundary"


def _fixed(asked: Asked) -> Asked:
    """Give a form the same boundary on every run: a case is to mean the same tomorrow."""
    _, _, boundary = asked.content_type.partition("boundary=")
    if not boundary:
        return asked
    body = asked.body.replace(boundary.encode(), BOUNDARY.encode())
    return replace(asked, body=body, content_type=f"{FORM}; boundary={BOUNDARY}")


MINIMAL = {
    endpoint: tuple(_fixed(asked_for(endpoint, stream=stream)) for stream in (False, True)) for endpoint in ENDPOINTS
}
FORMS = tuple(endpoint for endpoint in ENDPOINTS if MINIMAL[endpoint][0].content_type.startswith(FORM))
BODIES = tuple(endpoint for endpoint in ENDPOINTS if endpoint not in FORMS)
# Where a body says what it may produce: its value bounds the answer.
BOUNDS = {
    Endpoint.CHAT: (("max_tokens",), ("max_completion_tokens",)),
    Endpoint.COMPLETIONS: (("max_tokens",),),
    Endpoint.RESPONSES: (("max_output_tokens",),),
    Endpoint.MESSAGES: (("max_tokens",),),
    Endpoint.GENERATE_CONTENT: (("generationConfig", "maxOutputTokens"),),
    Endpoint.OLLAMA_CHAT: (("options", "num_predict"),),
    Endpoint.OLLAMA_GENERATE: (("options", "num_predict"),),
    Endpoint.CONVERSE: (("inferenceConfig", "maxTokens"),),
}
CHOICES = {
    Endpoint.CHAT: (("n",),),
    Endpoint.COMPLETIONS: (("n",), ("best_of",)),
    Endpoint.GENERATE_CONTENT: (("generationConfig", "candidateCount"),),
}


def _names() -> list[str]:
    """Give the words that the formats look for: the short text constants of their modules."""
    found: set[str] = set()
    for path in sorted((Path(gateway.__file__).parent / "providers").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return sorted(word for word in found if re.fullmatch(r"[A-Za-z_][\w.]{0,40}", word, re.ASCII))


NAMES = _names()


@st.composite
def _bodies(draw: st.DrawFn) -> bytes:
    """Give a valid request, small or rich, with some of its fields replaced and some added, at any depth."""
    endpoint = draw(st.sampled_from(BODIES))
    body = json.loads(draw(st.sampled_from(MINIMAL[endpoint])).body)
    if draw(st.booleans()):
        endpoint, rich = draw(st.sampled_from(RICH))
        body = deepcopy(rich)
    for _ in range(draw(st.integers(0, 3))):
        place = _somewhere(draw, body)
        known = sorted(place) if isinstance(place, dict) else []
        name = draw(st.sampled_from(NAMES) | st.sampled_from(known or NAMES))
        value = draw(values(NAMES))
        if isinstance(place, dict):
            place[name] = value
        else:
            place.append(value)
    for path in BOUNDS.get(endpoint, ()) + CHOICES.get(endpoint, ()):
        if draw(st.booleans()):
            _put(body, path, draw(st.integers(-2, 2**40)))
    return write_case([ENDPOINTS.index(endpoint), draw(st.integers(0, 1))], as_json(body))


def _somewhere(draw: st.DrawFn, value: Any) -> Any:
    place = value
    for _ in range(draw(st.integers(0, 7))):
        inner = list(place.values()) if isinstance(place, dict) else place
        inner = [one for one in inner if isinstance(one, dict | list)]
        if not inner:
            break
        place = draw(st.sampled_from(inner))
    return place


def _put(body: dict[str, Any], path: tuple[str, ...], value: int) -> None:
    *outer, last = path
    place: Any = body
    for name in outer:
        place = place.setdefault(name, {}) if isinstance(place, dict) else None
    if isinstance(place, dict):
        place[last] = value


def _got(body: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


_RAW = [MINIMAL[endpoint][0].body for endpoint in BODIES]
READ_CASES = _bodies() | paired([MINIMAL[endpoint][0].body for endpoint in ENDPOINTS])
FORM_CASES = paired([MINIMAL[endpoint][0].body for endpoint in FORMS])
JSON_CASES = (
    mutated(_RAW) | values(NAMES).map(as_json) | st.integers(90, 110).map(lambda n: b'{"a":' * n + b"1" + b"}" * n)
)


def json_reader(case: bytes) -> None:
    """Check that a body is an object of bounded depth, or is refused."""
    found = {}
    with suppress(BadRequest):
        found = decode(case)
    assert isinstance(found, dict)
    assert _depth(found) <= MAX_DEPTH


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def read(case: bytes) -> None:
    """Check every operation's JSON: only a GatewayError comes out, or a call that is bounded by what it asks."""
    one = read_case(case)
    endpoint = one.choice(0, ENDPOINTS)
    pattern = MINIMAL[endpoint][one.number(1, 2)]
    call = _understood(pattern, one.data)
    if call is None:
        return
    asked = json.loads(one.data) if endpoint in BODIES else {}
    bounds = [_got(asked, path) for path in BOUNDS.get(endpoint, ())]
    bounds = [bound for bound in bounds if type(bound) is int and bound > 0]
    if call.output_bound is not None and bounds:
        assert call.output_bound >= min(bounds)
    for count in (_got(asked, path) for path in CHOICES.get(endpoint, ())):
        assert type(count) is not int or call.choices >= count


def form(case: bytes) -> None:
    """Check the forms of audio and images: only a GatewayError comes out."""
    one = read_case(case)
    call = _understood(MINIMAL[one.choice(0, FORMS)][0], one.data)
    assert call is None or call.body_bytes >= 0


def _understood(pattern: Asked, body: bytes) -> Call | None:
    """Read a request and ask everything of it that admission and sending ask; None where it is refused."""
    wire = FORMATS[pattern.endpoint]
    headers = {"Content-Type": pattern.content_type}
    call = None
    with suppress(GatewayError):
        call = wire.read(Request(pattern.endpoint, "01J", body, headers, pattern.params, pattern.query))
    if call is None:
        return None
    assert call.output_bound is None or call.output_bound >= 0
    assert call.choices >= 1
    with suppress(GatewayError):
        for cap in (None, 1):
            assert wire.outgoing(call, ROUTE, cap=cap, asks_usage=True).body
    wire.is_visible(call, ROUTE)
    with suppress(GatewayError):
        as_json(wire.prompt(call))
        assert all(isinstance(text, str) for text in wire.prompt_texts(call))
    return call
