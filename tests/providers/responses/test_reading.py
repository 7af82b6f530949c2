"""A request for a response is understood exactly, or refused with the name of the field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.model import Call, Endpoint, Media, MediaKind, Request
from gateway.providers.openai import responses
from gateway.providers.openai.refusals import ROUNDS
from tests.providers.responses.calls import BODY, PIXEL, ask

FUNCTION = {"type": "function", "name": "f", "parameters": {}}
ASKED = {"role": "user", "content": "Hi"}
DATA_URL = f"data:image/png;base64,{PIXEL}"


def test_a_call_says_what_metering_needs() -> None:
    """A body with everything in it becomes a Call with all of it."""
    call = ask(
        stream=True,
        max_output_tokens=100,
        tools=[FUNCTION],
        prompt_cache_key="k",
        metadata={"purpose": "QA"},
        user="u",
        store=True,
        reasoning={"effort": "low"},
    )
    assert (call.model, call.stream, call.output_bound, call.choices) == ("gpt-4o-mini", True, 100, 1)
    assert (call.session, call.purpose, call.user) == ("k", "QA", "u")
    assert (call.has_tools, call.has_unseen, call.least_output, call.can_cap) == (True, False, 16, True)


def test_a_stream_reports_its_usage_unasked() -> None:
    """Nobody asks for it, so no upstream is asked again without."""
    assert ask(stream=True).wants_usage


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"previous_response_id": "resp_1", "input": None},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"input": [ASKED, {"id": "msg_1"}]},
        {"input": [ASKED, {"type": "reasoning", "id": "rs_1", "summary": []}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://example.org/a.pdf"}]}]},
    ],
)
def test_what_only_the_provider_knows_is_marked(fields: dict[str, Any]) -> None:
    """What is stored or fetched by the provider is no text of the body: a cap is held for it, for one round."""
    call = ask(**fields)
    assert (call.has_unseen, call.choices) == (True, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [FUNCTION, {"type": "web_search"}]},
        {"tools": [{"type": "mcp", "server_url": "https://example.org"}]},
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
        {"tools": [{"type": "image_generation"}]},
        {"tools": [{"type": "shell"}]},
        {"tools": [{"type": "shell", "environment": {"type": "container_auto"}}]},
        {"tools": [{"type": "tool_search"}]},
        {"tools": [{"type": "namespace", "name": "n", "tools": [FUNCTION, {"type": "something_new"}]}]},
        {"tools": [{}]},
        {"tools": [{"type": ["x"]}]},
        {"input": [ASKED, {"type": "additional_tools", "role": "developer", "tools": [{"type": "web_search"}]}]},
        {"prompt": {"id": "pmpt_1"}},
        {"prompt": {"id": "pmpt_1"}, "input": None},
        {"context_management": [{"type": "compaction", "compact_threshold": 1000}]},
    ],
)
def test_tools_that_the_provider_runs_take_rounds(fields: dict[str, Any]) -> None:
    """The bound is that of one round: a response may take several, as many as the client's own limit allows."""
    assert (ask(**fields).has_unseen, ask(**fields).choices) == (True, ROUNDS)
    assert ask(**fields, max_tool_calls=3).choices == 4


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [FUNCTION, {"type": "custom", "name": "c"}, {"type": "local_shell"}, {"type": "apply_patch"}]},
        {
            "tools": [
                {"type": "shell", "environment": {"type": "local"}},
                {"type": "tool_search", "execution": "client"},
            ]
        },
        {"tools": [{"type": "namespace", "name": "n", "tools": [FUNCTION]}], "max_tool_calls": 7},
        {"tools": [], "input": [ASKED, {"type": "reasoning", "encrypted_content": "gAAA", "summary": []}]},
        {"input": [ASKED, {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm"}]}]},
        {"input": [ASKED, {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]},
        {"prompt": None, "conversation": None, "background": False, "context_management": []},
    ],
)
def test_what_the_client_runs_and_sends_is_all_there_is(fields: dict[str, Any]) -> None:
    """Nothing is held beyond the body for tools of the client's own, and for reasoning that it carries itself."""
    call = ask(**fields)
    assert (call.has_unseen, call.choices, call.media) == (False, 1, ())


@pytest.mark.parametrize(
    ("item", "medium"),
    [
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": DATA_URL, "detail": "high"}]},
            Media(MediaKind.IMAGE, len(PIXEL), 32, 16, detail="high"),
        ),
        ({"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}, Media(MediaKind.IMAGE)),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "https://example.org/a.png"}]},
            Media(MediaKind.IMAGE),
        ),
        (
            {"role": "user", "content": [{"type": "input_file", "filename": "a.pdf", "file_data": "AAAA"}]},
            Media(MediaKind.DOCUMENT, 4),
        ),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}]},
            Media(MediaKind.AUDIO, 4),
        ),
        ({"role": "user", "content": [{"type": "input_hologram"}]}, Media(MediaKind.IMAGE)),
        (
            {
                "type": "function_call_output",
                "call_id": "c",
                "output": [{"type": "input_image", "image_url": DATA_URL}],
            },
            Media(MediaKind.IMAGE, len(PIXEL), 32, 16),
        ),
        (
            {"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": DATA_URL}},
            Media(MediaKind.IMAGE, len(PIXEL), 32, 16),
        ),
        (
            {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": PIXEL},
            Media(MediaKind.IMAGE, len(PIXEL), 32, 16),
        ),
    ],
)
def test_media(item: dict[str, Any], medium: Media) -> None:
    """Images, sounds and files are found wherever an item may hold them, and are no text of the prompt."""
    call = ask(input=[ASKED, item])
    assert (call.media, call.has_unseen) == ((medium,), False)
    if medium.characters:
        assert PIXEL not in str(responses.prompt(call))
        assert "AAAA" not in str(responses.prompt(call)["input"])
    assert list(responses.prompt_texts(call)) == ["Hi"]


