"""A request is understood exactly, or refused with the name of the field."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.model import Endpoint, Media, MediaKind, Request
from gateway.providers.openai import chat
from tests.providers.calls import BODIES, CHAT, ask, call_of

MESSAGE = {"role": "user", "content": "Hi"}
C, P, E = Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS


def test_a_call_says_what_metering_needs() -> None:
    """A body with everything in it becomes a Call with all of it."""
    body = CHAT | {
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 100,
        "n": 3,
        "prompt_cache_key": "k",
        "metadata": {"purpose": "QA"},
        "user": "u",
        "temperature": 0.7,
    }
    data = json.dumps(body).encode()
    headers = {"Authorization": "Bearer secret", "OpenAI-Beta": "x"}
    call = chat.read(Request(C, "01J", data, headers))
    assert (call.id, call.endpoint, call.model, call.body, call.body_bytes) == (
        "01J",
        C,
        "gpt-4o-mini",
        body,
        len(data),
    )
    assert (call.stream, call.wants_usage, call.output_bound, call.choices, len(call.media)) == (True, True, 100, 3, 0)
    assert (call.session, call.headers) == ("k", {"openai-beta": "x"})


@pytest.mark.parametrize(
    ("header", "key", "session"),
    [("h", "k", "h"), (None, "k", "k"), ("", "k", "k"), (None, "", None), (None, None, None)],
)
def test_the_session(header: str | None, key: str | None, session: str | None) -> None:
    """A header names the session, else the prompt cache key does."""
    assert call_of(CHAT | {"prompt_cache_key": key}, session=header).session == session


@pytest.mark.parametrize(
    ("endpoint", "fields", "bound"),
    [
        (C, {}, None),
        (C, {"max_tokens": None, "max_completion_tokens": None}, None),
        (C, {"max_tokens": 5}, 5),
        (C, {"max_completion_tokens": 7}, 7),
        (C, {"max_tokens": 5, "max_completion_tokens": 7}, 7),
        (C, {"max_tokens": 7, "max_completion_tokens": 5}, 7),
        (P, {}, 16),
        (P, {"max_tokens": 1}, 1),
        (E, {"max_tokens": 5}, 0),
    ],
)
def test_the_output_bound(endpoint: Endpoint, fields: dict[str, Any], bound: int | None) -> None:
    """The larger limit bounds; legacy completions have a default; embeddings produce nothing."""
    assert ask(endpoint, **fields).output_bound == bound


@pytest.mark.parametrize(
    ("endpoint", "fields", "choices"),
    [
        (C, {}, 1),
        (C, {"n": None}, 1),
        (C, {"n": 128}, 128),
        (P, {"n": 2, "best_of": 5}, 5),
        (P, {"prompt": ["a", "b", "c"], "n": 2}, 6),
        (P, {"prompt": [1, 2, 3]}, 1),
        (P, {"prompt": [[1, 2], [3]]}, 2),
        (E, {"input": ["a", "b"]}, 1),
    ],
)
def test_the_choices(endpoint: Endpoint, fields: dict[str, Any], choices: int) -> None:
    """Choices multiply: the larger of n and best_of, for each prompt."""
    assert ask(endpoint, **fields).choices == choices


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAACAAAAAQCAYAAAB3AH1ZAAAA"
IMAGE, AUDIO, VIDEO, DOCUMENT = MediaKind.IMAGE, MediaKind.AUDIO, MediaKind.VIDEO, MediaKind.DOCUMENT


@pytest.mark.parametrize(
    "content",
    [
        "Hi",
        None,
        [],
        [{"type": "text", "text": "Hi"}, {"type": "refusal", "refusal": "no"}],
        [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}],
    ],
)
def test_text_is_no_medium(content: Any) -> None:
    """Texts of all kinds are counted by their bytes."""
    assert ask(messages=[MESSAGE, {"role": "user", "content": content}]).media == ()


@pytest.mark.parametrize(
    ("part", "medium"),
    [
        (
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
            Media(IMAGE, len(PIXEL), 32, 16, detail="low"),
        ),
        ({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}, Media(IMAGE)),
        ({"type": "image_url", "image_url": f"data:image/png;base64,{PIXEL}"}, Media(IMAGE, len(PIXEL), 32, 16)),
        ({"type": "input_image", "image_url": "data:image/png;base64,AA=="}, Media(IMAGE, 4)),
        ({"type": "image_file", "image_file": {"file_id": "file-1", "detail": "high"}}, Media(IMAGE, detail="high")),
        ({"type": "input_audio", "input_audio": {"data": "AAAAAAAA", "format": "mp3"}}, Media(AUDIO, 8)),
        ({"type": "audio_url", "audio_url": {"url": "https://example.org/a.mp3"}}, Media(AUDIO)),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
            Media(DOCUMENT, 4),
        ),
        ({"type": "file", "file": {"file_data": "data:text/plain,Hello"}}, Media(DOCUMENT)),
        ({"type": "video_url", "video_url": {"url": "u"}}, Media(VIDEO)),
        ({"type": "hologram", "data": "AAAA"}, Media(IMAGE)),
        ({"image_url": f"data:image/png;base64,{PIXEL}"}, Media(IMAGE)),
        ({"type": "image_url", "image_url": {"url": 7, "detail": 7}}, Media(IMAGE)),
    ],
)
def test_media_parts(part: dict[str, Any], medium: Media) -> None:
    """A part that is not text has a kind, and its inline base64 its own description; an unknown one stays text too."""
    assert ask(messages=[MESSAGE, {"role": "user", "content": [part, part]}]).media == (medium, medium)


def test_a_model_in_the_path_wins() -> None:
    """Azure's clients name the deployment in the path; the body may name another, or none."""
    for body in (CHAT, {"messages": [MESSAGE]}):
        assert chat.read(Request(C, "01J", json.dumps(body).encode(), params={"model": "mine"})).model == "mine"


