"""Refusals, errors in a stream and cut streams, as OpenAI's own client understands them."""

import json

import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletionChunk

from gateway.errors import BadRequest, BudgetRefused, UpstreamSilent
from gateway.model import Endpoint
from gateway.providers.openai.endings import cut_frame, error_body, error_event
from gateway.providers.openai.meter import StreamMeter
from tests.providers.calls import ask
from tests.providers.streams import STREAMS

REFUSED = BudgetRefused(
    "No room.", type_="insufficient_quota", code="budget_exceeded", budget={"name": "acme", "remaining": 0}, headers={}
)


def test_an_error_body() -> None:
    """An error is OpenAI's four fields."""
    assert error_body(BadRequest("No.", code="invalid_type", param="n"), "01J") == {
        "error": {"message": "No.", "type": "invalid_request_error", "param": "n", "code": "invalid_type"}
    }


def test_a_refusal_names_its_budget() -> None:
    """A spent budget comes with its numbers beside the four fields."""
    assert error_body(REFUSED, "01J")["error"] == {
        "message": "No room.",
        "type": "insufficient_quota",
        "param": None,
        "code": "budget_exceeded",
        "budget": {"name": "acme", "remaining": 0},
    }


@pytest.mark.parametrize("error", [REFUSED, UpstreamSilent("Nothing came.\n\nAt all.", sent=True)])
def test_an_error_event_is_one_frame(error: BudgetRefused | UpstreamSilent) -> None:
    """In a stream the same body is one data line, whatever the message holds."""
    event = error_event(ask(), error)
    assert event.startswith(b"data: {")
    assert event.index(b"\n\n") == len(event) - 2
    assert json.loads(event[6:]) == error_body(error, "01J")


def test_a_cut_chat() -> None:
    """The last chunk of a cut stream looks like its others and says that the length ended it."""
    meter = StreamMeter(Endpoint.CHAT, hide_usage=True)
    azure = next(stream for stream in STREAMS if stream.name == "azure prompt filter")
    for frame in azure.sent:
        meter.feed(frame)
    chunk = ChatCompletionChunk.model_validate_json(cut_frame(ask(), meter.template)[6:])
    assert (chunk.id, chunk.model, chunk.created, chunk.object) == ("chatcmpl-1", "m", 1694268, "chat.completion.chunk")
    assert [(choice.index, choice.finish_reason, choice.delta.content) for choice in chunk.choices] == [
        (0, "length", None)
    ]


def test_a_cut_completion() -> None:
    """Legacy completions have their own shape of a last chunk."""
    template = b'{"id":"cmpl-1","object":"text_completion","created":5,"model":"m","choices":[{"text":"a"}]}'
    chunk = Completion.model_validate_json(cut_frame(ask(Endpoint.COMPLETIONS), template)[6:])
    assert (chunk.id, chunk.model, chunk.created, chunk.object) == ("cmpl-1", "m", 5, "text_completion")
    assert [(choice.index, choice.finish_reason, choice.text) for choice in chunk.choices] == [(0, "length", "")]


@pytest.mark.parametrize("template", [None, b"", b"{", b"[]", b'{"id":"\xff"}', b"[" * 20_000])
def test_a_cut_before_anything_readable(template: bytes | None) -> None:
    """Without a first chunk to copy from, the last one is valid all the same."""
    chunk = ChatCompletionChunk.model_validate_json(cut_frame(ask(), template)[6:])
    assert chunk.choices[0].finish_reason == "length"
