"""What answers say they took, and what is assumed where they do not."""

import json
from typing import Any

import pytest

from gateway.model import Endpoint, Usage
from gateway.providers.dialect import FORMATS
from gateway.providers.openai.events import usage_in
from tests.providers.media_formats.calls import asked
from tests.providers.shapes import Shape
from tests.providers.shapes.openai_media import SHAPES

OURS = [one for one in SHAPES if one.endpoint != "embeddings"]
WHOLE = [one for one in OURS if not one.stream and one.endpoint != "speech"]


@pytest.mark.parametrize("shape", WHOLE, ids=lambda shape: shape.name)
def test_documented_answers(shape: Shape) -> None:
    """Each whole answer gives its usage; for a picture without one, what such pictures take is assumed, and marked."""
    endpoint = Endpoint(shape.endpoint)
    usage = FORMATS[endpoint].usage_of(asked(endpoint), shape.body)
    if usage is not None and usage.estimated:
        assert endpoint is Endpoint.IMAGES
        usage = None
    assert usage == shape.usage


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"input_tokens": 5, "output_tokens": 3}, Usage(5, 3)),
        ({"prompt_tokens": 4, "completion_tokens": 635, "total_tokens": 3264}, Usage(2629, 635)),  # Mistral's Voxtral
        ({"total_tokens": 9}, Usage(9, 0)),
        ({"output_tokens": 9}, None),
        ({"input_tokens": 5}, None),
        ({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}, Usage(0, 0)),
        ({"input_tokens": 5, "output_tokens": None, "total_tokens": 7}, Usage(5, 2)),
        ({"type": "duration", "seconds": 9}, Usage(0, 0)),
        ({"input_tokens": True, "output_tokens": 3}, None),
        ({"input_tokens": -1, "output_tokens": 3}, None),
        ({"input_tokens": 5.0, "output_tokens": 3}, None),
        ({"input_tokens": 10**12, "output_tokens": 3}, None),
        (
            {"input_tokens": 5, "output_tokens": 3, "input_token_details": {"audio_tokens": 9, "cached_tokens": 2}},
            Usage(5, 3, cache_read_tokens=2, input_audio_tokens=5),
        ),
        ({"input_tokens": 5, "output_tokens": 3, "input_token_details": None}, Usage(5, 3)),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_usage_is_credible_or_none(raw: Any, usage: Usage | None) -> None:
    """Parts stay within their whole; what the total has beyond both is input; nonsense is no usage."""
    assert usage_in(raw) == usage


@pytest.mark.parametrize(
    ("fields", "body", "texts"),
    [
        ({}, b'{"text":"Honestly."}', ["Honestly."]),
        ({}, b'{"text":""}', [""]),
        ({}, b'{"segments":[{"text":"a"},{"text":"b"},7]}', ["a", "b"]),
        ({"response_format": "text"}, b"Honestly.\n", ["Honestly.\n"]),
        ({"response_format": "text"}, b"123", ["123"]),
        ({"response_format": "vtt"}, b"WEBVTT\n\n00:00.000 --> 00:01.000\nHi", None),
        ({}, b"<html>", []),
    ],
)
def test_a_transcript_is_found(fields: dict[str, Any], body: bytes, texts: list[str] | None) -> None:
    """In JSON, or as it is where the client asked for bare text; silence is an empty text, not a missing one."""
    call = asked(Endpoint.TRANSCRIPTIONS, **fields)
    found = FORMATS[call.endpoint].answer_texts(call, body)
    assert found == ([body.decode()] if texts is None else texts)


def test_pictures_without_a_usage_are_charged_by_their_size() -> None:
    """As many as were asked for; the input is counted by the pipeline, so none is told."""
    call = asked(Endpoint.IMAGES, model="dall-e-3", n=2, size="1024x1024")
    body = json.dumps({"created": 1, "data": [{"url": "https://images.example/1"}] * 2}).encode()
    assert FORMATS[call.endpoint].usage_of(call, body) == Usage(output_tokens=2_112, estimated=True)


def test_billed_characters_are_the_usage_of_speech() -> None:
    """Where a server answers in JSON, too."""
    call = asked(Endpoint.SPEECH, model="tts-1", input="Grüß dich")
    assert FORMATS[call.endpoint].usage_of(call, b"{}") == Usage(9, 0)
    told = b'{"audio":"","usage":{"input_tokens":3,"output_tokens":4}}'
    assert FORMATS[call.endpoint].usage_of(asked(Endpoint.SPEECH), told) == Usage(3, 4)


@pytest.mark.parametrize("told", [0, None, True, -3])
def test_a_search_is_no_token(told: Any) -> None:
    """A ranking that is billed by the search tells no tokens: then it is counted."""
    call = asked(Endpoint.RERANK)
    body = json.dumps({"meta": {"billed_units": {"search_units": 1, "input_tokens": told}}}).encode()
    assert FORMATS[call.endpoint].usage_of(call, body) is None