@pytest.mark.parametrize(
    ("endpoint", "fields", "param", "code"),
    [
        (C, {"model": None}, "model", "missing_required_parameter"),
        (C, {"model": ""}, "model", "invalid_value"),
        (C, {"model": 4}, "model", "invalid_type"),
        (C, {"model": "a b"}, "model", "invalid_value"),
        (C, {"model": "gpt\n"}, "model", "invalid_value"),
        (C, {"model": "m" * 201}, "model", "invalid_value"),
        (C, {"messages": None}, "messages", "missing_required_parameter"),
        (C, {"messages": []}, "messages", "invalid_value"),
        (C, {"messages": "Hi"}, "messages", "invalid_type"),
        (C, {"messages": ["Hi"]}, "messages[0]", "invalid_type"),
        (C, {"messages": [MESSAGE, {"content": "Hi"}]}, "messages[1].role", "missing_required_parameter"),
        (C, {"messages": [{"role": 1}]}, "messages[0].role", "invalid_type"),
        (C, {"messages": [{"role": "user", "content": {"a": 1}}]}, "messages[0].content", "invalid_type"),
        (C, {"messages": [{"role": "user", "content": 7}]}, "messages[0].content", "invalid_type"),
        (C, {"messages": [{"role": "user", "content": ["Hi"]}]}, "messages[0].content[0]", "invalid_type"),
        (
            C,
            {"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
            "messages[0].content[0].text",
            "invalid_type",
        ),
        (C, {"messages": [{"role": "user", "content": [{"type": 1}]}]}, "messages[0].content[0].type", "invalid_type"),
        (C, {"stream": "true"}, "stream", "invalid_type"),
        (C, {"stream": 1}, "stream", "invalid_type"),
        (C, {"stream": True, "stream_options": []}, "stream_options", "invalid_type"),
        (C, {"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage", "invalid_type"),
        (C, {"stream_options": {}}, "stream_options", "invalid_value"),
        (C, {"stream": False, "stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        (C, {"tools": {}}, "tools", "invalid_type"),
        (C, {"tools": ["f"]}, "tools[0]", "invalid_type"),
        (C, {"metadata": "QA"}, "metadata", "invalid_type"),
        (C, {"user": 7}, "user", "invalid_type"),
        (C, {"prompt_cache_key": 7}, "prompt_cache_key", "invalid_type"),
        (P, {"prompt": None}, "prompt", "missing_required_parameter"),
        (P, {"prompt": ""}, "prompt", "invalid_value"),
        (P, {"prompt": []}, "prompt", "invalid_value"),
        (P, {"prompt": ["a", 1]}, "prompt", "invalid_value"),
        (P, {"prompt": [True]}, "prompt", "invalid_value"),
        (P, {"prompt": [[1], []]}, "prompt", "invalid_value"),
        (P, {"prompt": [[1], ["a"]]}, "prompt", "invalid_value"),
        (P, {"prompt": 7}, "prompt", "invalid_type"),
        (E, {"input": {"text": "Hi"}}, "input", "invalid_type"),
        (E, {"input": [None]}, "input", "invalid_value"),
        (E, {"stream": True}, "stream", "unsupported_parameter"),
    ],
)
def test_a_wrong_field_is_named(endpoint: Endpoint, fields: dict[str, Any], param: str, code: str) -> None:
    """What metering needs and cannot use is a 400 with the field's path and OpenAI's code."""
    with pytest.raises(BadRequest) as refused:
        ask(endpoint, **fields)
    assert (refused.value.param, refused.value.code, refused.value.status) == (param, code, 400)
    assert f"'{param}'" in refused.value.message


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n", "best_of"])
@pytest.mark.parametrize("value", ["0", "-5", "true", "false", '"9"', "1.0", "1e9", "9.5", "[]", "{}", "1" * 30])
def test_malformed_numbers(name: str, value: str) -> None:
    """A count is an integer of at least 1: anything else but null is a 400 that names it."""
    body = b'{"%s":%s,%s' % (name.encode(), value.encode(), json.dumps(CHAT)[1:].encode())
    with pytest.raises(BadRequest) as refused:
        call_of(body)
    assert refused.value.param == name


@pytest.mark.parametrize("value", ["1e400", "NaN", "Infinity", "-Infinity", "01", "0x10", "+1"])
def test_numbers_that_are_no_json(value: str) -> None:
    """What is no JSON number, or is larger than any float, is a 400."""
    with pytest.raises(BadRequest):
        call_of(b'{"max_tokens":%s,%s' % (value.encode(), json.dumps(CHAT)[1:].encode()))


@given(
    st.sampled_from(list(BODIES)),
    st.dictionaries(
        st.sampled_from(
            ["model", "messages", "prompt", "input", "stream", "stream_options", "max_tokens", "n", "tools", "metadata"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "x"]), inner, max_size=3)
            ),
            max_leaves=8,
        ),
    ),
)
def test_any_body_is_a_call_or_a_400(endpoint: Endpoint, fields: dict[str, Any]) -> None:
    """Whatever the fields hold, the answer is a Call with sound numbers or a refusal that names a field."""
    try:
        call = ask(endpoint, **fields)
    except BadRequest as refused:
        assert refused.param or refused.code == "invalid_json"  # noqa: PT017 - either outcome is right
    else:
        assert call.choices >= 1
        assert call.output_bound is None or call.output_bound >= 0
