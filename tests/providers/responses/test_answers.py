"""What an answer in one piece says, and how a stream ends badly."""

import json
from typing import Any

import pytest
from openai.types.responses import ResponseErrorEvent, ResponseIncompleteEvent

from gateway.errors import BudgetRefused, UpstreamSilent
from gateway.model import Usage
from gateway.providers.openai import responses
from tests.providers.responses.calls import CREATED, ask, response, usage
from tests.providers.shapes.openai_responses import SHAPES

WHOLE = [shape for shape in SHAPES if not shape.stream]
STREAMED = [shape for shape in SHAPES if shape.stream]

REFUSED = BudgetRefused(
    "No room.", type_="insufficient_quota", code="budget_exceeded", budget={"name": "acme"}, headers={}
)


@pytest.mark.parametrize("shape", WHOLE, ids=lambda shape: shape.name)
def test_a_documented_answer(shape: Any) -> None:
    """Of each recorded answer the usage is right."""
    assert responses.usage_of(ask(), shape.body) == shape.usage


@pytest.mark.parametrize("shape", STREAMED, ids=lambda shape: shape.name)
def test_a_documented_stream(shape: Any) -> None:
    """Of each recorded stream the usage is right, and all bytes are passed on or held back."""
    meter = responses.meter(ask(stream=True))
    assert meter.feed(shape.body) + meter.last + meter.finish() == shape.body
    assert meter.usage == shape.usage


@pytest.mark.parametrize(
    ("fields", "used"),
    [
        ({"usage": usage(9, 2) | {"total_tokens": 20}}, Usage(9, 11)),
        ({"usage": usage(9, 2, cached=99, reasoning=99)}, Usage(9, 2, cache_read_tokens=9, reasoning_tokens=2)),
        ({"usage": {"input_tokens": 9, "output_tokens": 2}}, Usage(9, 2)),
        ({"usage": usage(9, 2), "tool_usage": {"image_gen": usage(3, 7024)}}, Usage(12, 7026)),
        ({"usage": usage(9, 2), "tool_usage": {"image_gen": {"total_tokens": "7"}}}, Usage(9, 2)),
        ({"usage": usage(9, 2), "tool_usage": 7}, Usage(9, 2)),
        ({"usage": None}, None),
        ({"usage": {"input_tokens": "9", "output_tokens": 2}}, None),
        ({"usage": {"input_tokens": 9, "output_tokens": True}}, None),
        ({"usage": {"input_tokens": 9, "output_tokens": 10**12}}, None),
        ({"usage": []}, None),
    ],
)
def test_usage(fields: dict[str, Any], used: Usage | None) -> None:
    """Totals decide, parts are clamped, generated images count, numbers that cannot be true count as none."""
    assert responses.usage_of(ask(), json.dumps(response("completed", **fields)).encode()) == used


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{not json", b'{"usage":{"input_tokens":1e999}}'])
def test_garbage_has_no_usage_and_no_texts(body: bytes) -> None:
    """What cannot be read says nothing, and raises nothing."""
    assert (responses.usage_of(ask(), body), responses.answer_texts(ask(), body)) == (None, [])


def test_all_that_a_model_says_is_found() -> None:
    """Messages, refusals, reasoning, calls of every kind; not what tools answered, nor images, nor sealed reasoning."""
    output = [
        {"type": "reasoning", "encrypted_content": "gAAA", "summary": [{"type": "summary_text", "text": "a"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "b"}, {"type": "refusal", "refusal": "c"}]},
        {"type": "function_call", "call_id": "x", "name": "d", "arguments": "e"},
        {"type": "custom_tool_call", "name": "f", "input": "g"},
        {"type": "code_interpreter_call", "code": "h", "outputs": [{"type": "logs", "logs": "not said"}]},
        {"type": "web_search_call", "action": {"type": "search", "query": "i"}},
        {"type": "shell_call", "action": {"commands": ["j", "k"]}},
        {"type": "apply_patch_call", "operation": {"type": "update_file", "diff": "l", "path": "p"}},
        {"type": "mcp_call", "name": "m", "arguments": "n", "output": "not said"},
        {"type": "image_generation_call", "result": "AAAA"},
        7,
    ]
    texts = responses.answer_texts(ask(), json.dumps({"output": output}).encode())
    assert sorted(texts) == list("abcdefghijklmn")


def test_a_cut_response_is_incomplete() -> None:
    """The last event looks like the first and says that the length ended it."""
    event = responses.cut_frame(ask(), json.dumps(CREATED).encode())
    assert event.startswith(b"event: response.incomplete\ndata: ")
    parsed = ResponseIncompleteEvent.construct(**json.loads(event.partition(b"data: ")[2]))
    assert (parsed.sequence_number, parsed.response.id, parsed.response.status) == (1, "resp_1", "incomplete")
    assert parsed.response.incomplete_details is not None
    assert parsed.response.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize("template", [None, b"", b"{", b"[]", b'{"response":7}', b"[" * 20_000])
def test_a_cut_before_anything_readable(template: bytes | None) -> None:
    """Without a response to copy nothing is said of one."""
    assert responses.cut_frame(ask(), template) == b""


@pytest.mark.parametrize("error", [REFUSED, UpstreamSilent("Nothing came.\n\nAt all.", sent=True)])
def test_an_error_event_is_one_frame(error: BudgetRefused | UpstreamSilent) -> None:
    """It has the documented fields, and the object that both SDKs raise on."""
    event = responses.error_event(ask(), error)
    assert event.startswith(b"event: error\ndata: {")
    assert event.index(b"\n\n") == len(event) - 2
    told = json.loads(event.partition(b"data: ")[2])
    parsed = ResponseErrorEvent.model_validate(told)
    assert (parsed.code, parsed.message, parsed.param) == (error.code, error.message, None)
    assert told["error"]["type"] == error.type
