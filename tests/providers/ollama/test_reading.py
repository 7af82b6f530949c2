"""What a request in Ollama's language means, and what is refused in it."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.model import Endpoint, Media, MediaKind, Request
from gateway.providers.ollama import native
from tests.providers.ollama.calls import BODIES, ask

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x20\0\0\0\x10" + b"\0" * 20).decode()


def test_a_chat() -> None:
    """The Call says what the body says: it flows, and nothing bounds it."""
    call = ask(tools=[{"type": "function"}])
    assert (call.model, call.stream, call.wants_usage, call.choices) == ("llama3.2", True, True, 1)
    assert (call.output_bound, call.can_cap, call.has_tools, call.has_unseen) == (None, True, True, False)
    assert (call.is_tool_turn, call.purpose, call.thinks) == (False, None, False)


@pytest.mark.parametrize(("said", "flows"), [(None, True), (True, True), (False, False)])
@pytest.mark.parametrize("endpoint", [Endpoint.OLLAMA_CHAT, Endpoint.OLLAMA_GENERATE])
def test_an_answer_flows_unless_told_not_to(endpoint: Endpoint, said: bool | None, flows: bool) -> None:
    """`stream` that is absent or null is true."""
    assert ask(endpoint, stream=said).stream is flows
    assert ask(endpoint).stream is True


@pytest.mark.parametrize(
    ("options", "bound"),
    [({}, None), (None, None), ({"num_predict": None}, None), ({"num_predict": 7, "num_ctx": 9}, 7)]
    + [({"num_predict": number}, None) for number in (0, -1, -2, -(2**40))],
)
def test_the_output_bound(options: dict[str, Any] | None, bound: int | None) -> None:
    """`num_predict` bounds an answer where it is above 0."""
    assert ask(options=options).output_bound == bound
    assert ask(Endpoint.OLLAMA_GENERATE, options=options).output_bound == bound


def test_a_template_of_ones_own_is_unseen() -> None:
    """It may repeat the prompt: the body's bytes bound no longer what the model reads."""
    assert ask(Endpoint.OLLAMA_GENERATE, template="{{ .Prompt }}{{ .Prompt }}").has_unseen
    assert not ask(Endpoint.OLLAMA_GENERATE, template="").has_unseen


def test_embeddings() -> None:
    """They have no output, do not flow, and nothing can cap them."""
    call = ask(Endpoint.OLLAMA_EMBED, input=["a", "b"], stream=True)
    assert (call.output_bound, call.stream, call.can_cap) == (0, False, False)
    assert list(native.prompt_texts(call)) == ["a", "b"]
    assert list(native.prompt_texts(ask(Endpoint.OLLAMA_EMBED))) == ["Hi"]


def test_a_tools_result_comes_last() -> None:
    """A call whose last message is a tool's is a turn of that tool."""
    messages = [{"role": "user", "content": "x"}, {"role": "tool", "content": "11 degrees", "tool_name": "weather"}]
    assert ask(messages=messages).is_tool_turn
    assert not ask(messages=messages[:1]).is_tool_turn


def test_images_are_media() -> None:
    """Images are known by their own headers, and stand in no prompt that is counted."""
    chat = ask(messages=[{"role": "user", "content": "What is it?", "images": [PNG, "AAAA"]}])
    generate = ask(Endpoint.OLLAMA_GENERATE, images=[PNG])
    image = Media(MediaKind.IMAGE, characters=len(PNG), width=32, height=16)
    assert chat.media == (image, Media(MediaKind.IMAGE, characters=4))
    assert generate.media == (image,)
    for call in (chat, generate):
        assert PNG not in str(native.prompt(call))
        assert call.body_bytes > sum(part.characters for part in call.media)
    assert "What is it?" in str(native.prompt(chat))


