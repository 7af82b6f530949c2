"""What the requests say: what is held for them, what is refused, and what goes upstream."""

import json
from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.model import Call, Endpoint, MediaKind, Provider
from gateway.providers.dialect import FORMATS
from gateway.providers.multipart import File, read_form
from gateway.tokens import bound
from tests.providers.calls import route_to
from tests.providers.media_formats.calls import BODIES, FORMS, PICTURE, SOUND, asked, read

ALL = [*FORMS, *BODIES]
PROVIDER = Provider("p", "openai", "http://127.0.0.1:1/v1")
MEGABYTE = File("long.mp3", "audio/mpeg", bytes(2_000_000))


def sent(call: Call, model: str = "upstream") -> dict[str, Any]:
    """Give what goes upstream, decoded."""
    outgoing = FORMATS[call.endpoint].outgoing(call, route_to(model), cap=None, asks_usage=True)
    if outgoing.content_type.startswith("multipart/"):
        return read_form(outgoing.body, {"content-type": outgoing.content_type})
    decoded: dict[str, Any] = json.loads(outgoing.body)
    return decoded


def refused(endpoint: Endpoint, **fields: Any) -> str | None:
    """Give the field that a refusal names."""
    with pytest.raises(BadRequest) as caught:
        asked(endpoint, **fields)
    return caught.value.param


@pytest.mark.parametrize("endpoint", ALL)
def test_only_the_model_changes(endpoint: Endpoint) -> None:
    """All other fields and files reach the provider as they were read, unknown ones too."""
    call = asked(endpoint, voice="coral", unknown="as it is")
    start = {**(FORMS | BODIES)[endpoint], "voice": "coral", "unknown": "as it is"}
    assert sent(call) == {**start, "model": "upstream"}
    assert call.model == start["model"]
    assert (call.can_cap, FORMATS[endpoint].is_visible(call, route_to("m"))) == (False, False)


@pytest.mark.parametrize("endpoint", ALL)
def test_nothing_else_decides_where_a_call_goes(endpoint: Endpoint) -> None:
    """Addresses and several models are refused, a field in another spelling too."""
    assert refused(endpoint, api_base="http://elsewhere") == "api_base"
    assert refused(endpoint, Model="other") == "Model"
    assert refused(endpoint, model="no model") == "model"


@pytest.mark.parametrize("endpoint", [one for one in ALL if one is not Endpoint.MODERATIONS])
def test_a_model_is_needed(endpoint: Endpoint) -> None:
    """Without one nobody knows where to send the call."""
    assert refused(endpoint, model=None) == "model"


@pytest.mark.parametrize("endpoint", ALL)
def test_the_purpose_is_ours(endpoint: Endpoint) -> None:
    """It is read from the metadata, which the SDK flattens in a form, and does not go upstream."""
    metadata = {"metadata[purpose]": "QA"} if endpoint in FORMS else {"metadata": {"purpose": "QA"}}
    call = asked(endpoint, **metadata)
    assert call.purpose == "QA"
    assert not [name for name in sent(call) if "metadata" in name]


# ---------------------------------------------------------------- transcriptions


def test_a_sound_is_held_by_its_size() -> None:
    """It is a medium of so many characters, and the texts beside it are all that counts as text."""
    call = asked(Endpoint.TRANSCRIPTIONS, prompt="Names: Ada")
    (media,) = call.media
    assert (media.kind, media.characters) == (MediaKind.AUDIO, 4_000)
    held = bound(call, PROVIDER).prompt_tokens
    assert 3_000 / 2_000 * 20 <= held < 200
    assert FORMATS[call.endpoint].prompt(call) == {"model": "gpt-4o-transcribe", "prompt": "Names: Ada"}


@pytest.mark.parametrize(
    ("model", "fields", "bound_tokens"),
    [
        ("gpt-4o-transcribe", {}, 2_000),
        ("gpt-4o-mini-transcribe-2025-12-15", {"file": MEGABYTE}, 2_000),
        ("gpt-4o-transcribe-diarize", {"file": MEGABYTE, "chunking_strategy": "auto"}, 7_616),
        ("gpt-4o-transcribe", {"file": MEGABYTE, "chunking_strategy[type]": "server_vad"}, 7_616),
        ("whisper-1", {}, 4_096),
        ("whisper-1", {"file": MEGABYTE}, 7_616),
    ],
)
def test_a_transcript_is_bounded(model: str, fields: dict[str, Any], bound_tokens: int) -> None:
    """By what the model may write, or by the windows of half a minute that the sound may have at the least rate."""
    assert asked(Endpoint.TRANSCRIPTIONS, model=model, **fields).output_bound == bound_tokens


