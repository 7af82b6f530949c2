"""Usage that is easily misread: numbers that cannot be true, running totals, counts in unusual events, placeholders."""

import json
from typing import Any

import pytest

from gateway.model import Endpoint
from tests.pitfalls.replaying import Charged, Replayed
from tests.providers.shapes.shape import DONE, JSON, SSE, named_sse, sse

SAID = "word " * 40
"""An answer of forty tokens, so that a count of it differs from every number below."""


def answered(usage: Any) -> bytes:
    """Give a chat answer with this usage."""
    choice = {"index": 0, "message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}
    return json.dumps({"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def streamed(usage: Any) -> bytes:
    """Give the same answer as a stream whose last chunk tells this usage."""
    said = {"id": "c", "choices": [{"index": 0, "delta": {"content": SAID}, "finish_reason": "stop"}]}
    return sse(json.dumps(said), json.dumps({"id": "c", "choices": [], "usage": usage}), DONE)


async def chat(replayed: Replayed, usage: Any, *, stream: bool) -> Charged:
    """Make a chat call that is answered with this usage."""
    body, content_type = (streamed(usage), SSE) if stream else (answered(usage), JSON)
    return await replayed.ask(Endpoint.CHAT, body, content_type, stream=stream)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -2_000, "completion_tokens": 5, "total_tokens": -1_995},
        {"prompt_tokens": 7, "completion_tokens": -5},
        {"prompt_tokens": 7, "completion_tokens": 10**13},
        {"prompt_tokens": 10**300, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": False},
        {"prompt_tokens": "7", "completion_tokens": "5"},
        {"prompt_tokens": 7.5, "completion_tokens": 5.5},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": [7], "completion_tokens": {"n": 5}},
        {},
        [],
        "7",
    ],
    ids=lambda usage: str(usage)[:60],
)
async def test_a_number_that_cannot_be_true_is_no_usage(replayed: Replayed, usage: Any, stream: bool) -> None:
    """Negative, absurd and mistyped numbers neither pay back nor drain a budget: the answer is counted instead."""
    got = await chat(replayed, usage, stream=stream)
    assert (got.status, got.line["estimated"]) == (200, True)
    assert 40 <= got.line["output_tokens"] < 200
    assert 40 < got.used <= got.line["held_tokens"]


@pytest.mark.parametrize("stream", [False, True])
async def test_more_cached_than_there_was(replayed: Replayed, stream: bool) -> None:
    """A cached part above its whole takes nothing off: the charge is the prompt and the completion."""
    usage = {"prompt_tokens": 30, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9_000}}
    got = await chat(replayed, usage, stream=stream)
    assert (got.used, got.line["estimated"]) == (35, False)


@pytest.mark.parametrize("stream", [False, True])
async def test_cached_tokens_are_counted_once(replayed: Replayed, stream: bool) -> None:
    """The cached part of a prompt stands inside it, and so does the reasoning inside the completion."""
    usage = {
        "prompt_tokens": 4_000,
        "completion_tokens": 300,
        "total_tokens": 4_300,
        "prompt_tokens_details": {"cached_tokens": 3_900},
        "completion_tokens_details": {"reasoning_tokens": 250},
    }
    assert (await chat(replayed, usage, stream=stream)).used == 4_300


@pytest.mark.parametrize(("total", "charged"), [(1_000, 1_000), (310, 310), (0, 310)])
async def test_reasoning_is_inside_or_outside_as_the_total_says(replayed: Replayed, total: int, charged: int) -> None:
    """One model reports either way by different routes: the total decides, and one that is too small says nothing."""
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 300,
        "total_tokens": total,
        "completion_tokens_details": {"reasoning_tokens": 690},
    }
    assert (await chat(replayed, usage, stream=False)).used == charged
    named = {"input_tokens": 10, "output_tokens": 300, "total_tokens": total}
    body = json.dumps({"id": "r", "object": "response", "status": "completed", "output": [], "usage": named})
    assert (await replayed.ask(Endpoint.RESPONSES, body.encode(), JSON)).used == charged


async def test_running_totals_are_not_added_up(replayed: Replayed) -> None:
    """Of usage on every chunk the last one counts, once."""
    chunks = [
        json.dumps(
            {
                "id": "c",
                "choices": [{"index": 0, "delta": {"content": "a"}}],
                "usage": {"prompt_tokens": 100, "completion_tokens": n, "total_tokens": 100 + n},
            }
        )
        for n in range(1, 21)
    ]
    got = await replayed.ask(Endpoint.CHAT, sse(*chunks, DONE), SSE, stream=True)
    assert (got.used, got.line["estimated"]) == (120, False)


