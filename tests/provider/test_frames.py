"""What the far end says, and that its own account of it is true."""

from typing import Any

import pytest

from tests.provider.counting import WORDS, count, prompt_tokens
from tests.provider.frames import TOOL_NAME, Reply, document, stream
from tests.provider.script import parse


def reply(model: str, *, is_chat: bool = True, **body: Any) -> Reply:
    """Make a reply to a request with prompt tokens 9."""
    request = {"model": model, "messages": [{"role": "user", "content": "hello"}], **body}
    return Reply("id", parse(model), request, 9, is_chat)


def test_each_word_is_one_token_wherever_it_stands() -> None:
    """The words of an answer count the same alone and joined."""
    assert [count(word) for word in WORDS] == [1] * len(WORDS)
    assert count("".join(WORDS * 7)) == 7 * len(WORDS)


@pytest.mark.parametrize("is_chat", [True, False])
@pytest.mark.parametrize("model", ["m:tokens-40", "m:tokens-5.echo", "m:tokens-7.think-30", "m:huge-500", "ok"])
def test_a_stream_brings_what_the_document_holds(model: str, *, is_chat: bool) -> None:
    """Streamed or not, the same completion tokens are served and reported."""
    streamed = sum(frame.tokens for frame in stream(reply(model, is_chat=is_chat))) + parse(model).think
    answer, completion = document(reply(model, is_chat=is_chat))
    assert streamed == completion == answer["usage"]["completion_tokens"]


def test_the_visible_tokens_of_a_tool_call_are_counted() -> None:
    """A tool call counts its name and its arguments as they read when joined."""
    answer, completion = document(reply("m:tools.tokens-6"))
    call = answer["choices"][0]["message"]["tool_calls"][0]["function"]
    assert completion == count(TOOL_NAME) + count(call["arguments"])


@pytest.mark.parametrize(
    ("asked", "words", "finish"),
    [
        ({"max_tokens": 3}, 3, "length"),
        ({"max_completion_tokens": 2, "max_tokens": 9}, 2, "length"),
        ({"max_tokens": None}, 5, "stop"),
        ({"max_tokens": 5}, 5, "stop"),
    ],
)
def test_limits_are_honoured(asked: dict[str, Any], words: int, finish: str) -> None:
    """The least of the limits cuts the answer, and finish_reason says so."""
    answer, completion = document(reply("m:tokens-5", **asked))
    assert (completion, answer["choices"][0]["finish_reason"]) == (words, finish)


def test_every_choice_is_served() -> None:
    """A request for n completions gets and pays n."""
    answer, completion = document(reply("m:tokens-5", n=3))
    assert (len(answer["choices"]), completion) == (3, 15)


def usages(model: str, *, asked: bool) -> list[Any]:
    """List the usage objects of a stream that are not null."""
    options = {"stream_options": {"include_usage": True}} if asked else {}
    chunks = [frame.data for frame in stream(reply(model, **options)) if frame.data]
    return [chunk["usage"] for chunk in chunks if chunk.get("usage")]


@pytest.mark.parametrize(
    ("model", "when_asked", "unasked"),
    [
        ("m:", 1, 0),
        ("m:usage-none", 0, 0),
        ("m:usage-always", 1, 1),
        ("m:usage-null", 0, 0),
        ("m:usage-null-after", 1, 0),
        ("m:usage-zero", 1, 0),
        ("m:usage-finish", 1, 1),
        ("m:usage-groq", 2, 1),
        ("m:usage-continuous.tokens-4", 7, 6),
    ],
)
def test_usage_is_reported_as_the_script_says(model: str, when_asked: int, unasked: int) -> None:
    """Each way of reporting usage has its number of copies."""
    assert (len(usages(model, asked=True)), len(usages(model, asked=False))) == (when_asked, unasked)


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"messages": [{"role": "user", "content": "hello"}]}, 8),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]}, 8),
        ({"prompt": "hello"}, 1),
        ({"prompt": [1, 2, 3]}, 3),
        ({"input": ["hello", "hello"]}, 2),
    ],
)
def test_prompts_are_counted(body: dict[str, Any], tokens: int) -> None:
    """Messages follow OpenAI's formula, other inputs their plain count."""
    assert prompt_tokens(body) == tokens


def test_hostile_text_is_counted() -> None:
    """A megabyte of spaces, which makes tiktoken panic in one piece, has a count."""
    assert count(" " * 1_000_000) < 1_000_000