def test_a_transcript_is_streamed_when_asked() -> None:
    """The form's word says so."""
    assert not asked(Endpoint.TRANSCRIPTIONS).stream
    assert asked(Endpoint.TRANSCRIPTIONS, stream="true").stream
    assert refused(Endpoint.TRANSCRIPTIONS, stream="maybe") == "stream"


def test_a_sound_is_needed() -> None:
    """A file with a name, not empty; or an address, for which the worst is held."""
    assert refused(Endpoint.TRANSCRIPTIONS, file=None) == "file"
    assert refused(Endpoint.TRANSCRIPTIONS, file="text") == "file"
    assert refused(Endpoint.TRANSCRIPTIONS, file=File("a", "b/c", b"")) == "file"
    call = asked(Endpoint.TRANSCRIPTIONS, file=None, url="https://sounds.example/1.mp3")
    assert call.media[0].characters == 0
    assert bound(call, PROVIDER).prompt_tokens > 40_000


# ---------------------------------------------------------------- speech


def test_speech_is_held_by_its_text() -> None:
    """For a slow voice, slower still where the request says so; always as a stream."""
    text = "x" * 600
    call = asked(Endpoint.SPEECH, input=text)
    assert call.stream
    assert call.output_bound == 1_292  # a minute and two seconds, of 1,250 tokens a minute
    slow = asked(Endpoint.SPEECH, input=text, speed=0.5).output_bound
    assert slow == 2_542
    assert asked(Endpoint.SPEECH, input=text, speed=4).output_bound == call.output_bound
    assert FORMATS[call.endpoint].prompt(asked(Endpoint.SPEECH, instructions="Softly")) == {
        "input": "Hello there",
        "instructions": "Softly",
    }


def test_characters_that_are_billed_are_held() -> None:
    """`tts-1` has no tokens: each character counts as one of the input."""
    call = asked(Endpoint.SPEECH, model="tts-1-hd", input="abcdefg")
    assert call.output_bound == 0
    assert FORMATS[call.endpoint].prompt(call) == {"input": ["abc", "def", "g"]}


@pytest.mark.parametrize(
    ("name", "value"),
    [("input", ""), ("input", ["a"]), ("input", "x" * 100_001), ("speed", "1"), ("speed", 0), ("speed", True)],
)
def test_wrong_speech_is_refused(name: str, value: Any) -> None:
    """What decides how much is held is checked."""
    assert refused(Endpoint.SPEECH, **{name: value}) == name


# ---------------------------------------------------------------- pictures


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({}, 6_240),
        ({"quality": "low", "size": "1024x1024"}, 272),
        ({"quality": "medium", "size": "1024x1536"}, 1_584),
        ({"quality": "high", "size": "1536x1024"}, 6_208),
        ({"quality": "auto", "size": "auto"}, 6_240),
        ({"quality": "low"}, 408),
        ({"quality": "high", "size": "2048x2048"}, 16_640),
        ({"quality": "low", "size": "1024x1024", "partial_images": 2}, 472),
        ({"model": "dall-e-3"}, 1_056),
        ({"model": "dall-e-3", "quality": "hd", "size": "1024x1024"}, 4_160),
        ({"model": "dall-e-2", "size": "256x256"}, 1_056),
        ({"model": "gpt-image-2", "quality": "low", "size": "1024x1024"}, 196),
        ({"model": "gpt-image-2", "quality": "high", "size": "1536x1024"}, 5_488),
        ({"model": "gpt-image-2"}, 7_024),
        ({"model": "gpt-image-2", "quality": "high", "size": "3584x2048"}, 12_329),
        ({"model": "gpt-image-2.5-flare", "quality": "max", "size": "1024x1024"}, 28_096),
    ],
)
def test_a_picture_has_its_documented_tokens(fields: dict[str, Any], tokens: int) -> None:
    """By size and quality; what is left to the model counts as its most, each partial picture as a hundred more."""
    assert asked(Endpoint.IMAGES, **fields).output_bound == tokens


def test_several_pictures_are_several_choices() -> None:
    """`n` of them, in JSON as a number and in a form as text."""
    assert asked(Endpoint.IMAGES, n=4).choices == 4
    assert asked(Endpoint.IMAGE_EDITS, n="4").choices == 4
    assert asked(Endpoint.IMAGE_EDITS).choices == 1
    for value in (0, 11, True, "4"):
        assert refused(Endpoint.IMAGES, n=value) == "n"
    for name, text in (("n", "0"), ("n", "x"), ("partial_images", "4")):
        assert refused(Endpoint.IMAGE_EDITS, **{name: text}) == name


