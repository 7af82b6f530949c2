"""What a request in Converse's words means, and what is refused in it."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.model import Endpoint, Media, MediaKind, Request
from gateway.providers.bedrock import converse
from tests.providers.bedrock.calls import BODY, CLAUDE, LLAMA, ask, say

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x20\0\0\0\x10" + b"\0" * 20).decode()
PDF = base64.b64encode(b"%PDF-1.4 /Type /Page /Type /Page ").decode()
CSV = base64.b64encode(b"name,age\nAda,36").decode()
AT_S3 = {"s3Location": {"uri": "s3://bucket/key"}}
PROMPT_ARN = "arn:aws:bedrock:eu-central-1:111122223333:prompt/PROMPT12345:1"
IMAGE = Media(MediaKind.IMAGE, characters=len(PNG), width=32, height=16)
FIELDS = "additionalModelRequestFields"
BOUND = "inferenceConfig.maxTokens"
BLOCKS = ("text", "document", "toolResult", "guardContent", "content")


def extra(**fields: Any) -> dict[str, Any]:
    """Give a model's own parameters as they stand in a body."""
    return {FIELDS: fields}


def tools(*given: dict[str, Any]) -> dict[str, Any]:
    """Give tools as they stand in a body."""
    return {"toolConfig": {"tools": list(given)}}


def test_a_conversation() -> None:
    """The Call says what the path and the body say."""
    call = ask(inferenceConfig={"maxTokens": 9, "topP": 1}, **tools({"toolSpec": {"name": "f"}}, {"cachePoint": {}}))
    assert (call.model, call.stream, call.wants_usage, call.choices, call.output_bound) == (LLAMA, False, True, 1, 9)
    assert (call.has_tools, call.has_unseen, call.can_cap) == (True, False, True)
    assert (call.thinks, call.least_output) == (False, 1)
    assert ask(stream=True).stream
    assert (ask().output_bound, ask().has_tools) == (None, False)


def test_the_purpose_stands_in_the_metadata() -> None:
    """`requestMetadata.purpose` is the gateway's."""
    assert ask(requestMetadata={"purpose": "QA", "team": "a"}).purpose == "QA"
    assert ask(requestMetadata={}).purpose is None


@pytest.mark.parametrize(
    ("block", "media", "has_unseen"),
    [
        ({"image": {"format": "png", "source": {"bytes": PNG}}}, [IMAGE], False),
        ({"image": {"format": "png", "source": AT_S3}}, [Media(MediaKind.IMAGE)], False),
        (
            {"document": {"format": "pdf", "source": {"bytes": PDF}}},
            [Media(MediaKind.DOCUMENT, characters=len(PDF), pages=2)],
            False,
        ),
        ({"document": {"format": "csv", "source": {"bytes": CSV}}}, [], False),
        ({"document": {"format": "txt", "source": {"text": "Hello"}}}, [], False),
        ({"document": {"format": "pdf", "source": AT_S3}}, [Media(MediaKind.DOCUMENT)], True),
        ({"document": {"format": "txt", "source": AT_S3}}, [Media(MediaKind.DOCUMENT)], True),
        ({"video": {"format": "mp4", "source": {"bytes": "AAAA"}}}, [Media(MediaKind.VIDEO, characters=4)], False),
        ({"video": {"format": "mp4", "source": AT_S3}}, [Media(MediaKind.VIDEO)], True),
        ({"audio": {"format": "wav", "source": {"bytes": "AAAA"}}}, [Media(MediaKind.AUDIO, characters=4)], False),
        ({"guardContent": {"image": {"format": "png", "source": {"bytes": PNG}}}}, [IMAGE], False),
        (
            {"toolResult": {"toolUseId": "t", "content": [{"image": {"format": "png", "source": {"bytes": PNG}}}]}},
            [IMAGE],
            False,
        ),
        ({"text": "Hello"}, [], False),
        ({"image": {"source": {"bytes": 5}}}, [], False),
        ({"image": "x", "document": None, "toolResult": {"content": "x"}}, [], False),
    ],
)
def test_media(block: dict[str, Any], media: list[Media], has_unseen: bool) -> None:
    """What is not text is media, wherever it stands, and is taken out of the prompt that is counted."""
    call = say(block)
    assert list(call.media) == media
    assert call.has_unseen is has_unseen
    counted = str(converse.prompt(call))
    assert PNG not in counted
    assert PDF not in counted


