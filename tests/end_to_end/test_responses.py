"""The official SDK's Responses API with only its base URL and key changed: calls, streams, tools, what goes wrong."""

from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.end_to_end.conftest import TIGHT_TOKENS, TRANCHE_TOKENS
from tests.end_to_end.serving import FarEnd, Served, budget, eventually, used
from tests.end_to_end.test_sdk import PURPOSE, USER, text

HELLO = "Hello there"
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {}},
    "strict": False,
}
TIGHT = {PURPOSE: "DT"}
ENDLESS_TOKENS = 20_000


class Place(BaseModel):
    city: str


def deltas(stream: Any) -> tuple[list[str], list[str]]:
    """Give the texts of a stream and the types of its events."""
    said, types = [], []
    for event in stream:
        types.append(event.type)
        if event.type.endswith(".delta"):
            said.append(event.delta)
    return said, types


def test_a_response_is_the_providers(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """Text, status and usage arrive as the provider sent them, and that usage is charged."""
    answer = sdk.responses.create(model="gpt-4o/m:tokens-7.cached-1", input=HELLO, instructions="Be brief.")
    assert (answer.output_text, answer.status) == (text(7), "completed")
    assert answer.usage
    assert (answer.usage.output_tokens, answer.usage.input_tokens_details.cached_tokens) == (7, 1)
    assert answer.usage.total_tokens == far_end.served_tokens() == used(sdk, "own")
    assert far_end.body()["instructions"] == "Be brief."


def test_a_stream_ends_with_the_whole_response(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """Each event arrives, the last one is `response.completed` with the usage, which is charged when it comes."""
    stream = sdk.responses.create(model="gpt-4o/m:tokens-7", input=HELLO, stream=True)
    events = list(stream)
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == text(7)
    assert last.response.usage
    assert last.response.usage.total_tokens == far_end.served_tokens() == used(sdk, "own")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "stream_options" not in far_end.body()


def test_the_stream_helper_gives_the_final_response(sdk: openai.OpenAI) -> None:
    """What the SDK puts together from the events is the whole answer."""
    with sdk.responses.stream(model="gpt-4o/m:tokens-7", input=HELLO) as stream:
        said = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(said) == final.output_text == text(7)


async def test_the_async_client_gets_the_same(async_sdk: openai.AsyncOpenAI) -> None:
    """Whole and streamed."""
    answer = await async_sdk.responses.create(model="gpt-4o/m:tokens-5", input=HELLO)
    async with async_sdk.responses.stream(model="gpt-4o/m:tokens-5", input=HELLO) as stream:
        final = await stream.get_final_response()
    assert answer.output_text == final.output_text == text(5)


def test_tools_are_called(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """A function's name and arguments come through, whole and streamed, and so does its result back."""
    call: Any = {"model": "gpt-4o/m:tools.tokens-3", "tools": [TOOL]}
    answer = sdk.responses.create(input=HELLO, **call)
    (item,) = answer.output
    assert item.type == "function_call"
    assert (item.name, item.arguments) == ("get_weather", f'{{"q":"{text(3)}"}}')
    said, types = deltas(sdk.responses.create(input=HELLO, stream=True, **call))
    assert "".join(said) == item.arguments
    assert types[-1] == "response.completed"
    result: Any = {"type": "function_call_output", "call_id": item.call_id, "output": "sunny"}
    sdk.responses.create(input=[{"role": "user", "content": HELLO}, item.to_dict(), result], **call)
    assert far_end.served_tokens() == used(sdk, "own")


def test_an_answer_is_parsed(sdk: openai.OpenAI) -> None:
    """A schema goes to the provider, and what it answers becomes the app's own class."""
    answer = sdk.responses.parse(model="gpt-4o/m:tokens-0.echo", input='{"city":"Rome"}', text_format=Place)
    assert answer.output_parsed == Place(city="Rome")


def test_a_compaction_is_charged_and_a_count_is_free(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """Each goes to the provider; the first by its own usage, the second for nothing."""
    counted = sdk.responses.input_tokens.count(model="gpt-4o/m:", input=HELLO)
    assert counted.input_tokens == 2
    assert used(sdk, "own") == 0
    compacted = sdk.responses.compact(model="gpt-4o/m:tokens-30", input=HELLO)
    assert compacted.usage.total_tokens == used(sdk, "own") == 32
    assert [entry["path"] for entry in far_end.log()] == ["/v1/responses/input_tokens", "/v1/responses/compact"]


def test_an_incomplete_response_is_charged(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """A response that its own bound cut has a usage too, whole and streamed."""
    call: Any = {"model": "gpt-4o/m:tokens-40", "input": HELLO, "max_output_tokens": 20}
    answer = sdk.responses.create(**call)
    assert (answer.status, answer.output_text) == ("incomplete", text(20))
    assert deltas(sdk.responses.create(stream=True, **call))[1][-1] == "response.incomplete"
    assert far_end.served_tokens() == used(sdk, "own") == 44


def test_a_tight_budget_caps_the_response(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """Where a budget leaves less than was asked for, the provider is told so."""
    answer = sdk.responses.create(model="gpt-4o/m:tokens-900", input=HELLO, max_output_tokens=5000, extra_headers=TIGHT)
    assert answer.status == "incomplete"
    assert 200 < far_end.body()["max_output_tokens"] < TIGHT_TOKENS
    assert far_end.served_tokens() == used(sdk, "tight")


@pytest.mark.parametrize("stream", [False, True])
def test_a_spent_budget_costs_one_request(sdk: openai.OpenAI, gateway: Served, far_end: FarEnd, stream: bool) -> None:
    """The SDK raises RateLimitError at once, never a stream; nothing reaches the provider."""
    limit = budget(sdk, "own")["limit"]
    sdk.responses.create(model=f"gpt-4o/m:prompt-{limit - 1}.tokens-1", input=HELLO)
    with pytest.raises(openai.RateLimitError) as caught:
        sdk.responses.create(model="gpt-4o/m:", input=HELLO, stream=stream)
    assert (caught.value.code, caught.value.type) == ("budget_exceeded", "insufficient_quota")
    gateway.call_of(caught.value.request_id or "")
    user = sdk.default_headers[USER]
    assert [line["status"] for line in gateway.log() if line.get("user") == user and "status" in line] == [200, 429]
    assert len(far_end.log()) == 1


@pytest.mark.parametrize(
    "fields", [{"previous_response_id": "resp_1"}, {"tools": [{"type": "web_search"}]}, {"conversation": "conv_1"}]
)
def test_what_cannot_be_seen_is_held(sdk: openai.OpenAI, far_end: FarEnd, fields: Any) -> None:
    """A cap is held for what only the provider knows: more than this budget has."""
    with pytest.raises(openai.RateLimitError) as caught:
        sdk.responses.create(model="gpt-4o/m:", input=HELLO, **fields)
    assert caught.value.code == "request_exceeds_budget"
    assert caught.value.body["budget"]["requested"] > 200_000
    assert far_end.log() == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"background": True}, "background"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"input": [7]}, "input[0]"),
        ({"metadata": {"purpose": "XX"}}, "metadata.purpose"),
    ],
)
def test_a_wrong_field_is_named(sdk: openai.OpenAI, far_end: FarEnd, fields: Any, param: str) -> None:
    """A field that is wrong or would escape metering is a 400 that names it."""
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.responses.create(**{"model": "gpt-4o/m:", "input": HELLO, **fields})
    assert caught.value.param == param
    assert far_end.log() == []


def test_a_stream_is_cut_where_its_budget_ends(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """What fits is delivered, the response is incomplete, then APIError names the budget; the provider is stopped."""
    said, last = "", None
    call: Any = {"model": f"gpt-4o/m:tokens-{ENDLESS_TOKENS}.delay-1", "input": HELLO, "extra_headers": TIGHT}
    stream = sdk.responses.create(stream=True, max_output_tokens=ENDLESS_TOKENS, **call)
    with pytest.raises(openai.APIError, match="Budget 'tight'") as caught:  # noqa: PT012 - it comes in the loop
        for event in stream:
            said += event.delta if event.type == "response.output_text.delta" else ""
            last = event
    assert last is not None
    assert last.type == "response.incomplete"
    assert (last.response.id, last.response.incomplete_details.reason) == (
        "cmpl-1",
        "max_output_tokens",
    ) or last.response.id
    assert (caught.value.code, caught.value.type) == ("budget_exceeded", "insufficient_quota")
    assert TIGHT_TOKENS - 2 * TRANCHE_TOKENS <= len(said.split()) <= used(sdk, "tight")
    assert far_end.served_tokens() < ENDLESS_TOKENS
    assert [entry["outcome"] for entry in far_end.log()] == ["left"]


def test_a_connection_cut_in_a_stream_is_raised(sdk: openai.OpenAI) -> None:
    """A provider that breaks off without a word is an error of the stream, not its quiet end."""
    said = ""
    with pytest.raises(openai.APIError) as caught:  # noqa: PT012 - it comes in the loop
        for event in sdk.responses.create(model="gpt-4o/m:tokens-40.cut-4000", input=HELLO, stream=True):
            said += event.delta if event.type == "response.output_text.delta" else ""
    assert said
    assert text(40).startswith(said)
    assert caught.value.code == "upstream_broken"
    assert 0 < used(sdk, "own") < TIGHT_TOKENS


def test_a_providers_error_in_a_stream_is_raised(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """The text before it is delivered, the error is the provider's, and what came is charged."""
    said = ""
    with pytest.raises(openai.APIError, match=r"The far end broke off\.") as caught:  # noqa: PT012 - it comes in the loop
        for event in sdk.responses.create(model="gpt-4o/m:tokens-9.error-5", input=HELLO, stream=True):
            said += event.delta if event.type == "response.output_text.delta" else ""
    assert said == text(5)
    assert caught.value.code == "overloaded"
    assert used(sdk, "own") >= far_end.served_tokens()


def test_a_client_that_leaves_is_charged_what_came(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """The prompt and the words that were received; the provider is stopped."""
    stream = sdk.responses.create(model="gpt-4o/m:tokens-900.gate-5", input=HELLO, stream=True)
    said = ""
    for event in stream:
        said += event.delta if event.type == "response.output_text.delta" else ""
        if said == text(5):
            break
    stream.close()
    eventually(lambda: far_end.log()[0]["outcome"] == "left")
    assert far_end.served_tokens() == 2 + 5
    assert 7 <= used(sdk, "own") < 60
