"""What the demo model says, without sockets."""

from typing import Any

import msgspec
import pytest

from gateway.demo.answers import Reply, TextCall, document, frames, reply_to
from tests.provider.counting import count


def reply(*, is_chat: bool = True, **fields: Any) -> Reply:
    """Compose the reply to a request given as JSON."""
    body = {"model": "demo", "messages": [{"role": "user", "content": "What is the weather?"}], **fields}
    return reply_to(msgspec.convert(body, TextCall), count, reply_id="id", is_chat=is_chat)


def text_of(made: Reply) -> str:
    """Join the pieces."""
    return "".join(made.pieces)


def test_it_says_what_it_is_and_what_to_try() -> None:
    """It names itself, quotes the question, and leads to the headers, the budget and the refusal."""
    text = text_of(reply())
    for words in ("demo model", '"What is the weather?"', "RateLimit headers", "GET /v1/budget", "429"):
        assert words in text


@pytest.mark.parametrize(
    ("content", "quoted"),
    [
        ("", None),
        (None, None),
        ("  spread \n\n out\t", '"spread out"'),
        ("a" * 200, '"' + "a" * 80 + '..."'),
        ([{"type": "text", "text": "in a part"}, {"type": "image_url"}], '"in a part"'),
        ("{heard} %s", '"{heard} %s"'),
    ],
)
def test_the_quote_is_short_and_harmless(content: Any, quoted: str | None) -> None:
    """White space is folded, a long message is cut, no message at all is not quoted."""
    text = text_of(reply(messages=[{"role": "user", "content": content}]))
    assert ("You said" in text) == (quoted is not None)
    assert quoted is None or quoted in text


def test_the_same_question_has_the_same_answer() -> None:
    """Nothing is random."""
    assert reply() == reply()


def test_usage_is_what_a_tokenizer_counts() -> None:
    """The pieces count as much as the whole text, and the prompt by OpenAI's formula."""
    made = reply()
    assert made.usage.completion_tokens == count(text_of(made))
    assert made.usage.prompt_tokens == 3 + 3 + 1 + 5
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens


@pytest.mark.parametrize("limit", [0, 1, 2, 17, 10_000])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_limits_are_kept(limit: int, name: str) -> None:
    """Never more tokens than allowed, and `length` exactly when something was cut."""
    made = reply(**{name: limit})
    assert made.usage.completion_tokens == count(text_of(made)) <= limit
    assert made.finish_reason == ("stop" if text_of(made) == text_of(reply()) else "length")


@pytest.mark.parametrize("is_chat", [True, False])
@pytest.mark.parametrize("choices", [1, 3])
@pytest.mark.parametrize("asked", [True, False])
def test_stream_and_document_say_the_same(*, is_chat: bool, choices: int, asked: bool) -> None:
    """The frames of each choice add up to the document, and usage comes last, only if asked for."""
    made = reply(is_chat=is_chat, n=choices, prompt="hello", stream_options={"include_usage": asked})
    whole = document(made, 7)
    chunks = list(frames(made, 7))
    spoken = [""] * choices
    for chunk in chunks:
        for choice in chunk["choices"]:
            spoken[choice["index"]] += choice["delta"].get("content", "") if is_chat else choice["text"]
    said = [choice["message"]["content"] if is_chat else choice["text"] for choice in whole["choices"]]
    assert said == spoken
    assert [chunk["usage"] for chunk in chunks if chunk.get("usage")] == ([whole["usage"]] if asked else [])
    assert whole["usage"]["completion_tokens"] == choices * count(said[0])