def test_a_text_document_counts_as_its_text() -> None:
    """A document whose format is text is read as the model will read it; a flawed one counts as it stands."""
    document = {"document": {"format": "csv", "name": "people", "source": {"bytes": CSV}}}
    call = say({"text": "Who?"}, document, {"toolResult": {"content": [{"text": "11 degrees"}]}})
    assert "name,age" in str(converse.prompt(call))
    assert list(converse.prompt_texts(call)) == ["Who?", "name,age\nAda,36", "11 degrees"]
    flawed = say({"document": {"format": "csv", "source": {"bytes": "%%%"}}})
    assert "%%%" in str(converse.prompt(flawed))
    assert list(converse.prompt_texts(flawed)) == []


def test_the_prompts_own_texts() -> None:
    """Texts are found in order, wherever they stand."""
    call = say(
        {"text": "a"},
        {"guardContent": {"text": {"text": "b"}}},
        {"document": {"format": "txt", "source": {"content": [{"text": "c"}]}}},
        {"cachePoint": {"type": "default"}},
    )
    assert list(converse.prompt_texts(call)) == ["a", "b", "c"]


def test_a_tools_result_comes_last() -> None:
    """A call whose last message brings a tool's result is a turn of that tool."""
    assert say({"toolResult": {"toolUseId": "t", "content": [{"json": {}}]}}).is_tool_turn
    assert not say({"text": "Hi"}).is_tool_turn


def test_tools_that_bedrock_runs() -> None:
    """They find what nobody bounds, and each round is one more completion."""
    call = ask(**tools({"systemTool": {"name": "nova_grounding"}}))
    assert (call.has_tools, call.has_unseen, call.choices) == (True, True, 10)


@pytest.mark.parametrize(
    ("fields", "choices", "has_unseen"),
    [
        ({"tools": [{"type": "computer_20250124", "name": "computer"}]}, 1, False),
        ({"tools": [{"type": "web_search_20250305", "max_uses": 2}]}, 3, True),
        ({"tools": [{"type": "tool_search_tool_regex"}]}, 10, True),
    ],
)
def test_a_models_own_tools(fields: dict[str, Any], choices: int, has_unseen: bool) -> None:
    """Claude's tools stand among a model's own parameters."""
    call = ask(CLAUDE, **extra(**fields))
    assert (call.has_tools, call.choices, call.has_unseen) == (True, choices, has_unseen)


@pytest.mark.parametrize("fields", [{"promptVariables": {"a": {"text": "b"}}}, {"messages": None}])
def test_a_stored_prompt(fields: dict[str, Any]) -> None:
    """A prompt that Bedrock stores is unseen, and takes no bound of ours."""
    call = ask(PROMPT_ARN, **fields)
    assert (call.model, call.has_unseen, call.can_cap, call.output_bound) == (PROMPT_ARN, True, False, None)
    assert list(converse.prompt_texts(call)) == ([] if "messages" in fields else ["Hi"])


