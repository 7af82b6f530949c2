"""What would escape metering, or would decide where a call goes, is refused; what only the provider knows is marked."""

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.model import Endpoint
from gateway.providers.openai.refusals import ROUNDS
from tests.providers.calls import BODIES, ask


@pytest.mark.parametrize(
    "fields",
    [
        {"api_base": "http://169.254.169.254/"},
        {"base_url": "http://169.254.169.254/"},
        {"custom_host": "evil.example"},
        {"api_key": "sk-x"},
        {"extra_headers": {"Host": "evil.example"}},
        {"models": ["dear"]},
        {"fallbacks": ["dear"]},
        {"Service_Tier": "fast"},
        {"n_predict": 9},
        {"Model": "dear"},
        {"MAX_TOKENS": 9},
        {"max_token\u017f": 9},
        {"API_Key": "sk-x"},
        {"n_cmpl": 9},
        {"num_predict": -1},
        {"max_new_tokens": 9},
        {"max_output_tokens": 9},
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
    """A feature that is not used is no reason to refuse, nor to hold anything."""
    assert not ask(**fields).has_unseen


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"web_search_options": {}},
        {"search_parameters": {"mode": "on"}},
        {"enable_search": True},
        {"plugins": [{"id": "web"}]},
        {"data_sources": []},
        {"prompt": {"id": "pmpt_1"}},
    ],
)
def test_what_only_the_provider_knows_is_marked(fields: dict[str, Any]) -> None:
    """A search or something stored is reported with the answer: it passes, and a cap is held for it."""
    call = ask(**fields)
    assert (call.has_unseen, call.choices, ask().has_unseen) == (True, 1, False)


@pytest.mark.parametrize(
    "kind", ["web_search", "web_search_preview", "file_search", "mcp", "builtin_function", None, ["x"]]
)
def test_tools_that_the_provider_runs(kind: Any) -> None:
    """A tool of any other type than function and custom may be run by the provider, some rounds of it."""
    call = ask(tools=[{"type": "function", "function": {"name": "f"}}, {"type": kind}], n=2)
    assert (call.has_unseen, call.choices) == (True, 2 * ROUNDS)


def test_tools_that_the_client_runs() -> None:
    """Functions and custom tools are the client's: nothing is held for them."""
    for tools in (
        [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "c"}}],
        [],
        None,
    ):
        call = ask(tools=tools)
        assert (call.has_unseen, call.choices) == (False, 1)


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "file", "file": {"file_id": "file-1"}}]},
        {"content": [{"type": "input_file", "file_id": "file-1"}]},
        {"content": [{"type": "input_file", "file_url": "https://example.org/a.pdf"}]},
        {"content": None, "audio": {"id": "audio_1"}},
    ],
)
def test_stored_inputs(message: dict[str, Any]) -> None:
    """What the provider has stored or fetches costs tokens that the body does not show."""
    call = ask(messages=[{"role": "user", **message}])
    assert (call.has_unseen, call.media) == (True, ())


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o-search-preview",
        "gpt-4o-mini-search-preview-2025-03-11",
        "openai/gpt-5-search-api",
        "gpt-5-search-api-2025-10-14",
        "openrouter/openai/gpt-4o:online",
        "groq/compound",
        "compound-beta-mini",
    ],
)
def test_models_that_search(model: str) -> None:
    """What a model finds by itself is known to its provider only, dated names included."""
    assert ask(model=model).has_unseen


@pytest.mark.parametrize("model", ["gpt-4o", "my-search-previewer", "research-api", "llama:8b", "onliner", "compounds"])
def test_models_that_only_sound_like_it(model: str) -> None:
    """Other names hold nothing more."""
    assert not ask(model=model).has_unseen