def test_pictures_to_edit_are_media() -> None:
    """Each file with its sides, the mask too; there is one at least."""
    call = asked(Endpoint.IMAGE_EDITS, image=None, **{"image[]": (PICTURE, PICTURE), "mask": PICTURE})
    assert [(one.kind, one.width, one.height) for one in call.media] == [(MediaKind.IMAGE, 512, 512)] * 3
    assert refused(Endpoint.IMAGE_EDITS, image=None) == "image"


def test_edits_may_be_json() -> None:
    """Pictures are data URLs, addresses or stored files; inline ones stop counting as text."""
    inline = "data:image/png;base64," + "A" * 4_000
    images = [{"image_url": inline}, {"image_url": "https://images.example/1.png"}, {"file_id": "file-1"}]
    call = asked(Endpoint.IMAGE_EDITS, is_form=False, model="gpt-image-1", prompt="A hat", images=images)
    assert [one.characters for one in call.media] == [4_000, 0, 0]
    assert call.body_bytes - 4_000 < 400
    assert FORMATS[call.endpoint].prompt(call) == {"model": "gpt-image-1", "prompt": "A hat"}
    assert sent(call)["images"] == images


def test_a_form_field_that_must_be_text_is_no_file() -> None:
    """Nor is the file dropped without a word."""
    for name in ("prompt", "size", "quality", "model", "user"):
        assert refused(Endpoint.IMAGE_EDITS, **{name: SOUND}) == name


# ---------------------------------------------------------------- moderations


def test_openais_moderation_is_free() -> None:
    """Nothing is held for it; a request may leave out the model; what other servers bill is counted."""
    assert asked(Endpoint.MODERATIONS, model=None).model == "omni-moderation-latest"
    assert bound(asked(Endpoint.MODERATIONS), PROVIDER).prompt_tokens == 0
    assert not asked(Endpoint.MODERATIONS, model="mistral-moderation-latest").is_free
    assert not asked(Endpoint.MODERATIONS, model="not-omni-moderation-1").is_free


def test_pictures_are_judged_too() -> None:
    """An input may be parts of a message."""
    parts = [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "https://images.example/1"}}]
    call = asked(Endpoint.MODERATIONS, model="m", input=parts)
    assert len(call.media) == 1
    assert FORMATS[call.endpoint].prompt(call) == {"input": parts[:1]}
    assert list(FORMATS[call.endpoint].prompt_texts(call)) == ["Hi"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [({"input": None}, "input"), ({"input": 7}, "input"), ({"input": [7]}, "input[0]"), ({"stream": True}, "stream")],
)
def test_wrong_moderations_are_refused(fields: dict[str, Any], name: str) -> None:
    """The field is named."""
    assert refused(Endpoint.MODERATIONS, **fields) == name


# ---------------------------------------------------------------- rankings


def test_the_query_is_read_with_each_document() -> None:
    """So it is held as often, and stands before each in what is counted."""
    query, documents = "q" * 1_000, ["a", "b", "c", {"text": "d"}]
    call = asked(Endpoint.RERANK, query=query, documents=documents)
    assert 4_000 < call.body_bytes < 4_400
    assert FORMATS[call.endpoint].prompt(call) == {"documents": [[query, one] for one in documents]}
    assert list(FORMATS[call.endpoint].prompt_texts(call)) == [query, "a", "b", "c", "d"]
    assert not call.has_unseen


def test_a_document_elsewhere_is_unseen() -> None:
    """A picture that the provider fetches has no size here."""
    assert asked(Endpoint.RERANK, documents=[{"image": "https://images.example/1.png"}]).has_unseen


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"query": ""}, "query"),
        ({"documents": []}, "documents"),
        ({"documents": None}, "documents"),
        ({"documents": ["a"] * 10_001}, "documents"),
        ({"documents": ["a", 1]}, "documents[1]"),
        ({"stream": True}, "stream"),
    ],
)
def test_wrong_rankings_are_refused(fields: dict[str, Any], name: str) -> None:
    """The field is named."""
    assert refused(Endpoint.RERANK, **fields) == name


def test_json_is_no_form() -> None:
    """A transcription whose body is JSON is refused before it is read; so is a form without its boundary."""
    with pytest.raises(BadRequest):
        read(Endpoint.TRANSCRIPTIONS, b"{}", "application/json")