@pytest.mark.parametrize(
    ("last", "is_turn"),
    [
        ("Hi", False),
        ([ASKED], False),
        ([], False),
        ([ASKED, {"type": "function_call_output", "call_id": "c", "output": "7"}], True),
        ([{"type": "custom_tool_call_output", "call_id": "c", "output": "7"}], True),
    ],
)
def test_a_tools_result_is_a_tool_turn(last: Any, is_turn: bool) -> None:
    """The last item tells."""
    assert ask(input=last).is_tool_turn is is_turn


def test_a_compaction_has_no_bound_and_a_count_is_free() -> None:
    """The siblings take the same input; a compaction cannot be capped, a count produces and costs nothing."""
    compact = ask(Endpoint.RESPONSES_COMPACT, previous_response_id="resp_1")
    assert (compact.output_bound, compact.can_cap, compact.is_free, compact.has_unseen) == (None, False, False, True)
    counted = ask(Endpoint.RESPONSES_INPUT_TOKENS, tools=[{"type": "web_search"}])
    assert (counted.output_bound, counted.can_cap, counted.is_free, counted.choices) == (0, False, True, 1)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"input": None}, "input", "missing_required_parameter"),
        ({"input": 7}, "input", "invalid_type"),
        ({"input": ["Hi"]}, "input[0]", "invalid_type"),
        ({"input": [{"type": 7}]}, "input[0].type", "invalid_type"),
        ({"input": [{"role": "user", "content": 7}]}, "input[0].content", "invalid_type"),
        ({"input": [{"role": "user", "content": [7]}]}, "input[0].content[0]", "invalid_type"),
        ({"input": [{"type": "additional_tools", "tools": 7}]}, "input[0].tools", "invalid_type"),
        ({"instructions": 7}, "instructions", "invalid_type"),
        ({"tools": {}}, "tools", "invalid_type"),
        ({"tools": ["f"]}, "tools[0]", "invalid_type"),
        ({"stream": "true"}, "stream", "invalid_type"),
        ({"max_output_tokens": 0}, "max_output_tokens", "integer_below_min_value"),
        ({"max_output_tokens": 2**31}, "max_output_tokens", "integer_above_max_value"),
        ({"max_output_tokens": True}, "max_output_tokens", "invalid_type"),
        ({"max_output_tokens": 9.5}, "max_output_tokens", "invalid_type"),
        ({"max_tool_calls": -1}, "max_tool_calls", "integer_below_min_value"),
        ({"previous_response_id": 7}, "previous_response_id", "invalid_type"),
        ({"conversation": 7}, "conversation", "invalid_type"),
        ({"prompt": "pmpt_1"}, "prompt", "invalid_type"),
        ({"context_management": {}}, "context_management", "invalid_type"),
        ({"metadata": "QA"}, "metadata", "invalid_type"),
        ({"user": 7}, "user", "invalid_type"),
        ({"prompt_cache_key": 7}, "prompt_cache_key", "invalid_type"),
        ({"background": True}, "background", "unsupported_parameter"),
        ({"max_tokens": 9}, "max_tokens", "unsupported_parameter"),
        ({"max_completion_tokens": 9}, "max_completion_tokens", "unsupported_parameter"),
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"models": ["dear"]}, "models", "unsupported_parameter"),
        ({"api_base": "http://169.254.169.254/"}, "api_base", "unsupported_parameter"),
        ({"Max_Output_Tokens": 9}, "Max_Output_Tokens", "unsupported_parameter"),
        ({"BACKGROUND": True}, "BACKGROUND", "unsupported_parameter"),
        ({"Previous_Response_Id": "r"}, "Previous_Response_Id", "unsupported_parameter"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], param: str, code: str) -> None:
    """What metering needs and cannot use, or what would escape it, is a 400 with the field's path."""
    with pytest.raises(BadRequest) as refused:
        ask(**fields)
    assert (refused.value.param, refused.value.code) == (param, code)


