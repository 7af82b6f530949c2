"""What cannot be bounded, or would decide where a call goes, is refused before anything is sent."""

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.model import Endpoint
from tests.providers.calls import BODIES, ask


@pytest.mark.parametrize(
    "fields",
    [
        {"api_base": "http://169.254.169.254/"},
        {"base_url": "http://169.254.169.254/"},
        {"custom_host": "evil.example"},
        {"api_key": "sk-x"},
        {"extra_headers": {"Host": "evil.example"}},
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"web_search_options": {}},
        {"search_parameters": {"mode": "on"}},
        {"enable_search": True},
        {"plugins": [{"id": "web"}]},
        {"data_sources": []},
        {"models": ["dear"]},
        {"n_predict": 9},
        {"Model": "dear"},
        {"MAX_TOKENS": 9},
        {"max_token\u017f": 9},
        {"API_Key": "sk-x"},
        {"n_cmpl": 9},
        {"num_predict": -1},
        {"max_new_tokens": 9},
        {"max_output_tokens": 9},
        {"prompt": {"id": "pmpt_1"}},
    ],
)
@pytest.mark.parametrize("endpoint", list(BODIES))
def test_a_field_is_refused_by_name(endpoint: Endpoint, fields: dict[str, Any]) -> None:
    """The refusal names the field, on every endpoint."""
    with pytest.raises(BadRequest) as refused:
        ask(endpoint, **fields)
    assert (refused.value.param, refused.value.code) == (next(iter(fields)), "unsupported_parameter")


@pytest.mark.parametrize("fields", [{"api_base": None}, {"web_search_options": None}, {"enable_search": False}])
def test_null_asks_for_nothing(fields: dict[str, Any]) -> None:
    """A feature that is not used is no reason to refuse."""
    assert ask(**fields)


@pytest.mark.parametrize(
    "kind", ["web_search", "web_search_preview", "file_search", "mcp", "builtin_function", None, ["x"]]
)
def test_tools_that_the_provider_runs(kind: Any) -> None:
    """A tool of any other type than function and custom is refused with its place."""
    with pytest.raises(BadRequest) as refused:
        ask(tools=[{"type": "function", "function": {"name": "f"}}, {"type": kind}])
    assert refused.value.param == "tools[1].type"


def test_tools_that_the_client_runs() -> None:
    """Functions and custom tools pass, and so does an empty list or null."""
    for tools in (
        [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "c"}}],
        [],
        None,
    ):
        assert ask(tools=tools)


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"content": [{"type": "file", "file": {"file_id": "file-1"}}]}, "messages[0].content[0].file_id"),
        ({"content": [{"type": "input_file", "file_id": "file-1"}]}, "messages[0].content[0].file_id"),
        ({"content": [{"type": "image_file", "image_file": {"file_id": "f"}}]}, "messages[0].content[0].file_id"),
        ({"content": None, "audio": {"id": "audio_1"}}, "messages[0].audio"),
    ],
)
def test_stored_inputs(message: dict[str, Any], param: str) -> None:
    """What the provider has stored costs tokens that the body does not show."""
    with pytest.raises(BadRequest) as refused:
        ask(messages=[{"role": "user", **message}])
    assert (refused.value.param, refused.value.code) == (param, "unsupported_parameter")


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o-search-preview",
        "gpt-4o-mini-search-preview-2025-03-11",
        "openai/gpt-5-search-api",
        "gpt-5-search-api-2025-10-14",
        "openrouter/openai/gpt-4o:online",
    ],
)
def test_models_that_search(model: str) -> None:
    """A model that searches by itself is refused, dated names included."""
    with pytest.raises(BadRequest) as refused:
        ask(model=model)
    assert (refused.value.param, refused.value.code) == ("model", "unsupported_parameter")


@pytest.mark.parametrize("model", ["gpt-4o", "my-search-previewer", "research-api", "llama:8b", "onlinecoder"])
def test_models_that_only_sound_like_it(model: str) -> None:
    """Other names pass."""
    assert ask(model=model).model == model
