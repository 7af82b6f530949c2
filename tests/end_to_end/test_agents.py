"""An agent framework over the gateway: the official agents SDK, by either of the APIs that it speaks."""

from collections.abc import Iterator

import agents
import openai
import pytest

from tests.end_to_end.serving import FarEnd, Served
from tests.end_to_end.test_sdk import text

WORDS = 4
MODEL = f"gpt-4o/m:call.tokens-{WORDS}"
ASKED: list[str] = []


@agents.function_tool
def get_weather(q: str) -> str:
    """Tell the weather."""
    ASKED.append(q)
    return "sunny"


@pytest.fixture(autouse=True)
def _nothing_leaves() -> Iterator[None]:
    """Forget what the tool was asked, and send no traces."""
    ASKED.clear()
    agents.set_tracing_disabled(disabled=True)
    yield
    agents.set_tracing_disabled(disabled=False)


@pytest.fixture(params=[agents.OpenAIResponsesModel, agents.OpenAIChatCompletionsModel], ids=["responses", "chat"])
def agent(request: pytest.FixtureRequest, async_sdk: openai.AsyncOpenAI) -> agents.Agent:
    """Give an agent with one tool, whose model is asked by one of the two APIs."""
    model = request.param(model=MODEL, openai_client=async_sdk)
    return agents.Agent(name="weather", instructions="Answer briefly.", tools=[get_weather], model=model)


async def spent(sdk: openai.AsyncOpenAI) -> int:
    """Give what the user's budget has used."""
    answer = await sdk.get("/budget", cast_to=object)
    return next(one["used"] for one in answer["data"] if one["name"] == "own")


async def test_an_agent_calls_its_tool(agent: agents.Agent, async_sdk: openai.AsyncOpenAI, far_end: FarEnd) -> None:
    """Two calls: the model asks for the tool, gets its result, and answers; both are charged as reported."""
    result = await agents.Runner.run(agent, "Hello there")
    assert (result.final_output, ASKED) == (text(WORDS), [text(WORDS)])
    assert len(far_end.log()) == 2
    told = result.context_wrapper.usage
    assert (told.requests, told.total_tokens) == (2, far_end.served_tokens())
    assert await spent(async_sdk) == told.total_tokens


async def test_an_agent_streams(agent: agents.Agent, async_sdk: openai.AsyncOpenAI, far_end: FarEnd) -> None:
    """The same by streams."""
    result = agents.Runner.run_streamed(agent, "Hello there")
    kinds = [event.type async for event in result.stream_events()]
    assert (result.final_output, ASKED) == (text(WORDS), [text(WORDS)])
    assert "raw_response_event" in kinds
    assert await spent(async_sdk) == far_end.served_tokens()


async def test_an_agent_hears_that_its_budget_is_spent(
    agent: agents.Agent, gateway: Served, async_sdk: openai.AsyncOpenAI, far_end: FarEnd
) -> None:
    """The SDK's own error comes through the framework, after one request."""
    agent.instructions = "Be very, very brief. " * 500
    with pytest.raises(openai.RateLimitError) as caught:
        await agents.Runner.run(agent, "Hello there")
    assert caught.value.code == "request_exceeds_budget"
    gateway.call_of(caught.value.request_id or "")
    user = async_sdk.default_headers["X-Gateway-User"]
    assert [line["status"] for line in gateway.log() if line.get("user") == user and "status" in line] == [429]
    assert far_end.log() == []