def test_the_prompts_own_texts() -> None:
    """What a prompt says itself is found, for counting its characters."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "assistant"}, {"role": "user", "content": "Hi"}]
    assert list(native.prompt_texts(ask(messages=messages))) == ["Be brief.", "Hi"]
    generate = ask(Endpoint.OLLAMA_GENERATE, system="Be brief.", suffix="}")
    assert list(native.prompt_texts(generate)) == ["Be brief.", "Hi", "}"]


@pytest.mark.parametrize(
    ("endpoint", "fields", "param"),
    [
        (Endpoint.OLLAMA_CHAT, {"model": ""}, "model"),
        (Endpoint.OLLAMA_CHAT, {"model": "a b"}, "model"),
        (Endpoint.OLLAMA_CHAT, {"messages": "Hi"}, "messages"),
        (Endpoint.OLLAMA_CHAT, {"messages": ["Hi"]}, "messages[0]"),
        (Endpoint.OLLAMA_CHAT, {"messages": [{"content": "Hi"}]}, "messages[0].role"),
        (Endpoint.OLLAMA_CHAT, {"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        (Endpoint.OLLAMA_CHAT, {"messages": [{"role": "user", "images": PNG}]}, "messages[0].images"),
        (Endpoint.OLLAMA_CHAT, {"messages": [{"role": "user", "images": [1]}]}, "messages[0].images[0]"),
        (Endpoint.OLLAMA_CHAT, {"messages": [{"role": "user", "Images": [PNG]}]}, "messages[0].Images"),
        (Endpoint.OLLAMA_CHAT, {"stream": "no"}, "stream"),
        (Endpoint.OLLAMA_CHAT, {"tools": {}}, "tools"),
        (Endpoint.OLLAMA_CHAT, {"options": []}, "options"),
        (Endpoint.OLLAMA_CHAT, {"options": {"num_predict": 1.5}}, "options.num_predict"),
        (Endpoint.OLLAMA_CHAT, {"options": {"num_predict": True}}, "options.num_predict"),
        (Endpoint.OLLAMA_CHAT, {"options": {"num_predict": "9"}}, "options.num_predict"),
        (Endpoint.OLLAMA_CHAT, {"options": {"num_predict": 2**31}}, "options.num_predict"),
        (Endpoint.OLLAMA_CHAT, {"options": {"NUM_PREDICT": 9}}, "options.NUM_PREDICT"),
        (Endpoint.OLLAMA_CHAT, {"options": {"n_predict": 9}}, "options.n_predict"),
        (Endpoint.OLLAMA_CHAT, {"Options": {}}, "Options"),
        (Endpoint.OLLAMA_CHAT, {"\u017ftream": False}, "\u017ftream"),
        (Endpoint.OLLAMA_CHAT, {"max_tokens": 9}, "max_tokens"),
        (Endpoint.OLLAMA_CHAT, {"num_predict": 9}, "num_predict"),
        (Endpoint.OLLAMA_CHAT, {"base_url": "http://elsewhere.example"}, "base_url"),
        (Endpoint.OLLAMA_GENERATE, {"prompt": ["Hi"]}, "prompt"),
        (Endpoint.OLLAMA_GENERATE, {"suffix": 1}, "suffix"),
        (Endpoint.OLLAMA_GENERATE, {"context": "1,2"}, "context"),
        (Endpoint.OLLAMA_GENERATE, {"images": [{}]}, "images[0]"),
        (Endpoint.OLLAMA_GENERATE, {"Prompt": "Hi"}, "Prompt"),
        (Endpoint.OLLAMA_EMBED, {"input": None}, "input"),
        (Endpoint.OLLAMA_EMBED, {"input": 1}, "input"),
        (Endpoint.OLLAMA_EMBED, {"input": ["a", 1]}, "input[1]"),
    ],
)
def test_a_wrong_field_is_named(endpoint: Endpoint, fields: dict[str, Any], param: str) -> None:
    """Fields that metering relies on are refused where they are wrong, and so is what would escape it."""
    with pytest.raises(BadRequest) as caught:
        ask(endpoint, **fields)
    assert caught.value.param == param


@given(st.sampled_from([*BODIES]), st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=9)))
def test_any_other_field_is_taken_or_refused(endpoint: Endpoint, fields: dict[str, Any]) -> None:
    """A field that nobody knows passes, or is a 400."""
    try:
        call = ask(endpoint, **fields)
    except BadRequest:
        return
    assert fields.items() <= call.body.items()


def test_headers_and_session() -> None:
    """Of the headers those on the list go upstream; the session is the gateway's."""
    headers = {"Authorization": "Bearer x", "Accept": "application/json", "User-Agent": "ollama"}
    body = b'{"model": "m", "prompt": "x"}'
    call = native.read(Request(Endpoint.OLLAMA_GENERATE, "01J", body, headers=headers, session="s"))
    assert (call.headers, call.session) == ({"accept": "application/json"}, "s")