@pytest.mark.parametrize(
    ("model", "fields", "thinks"),
    [
        (LLAMA, {}, False),
        ("amazon.nova-2-lite-v1:0", {}, False),
        ("eu.amazon.nova-2-lite-v1:0", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, True),
        ("openai.gpt-oss-120b-1:0", {"reasoning_effort": "high"}, False),
        ("openai.gpt-5.6", {}, True),
        ("unheard-of.model", {"reasoning_effort": "low"}, True),
        ("deepseek.r1-v1:0", {}, False),
        (CLAUDE, {}, False),
        ("anthropic.claude-opus-5-v1", {}, True),
        (CLAUDE, {"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        (CLAUDE, {"reasoning_config": {"type": "enabled", "budget_tokens": 1024}}, True),
        ("anthropic.claude-opus-5-v1", {"thinking": {"type": "disabled"}}, False),
        ("arn:aws:bedrock:eu-central-1:1:application-inference-profile/abc", {}, None),
    ],
)
def test_who_thinks_unseen(model: str, fields: dict[str, Any], thinks: bool | None) -> None:
    """A request says it, or the model's name; of an ARN nobody knows."""
    assert ask(model, **extra(**fields)).thinks is thinks


def test_thinking_leaves_room() -> None:
    """The bound has to stay above what thinking may take."""
    fields = extra(thinking={"type": "enabled", "budget_tokens": 1024})
    assert ask(CLAUDE, inferenceConfig={"maxTokens": 2000}, **fields).least_output == 1025
    assert ask(CLAUDE, **fields).least_output == 1


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"content": [{"text": "Hi"}]}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["Hi"]}]}, "messages[0].content[0]"),
        ({"inferenceConfig": []}, "inferenceConfig"),
        *(
            ({"inferenceConfig": {"maxTokens": wrong}}, "inferenceConfig.maxTokens")
            for wrong in (0, -1, 1.5, "9", True)
        ),
        ({"toolConfig": {"tools": {}}}, "toolConfig.tools"),
        ({"toolConfig": {"tools": ["f"]}}, "toolConfig.tools[0]"),
        ({"system": "Be brief."}, "system"),
        ({"system": ["Be brief."]}, "system[0]"),
        ({"system": [{"image": {}}]}, "system[0].image"),
        ({"requestMetadata": []}, "requestMetadata"),
        ({"promptVariables": []}, "promptVariables"),
        ({"modelId": "other"}, "modelId"),
        (extra(max_tokens=9), f"{FIELDS}.max_tokens"),
        (extra(MaxTokens=9), f"{FIELDS}.MaxTokens"),
        (extra(max_gen_len=9), f"{FIELDS}.max_gen_len"),
        (extra(maxTokenCount=9), f"{FIELDS}.maxTokenCount"),
        (extra(num_generations=2), f"{FIELDS}.num_generations"),
        (extra(n=2), f"{FIELDS}.n"),
        (extra(inferenceConfig={"max_new_tokens": 9}), f"{FIELDS}.inferenceConfig.max_new_tokens"),
        (extra(textGenerationConfig={"maxTokenCount": 9}), f"{FIELDS}.textGenerationConfig.maxTokenCount"),
        (extra(thinking="enabled"), f"{FIELDS}.thinking"),
        (extra(thinking={"budget_tokens": "9"}), f"{FIELDS}.thinking.budget_tokens"),
        (extra(thinking={"budget_tokens": -9}), f"{FIELDS}.thinking.budget_tokens"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], param: str) -> None:
    """Fields that metering relies on are refused where they are wrong, and so is what would escape it."""
    with pytest.raises(BadRequest) as caught:
        ask(**fields)
    assert caught.value.param == param


def test_a_models_own_parameters_pass() -> None:
    """What bounds nothing is the model's own business."""
    call = ask("amazon.nova-lite-v1:0", **extra(inferenceConfig={"topK": 20}, top_k=5, max_tokens=None))
    assert call.body[FIELDS] == {"inferenceConfig": {"topK": 20}, "top_k": 5, "max_tokens": None}


@pytest.mark.parametrize("model", ["", "a b", "x" * 201])
def test_a_wrong_model_is_named(model: str) -> None:
    """The path's model is checked as a body's."""
    with pytest.raises(BadRequest) as caught:
        ask(model)
    assert caught.value.param == "model"


JSONS = st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*BLOCKS, "image", "source", "bytes"]), inner),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(BLOCKS), JSONS), min_size=1))
def test_any_content_is_taken_or_refused(content: list[dict[str, Any]]) -> None:
    """Whatever stands in a message, it is a Call or a 400, and can be counted."""
    call = say(*content)
    assert all(part.characters >= 0 for part in call.media)
    assert converse.prompt(call)["messages"][0]["role"] == "user"
    assert all(type(text) is str for text in converse.prompt_texts(call))


def test_headers_and_session() -> None:
    """Of the headers those on the list go upstream; the session is the gateway's."""
    headers = {"Authorization": "Bearer x", "Accept": "application/json", "X-Amz-Date": "now"}
    request = Request(Endpoint.CONVERSE, "01J", str(BODY).replace("'", '"').encode(), headers, {"model": "m"}, {}, "s")
    call = converse.read(request)
    assert (call.headers, call.session) == ({"accept": "application/json"}, "s")