@pytest.mark.parametrize("endpoint", [Endpoint.RESPONSES_COMPACT, Endpoint.RESPONSES_INPUT_TOKENS])
def test_the_siblings_are_not_streamed(endpoint: Endpoint) -> None:
    """Their answer is one object."""
    with pytest.raises(BadRequest) as refused:
        ask(endpoint, stream=True)
    assert refused.value.param == "stream"


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "output", "tools", "image_url", "result"]),
            inner | st.sampled_from(["input_image", "message", "additional_tools", "namespace", "shell"]),
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from(["input", "tools", "prompt", "conversation", "max_output_tokens", "instructions", "metadata"]),
        _ANYTHING,
    )
)
def test_any_body_is_a_call_or_a_400(fields: dict[str, Any]) -> None:
    """Whatever the fields hold, the answer is a Call whose questions can be answered, or a refusal of a field."""
    call: Call | None = None
    try:
        call = ask(**fields)
    except BadRequest as refused:
        assert refused.param or refused.code == "invalid_json"  # noqa: PT017 - either outcome is right
    if call is not None:
        assert responses.prompt(call) is not None
        assert all(type(text) is str for text in responses.prompt_texts(call))


def test_the_session_of_a_header_wins() -> None:
    """A header names the session, else the prompt cache key does; only headers on the list are kept."""
    data = b'{"model":"m","input":"Hi","prompt_cache_key":"k"}'
    call = responses.read(Request(Endpoint.RESPONSES, "01J", data, {"Cookie": "x", "OpenAI-Beta": "y"}, session="h"))
    assert (call.session, call.headers, BODY["input"]) == ("h", {"openai-beta": "y"}, "Hi")


def test_the_level_of_service() -> None:
    """A level has a price of its own."""
    assert (ask(service_tier="priority").service, ask().service) == ("priority", None)