@pytest.mark.parametrize("later", [None, {}, "", [], False])
async def test_nothing_after_the_usage_is_no_usage(replayed: Replayed, later: Any) -> None:
    """An empty usage in a chunk behind the one that told it does not take it back."""
    told = {"id": "c", "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}}
    behind = {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": later}
    got = await replayed.ask(Endpoint.CHAT, sse(json.dumps(told), json.dumps(behind), DONE), SSE, stream=True)
    assert (got.used, got.line["estimated"]) == (15, False)


async def test_events_of_a_response_are_not_added_up(replayed: Replayed) -> None:
    """Usage in several events of one response is that of the last."""
    events = [
        json.dumps(
            {
                "type": kind,
                "response": {
                    "id": "r",
                    "status": kind.rpartition(".")[2],
                    "output": [],
                    "usage": {"input_tokens": 40, "output_tokens": n, "total_tokens": 40 + n},
                },
            }
        )
        for n, kind in enumerate(("response.created", "response.in_progress", "response.completed"), 5)
    ]
    got = await replayed.ask(Endpoint.RESPONSES, named_sse(*events), SSE, stream=True)
    assert (got.used, got.line["estimated"]) == (47, False)


def message(*events: dict[str, Any]) -> bytes:
    """Give a stream of Anthropic's events."""
    return named_sse(*(json.dumps(event) for event in events))


def begun(**usage: int) -> dict[str, Any]:
    """Give the event that opens a message."""
    return {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": usage}}


BLOCK = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": SAID}}
STOP = {"type": "message_stop"}


def ending(**usage: int) -> dict[str, Any]:
    """Give the event that tells the totals."""
    return {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}


ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
SILENT = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}


@pytest.mark.parametrize(
    ("rest", "input_is_told"),
    [
        ([ERROR], True),
        ([], False),
        ([STOP], False),
        ([SILENT, STOP], False),
        ([ending(input_tokens=1_000), STOP], False),
    ],
    ids=["error", "end of file", "no totals", "no usage", "no output"],
)
async def test_a_placeholder_is_not_the_truth(
    replayed: Replayed, rest: list[dict[str, Any]], input_is_told: bool
) -> None:
    """A message that never tells its output is charged what came, not the one token of its opening."""
    opening = begun(input_tokens=1_000, output_tokens=1)
    got = await replayed.ask(Endpoint.MESSAGES, message(opening, BLOCK, *rest), SSE, stream=True)
    assert got.line["estimated"]
    assert 40 <= got.line["output_tokens"] < 200
    assert got.line["input_tokens"] == 1_000 or not input_is_told


@pytest.mark.parametrize(
    ("start", "end", "charged"),
    [
        # envoyproxy/ai-gateway#2290: a compatible server that tells everything at the end.
        ({}, {"input_tokens": 4_522, "cache_creation_input_tokens": 4_511, "output_tokens": 5}, 9_038),
        ({"input_tokens": 0, "output_tokens": 0}, {"input_tokens": 700, "output_tokens": 5}, 705),
        # jeremychone/rust-genai#258: the cache is told at the end only.
        ({"input_tokens": 2, "output_tokens": 0}, {"cache_read_input_tokens": 3_604, "output_tokens": 878}, 4_484),
        # BerriAI/litellm#11789: the cache is told at the start only.
        ({"input_tokens": 3, "cache_read_input_tokens": 2_000, "output_tokens": 1}, {"output_tokens": 9}, 2_012),
        # Both tell it: the end replaces.
        (
            {"input_tokens": 3, "cache_read_input_tokens": 2_000, "output_tokens": 1},
            {"input_tokens": 3, "cache_read_input_tokens": 2_000, "output_tokens": 9},
            2_012,
        ),
    ],
)
async def test_a_message_tells_its_parts_at_either_end(
    replayed: Replayed, start: dict[str, int], end: dict[str, int], charged: int
) -> None:
    """Input, cache and output count once, wherever in the stream they are told."""
    got = await replayed.ask(Endpoint.MESSAGES, message(begun(**start), BLOCK, ending(**end), STOP), SSE, stream=True)
    assert (got.used, got.line["estimated"]) == (charged, False)


@pytest.mark.parametrize("total", [7, 0])
async def test_an_embedding_has_no_completion(replayed: Replayed, total: int) -> None:
    """Whatever a server calls a completion there, an embedding is its input."""
    body = {"object": "list", "data": [], "usage": {"prompt_tokens": 7, "completion_tokens": 90, "total_tokens": total}}
    got = await replayed.ask(Endpoint.EMBEDDINGS, json.dumps(body).encode(), JSON)
    assert (got.used, got.line["estimated"]) == (7, False)
