"""A limit is a limit, and it refuses nobody who has room: one call, many at once, streams that hide their usage."""

import asyncio
from typing import Any

import pytest

from tests.gateways import Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.pipeline.raw import until_nothing_is_held
from tests.provider.process import ProviderProcess

LIMIT = 100
OPTIONS = [
    {},
    {"stream_options": {}},
    {"stream_options": None},
    {"stream_options": {"include_usage": False}},
    {"stream_options": {"include_usage": None}},
    {"stream_options": {"include_obfuscation": False}},
    {"stream_options": {"continuous_usage_stats": True, "include_usage": False}},
]


async def status_of(client: Client, model: str, **body: Any) -> int:
    """Make a call to its end; gives its status."""
    async with client.chat(model, **body) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize(
    ("stream", "body"),
    [
        (False, {}),
        (False, {"max_tokens": 663}),
        (True, {"max_tokens": 663}),
        (True, {"max_tokens": 1}),
        (True, {"max_completion_tokens": 663}),
    ],
)
async def test_one_call_does_not_take_more_than_the_limit(
    open_gateway: OpenGateway, far: ProviderProcess, stream: bool, body: dict[str, Any]
) -> None:
    """663 tokens do not fit into a limit of 100, in one call or in twenty, and the provider is told so.

    (A stream that nobody bounds is watched and cut instead: tests/pipeline/test_unbounded.py.)
    """
    client = await open_gateway(Limits(company_tokens=LIMIT))
    statuses = [await status_of(client, "gpt-4o/m:tokens-663", stream=stream, **body) for _ in range(20)]
    assert (statuses[0], statuses[-1]) == (200, 429)
    used, held = await client.company()
    served = await far.settled()
    assert (used, held) == (served["prompt_tokens"] + served["completion_tokens"], 0)
    assert used <= LIMIT


@pytest.mark.parametrize("stream", [False, True])
async def test_calls_at_once_do_not_pass_together(
    open_gateway: OpenGateway, far: ProviderProcess, stream: bool
) -> None:
    """Of forty calls in flight, each of which would fit alone, those pass that fit together."""
    client = await open_gateway(Limits(company_tokens=400, tranche_tokens=16))
    calls = [status_of(client, "gpt-4o/m:tokens-50", stream=stream, max_tokens=50) for _ in range(40)]
    statuses = await asyncio.gather(*calls)
    used = await until_nothing_is_held(client)
    served = await far.settled()
    assert set(statuses) == {200, 429}
    assert served["prompt_tokens"] <= used <= 400


@pytest.mark.parametrize("options", OPTIONS, ids=str)
async def test_a_stream_cannot_hide_its_usage(
    open_gateway: OpenGateway, far: ProviderProcess, options: dict[str, Any]
) -> None:
    """Whatever a client says of `stream_options`, the provider is asked, and what it tells is charged exactly."""
    client = await open_gateway()
    assert await status_of(client, "m:tokens-30", stream=True, **options) == 200
    (entry,) = await far.log()
    assert '"include_usage":true' in entry["body"].replace(" ", "")
    assert await client.company() == (entry["prompt_tokens"] + entry["completion_tokens"], 0)


@pytest.mark.parametrize("body", [{}, {"max_tokens": 100_000}])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_very_first_call_is_not_refused(
    open_gateway: OpenGateway, body: dict[str, Any], stream: bool
) -> None:
    """What would be reserved by default, or what a client allows at most, may be far above a small limit."""
    client = await open_gateway(Limits(company_tokens=60, default_output_tokens=50_000))
    assert await status_of(client, "gpt-4o/m:tokens-10", stream=stream, **body) == 200
    used, held = await client.company()
    assert (0 < used <= 60, held) == (True, 0)


async def test_a_large_bound_does_not_keep_others_out(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """Eight streams that may each write as much as the whole budget run beside each other."""
    client = await open_gateway(Limits(company_tokens=20_000, tranche_tokens=64))
    calls = [
        asyncio.create_task(status_of(client, "gpt-4o/m:tokens-40.gate-20", stream=True, max_tokens=20_000))
        for _ in range(8)
    ]
    while (await far.served())["running"] < len(calls):  # noqa: ASYNC110 - another process cannot set an Event
        await asyncio.sleep(0.01)
    await far.open()
    assert await asyncio.gather(*calls) == [200] * 8
    served = await far.settled()
    assert await client.company() == (served["prompt_tokens"] + served["completion_tokens"], 0)
