"""A request in Anthropic's words becomes a Call; a wrong field is a 400 that names it."""

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.model import Endpoint
from tests.providers.anthropic.asking import BODY, HELLO, URL, WEB_SEARCH, ask, call_of

COUNTED = {"model": "claude-sonnet-4-5", "messages": HELLO}
TOOL = {"name": "f", "input_schema": {"type": "object"}}


def test_a_small_request() -> None:
    """The bound is `max_tokens`, there is one answer, and the whole body stays."""
    call = ask()
    assert (call.model, call.output_bound, call.choices, call.stream) == ("claude-sonnet-4-5", 100, 1, False)
    assert (call.least_output, call.can_cap, call.is_free, call.has_unseen) == (1, True, False, False)
    assert call.body == BODY


def test_what_the_gateway_does_not_know_passes() -> None:
    """Fields that nobody here reads stay in the body, whatever they are."""
    fields = {"output_config": {"effort": "high"}, "service_tier": "auto", "x": [1], "top_k": None}
    assert ask(**fields).body == BODY | fields


def test_a_count_is_free() -> None:
    """Counting tokens needs no `max_tokens`, has no output and takes no cap."""
    call = call_of(COUNTED, Endpoint.COUNT_TOKENS)
    assert (call.is_free, call.output_bound, call.can_cap, call.stream) == (True, 0, False, False)


def test_no_output_at_all() -> None:
    """`max_tokens` 0 fills the cache and writes nothing."""
    assert ask(max_tokens=0).output_bound == 0


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 1.0}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"max_tokens": 2**40}, "max_tokens"),
        ({"model": ""}, "model"),
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["Hi"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": 1}]}]}, "messages[0].content[0].type"),
        ({"stream": "yes"}, "stream"),
        ({"system": 3}, "system"),
        ({"thinking": "on"}, "thinking"),
        ({"thinking": {"budget_tokens": 5}}, "thinking.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": -5}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": "5"}}, "thinking.budget_tokens"),
        ({"tools": {}}, "tools"),
        ({"tools": ["f"]}, "tools[0]"),
        ({"tools": [TOOL, {"type": 3}]}, "tools[1].type"),
        ({"tools": [{**WEB_SEARCH, "max_uses": 0}]}, "tools[0].max_uses"),
        ({"tools": [{**WEB_SEARCH, "max_uses": "3"}]}, "tools[0].max_uses"),
        ({"tools": [{"type": "advisor_20260301", "name": "advisor"}]}, "tools[0].model"),
        ({"context_management": []}, "context_management"),
        ({"context_management": {"edits": {}}}, "context_management.edits"),
        ({"thread": "create"}, "thread"),
        ({"metadata": "QA"}, "metadata"),
        ({"metadata": {"user_id": 3}}, "metadata.user_id"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], param: str) -> None:
    """Nothing that decides what is held or charged is guessed."""
    with pytest.raises(BadRequest) as caught:
        ask(**fields)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "name",
    ["fallbacks", "models", "n", "max_completion_tokens", "n_predict", "base_url", "api_key", "Max_Tokens", "THINKING"],
)
def test_what_would_escape_is_refused(name: str) -> None:
    """Another model, another bound, another address, or another spelling of a metered field."""
    with pytest.raises(BadRequest) as caught:
        ask(**{name: ["claude-opus-5"]})
    assert (caught.value.param, caught.value.code) == (name, "unsupported_parameter")


def test_a_null_says_nothing() -> None:
    """A refused field that is null or empty is as good as absent."""
    assert ask(fallbacks=[], n=None).choices == 1


@pytest.mark.parametrize(
    ("model", "thinking", "least", "thinks"),
    [
        ("claude-sonnet-4-5", None, 1, False),
        ("claude-3-7-sonnet-20250219", None, 1, False),
        ("claude-opus-4-6", {"type": "adaptive"}, 1, True),
        ("claude-sonnet-4-5", {"type": "enabled", "budget_tokens": 60}, 61, True),
        ("claude-sonnet-4-5", {"type": "enabled", "budget_tokens": 100}, 1, True),  # interleaved: over several answers
        ("claude-sonnet-5", None, 1, True),
        ("claude-sonnet-5", {"type": "disabled"}, 1, False),
        ("claude-sonnet-5", {"type": "between_tools"}, 1, True),
        ("claude-mythos-preview", None, 1, True),
        ("bedrock/anthropic.claude-opus-4-1-20250805-v1:0", None, 1, False),
        ("claude-3/claude-opus-5", None, 1, True),
        ("claude-3/my-own", None, 1, None),
    ],
)
def test_thinking(model: str, thinking: dict[str, Any] | None, least: int, thinks: bool | None) -> None:
    """A cap stays above the budget of thinking; who thinks is said by the request, else by the model's generation."""
    call = ask(model=model, thinking=thinking)
    assert (call.least_output, call.thinks) == (least, thinks)


@pytest.mark.parametrize(
    "fields",
    [
        {"container": "container_1"},
        {"container": {"skills": [{"type": "anthropic", "skill_id": "xlsx"}]}},
        {"thread": {"type": "continue", "previous_message_id": "msg_1"}},
        {"context_management": {"edits": [{"type": "compact_20260112"}]}},
        {"mcp_servers": [{"type": "url", "url": URL, "name": "m"}]},
        {"tools": [WEB_SEARCH]},
        {"messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": "file_1"}]}]},
    ],
)
def test_what_only_the_provider_sees(fields: dict[str, Any]) -> None:
    """Containers, threads, what tools find and what is read twice are part of the prompt, and not here."""
    assert ask(**fields).has_unseen


@pytest.mark.parametrize(
    "fields",
    [
        {"thread": {"type": "create"}},
        {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
        {"compaction": {"type": "summarize"}},
        {"tools": [TOOL]},
        {"mcp_servers": []},
    ],
)
def test_what_is_all_here(fields: dict[str, Any]) -> None:
    """What only takes from the prompt, or says what to do with it, adds nothing unseen."""
    call = ask(**fields)
    assert (call.has_unseen, call.choices) == (False, 1)


def test_who_and_why() -> None:
    """The metadata name the user and the purpose; a header names the session."""
    call = call_of(BODY | {"metadata": {"user_id": "ada", "purpose": "DT"}}, session="s1")
    assert (call.user, call.purpose, call.session) == ("ada", "DT", "s1")


def test_the_last_message_brings_a_result() -> None:
    """A turn on a tool's result is told from any other."""
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "21"}]}
    assert ask(messages=[*HELLO, result]).is_tool_turn
    assert not ask(messages=[result, *HELLO]).is_tool_turn


def test_the_version_and_betas_pass() -> None:
    """The client's version wins over the default; whose account pays is not the client's to say."""
    betas = {"Anthropic-Beta": "compact-2026-01-12,x"}
    assert call_of(BODY, headers=betas).headers == {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "compact-2026-01-12,x",
    }
    named = {"anthropic-version": "2026-10-21", "anthropic-workspace-id": "w", "anthropic-user-profile-id": "u"}
    assert call_of(BODY, headers=named).headers == {"anthropic-version": "2026-10-21"}


@pytest.mark.parametrize(("query", "sent"), [({"beta": "true"}, "?beta=true"), ({"beta": "1", "x": "y"}, ""), ({}, "")])
def test_only_one_query_passes(query: dict[str, str], sent: str) -> None:
    """`?beta=true`, as the SDK sends it; nothing else of a query reaches the provider."""
    assert call_of(BODY, query=query).query == sent


def test_the_level_of_service() -> None:
    """What is asked for faster has a price of its own."""
    assert (ask(speed="fast").service, ask().service) == ("fast", None)
