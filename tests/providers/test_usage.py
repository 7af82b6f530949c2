"""The provider's own numbers, read from whole answers of many providers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Endpoint, Usage
from gateway.providers.openai import chat
from tests.providers.answers import ANSWERS, Answer
from tests.providers.calls import BODIES, ask

C, E = Endpoint.CHAT, Endpoint.EMBEDDINGS
EACH = pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)


def usage_of(usage: Any, endpoint: Endpoint = C) -> Usage | None:
    """Read the usage of an answer that holds nothing else."""
    return chat.usage_of(ask(endpoint), json.dumps({"usage": usage}).encode())


@EACH
def test_a_recorded_answer(answer: Answer) -> None:
    """Of each provider's answer the usage is read as the provider means it."""
    assert chat.usage_of(ask(answer.endpoint), answer.body.encode()) == answer.usage


@EACH
def test_the_providers_total(answer: Answer) -> None:
    """Input and output together are the provider's own total."""
    raw = json.loads(answer.body).get("usage") or {}
    if answer.usage is not None and "total_tokens" in raw:
        assert answer.usage.input_tokens + answer.usage.output_tokens == raw["total_tokens"]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 5, "total_tokens": 9}, Usage(5, 4)),
        ({"completion_tokens": 4, "total_tokens": 9}, Usage(5, 4)),
        ({"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 2}, Usage(5, 4)),
        ({"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": None}, Usage(5, 4)),
        ({"prompt_tokens": 5, "completion_tokens": 4, "prompt_tokens_details": []}, Usage(5, 4)),
        ({"prompt_tokens": 5, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": True}}, Usage(5, 4)),
        ({"prompt_tokens": 5, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": -1}}, Usage(5, 4)),
        ({"prompt_tokens": 5}, None),
        ({"completion_tokens": 5}, None),
        ({"total_tokens": 5}, None),
        ({}, None),
        (None, None),
        ([], None),
        ("9", None),
        ({"prompt_tokens": True, "completion_tokens": 4}, None),
        ({"prompt_tokens": -1, "completion_tokens": 4}, None),
        ({"prompt_tokens": 5.0, "completion_tokens": 4}, None),
        ({"prompt_tokens": "5", "completion_tokens": 4}, None),
        ({"prompt_tokens": 10**10, "completion_tokens": 4}, None),
        ({"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 10**30}, None),
        ({"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": -9}, None),
        ({"prompt_tokens": [5], "completion_tokens": {"a": 4}}, None),
    ],
)
def test_partial_and_impossible_numbers(usage: Any, expected: Usage | None) -> None:
    """What can be inferred from the total is; what cannot be true, or says too little, is no usage."""
    assert usage_of(usage) == expected


def test_embeddings_without_a_prompt_count() -> None:
    """Of an embedding the total is the input, and nothing is output."""
    assert usage_of({"total_tokens": 7}, E) == Usage(7, 0)
    assert usage_of({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}, E) == Usage(7, 0)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"<html>", b'{"usage":{"prompt_tokens":1e400,"completion_tokens":1}}']
)
@pytest.mark.parametrize("endpoint", list(BODIES))
def test_garbage_has_no_usage(endpoint: Endpoint, body: bytes) -> None:
    """A body that is no JSON object says nothing."""
    assert chat.usage_of(ask(endpoint), body) is None


NUMBERS = st.none() | st.integers(-5, 50) | st.booleans() | st.integers() | st.text(max_size=2)
USAGES = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": NUMBERS,
        "completion_tokens": NUMBERS,
        "total_tokens": NUMBERS,
        "prompt_cache_hit_tokens": NUMBERS,
        "prompt_tokens_details": st.none()
        | st.dictionaries(st.sampled_from(["cached_tokens", "cache_write_tokens"]), NUMBERS),
        "completion_tokens_details": st.none() | st.dictionaries(st.just("reasoning_tokens"), NUMBERS),
    },
)


@given(USAGES, st.sampled_from(list(BODIES)))
def test_the_invariants_hold(raw: dict[str, Any], endpoint: Endpoint) -> None:
    """No part is ever larger than its whole, and nothing is negative or below what was reported."""
    usage = usage_of(raw, endpoint)
    if usage is None:
        return
    assert 0 <= usage.cache_read_tokens + usage.cache_creation_tokens <= usage.input_tokens
    assert 0 <= usage.reasoning_tokens <= usage.output_tokens
    assert usage.input_tokens >= (raw.get("prompt_tokens") or 0)
    assert endpoint is E or usage.output_tokens >= (raw.get("completion_tokens") or 0)
    assert not usage.estimated
