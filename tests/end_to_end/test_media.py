"""Sounds, pictures, moderations and rankings: OpenAI's SDK and other clients, unchanged, through the gateway."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from gateway.store.connection import Store
from tests.gateways import ADA_KEY, PROVIDER_SECRET, Client, Limits, gateway_running
from tests.provider.media import MODERATION, PICTURE, RANKING, TRANSCRIPT, FarEnd, Plan, events, far_end_serving

SOUND = ("speech.mp3", b"ID3" + bytes(5_997), "audio/mpeg")
PNG = ("otter.png", b"\x89PNG\r\n\x1a\n" + bytes(8) + (512).to_bytes(4) * 2 + bytes(100), "image/png")
SPOKEN = b"\xff\xf3\xe4\xc4" + bytes(476)
"""A frame of MP3: 24 ms."""

PURPOSE: Any = {"metadata": {"purpose": "QA"}}
SPEECH: dict[str, Any] = {"model": "gpt-4o-mini-tts", "voice": "coral", "input": "Hello there, how are you?"}
TELLING = {"type": "transcript.text.delta", "delta": "I see"}
TOLD = {"type": "transcript.text.done", "text": "I see", "usage": {"input_tokens": 14, "output_tokens": 45}}


@dataclass(frozen=True)
class Far:
    """A gateway before a far end, and the official client; `requests` is how often the client asked the gateway."""

    end: FarEnd
    client: Client
    sdk: openai.AsyncOpenAI
    requests: list[Any]

    async def used(self) -> int:
        """Give what the company was charged, once nothing is held any more."""
        used, held = await self.client.company()
        assert held == 0
        return used


Opened = Callable[..., Awaitable[Far]]


@pytest.fixture
async def opened(valkey_store: Store, tmp_path: Path) -> AsyncIterator[Opened]:
    """Give what opens a gateway in front of a far end."""
    async with AsyncExitStack() as stack:

        async def enter(**limits: Any) -> Far:
            end, origin = await stack.enter_async_context(far_end_serving())
            account = (
                f"  cohere: {{dialect: openai, base_url: {origin}/v2, api_key: {PROVIDER_SECRET}, models: "
                '{"rerank-v3.5": {}}}'
            )
            settings = Limits(providers=account, **limits)
            client = await stack.enter_async_context(gateway_running(valkey_store, tmp_path, f"{origin}/v1", settings))
            requests: list[Any] = []

            async def see(answer: Any) -> None:
                requests.append(answer)

            transport = await stack.enter_async_context(openai.DefaultAsyncHttpxClient(event_hooks={"response": [see]}))
            sdk = openai.AsyncOpenAI(base_url=f"{client.url}/v1", api_key=ADA_KEY, http_client=transport)
            return Far(end, client, sdk, requests)

        yield enter


@pytest.fixture
async def far(opened: Opened) -> Far:
    """Give a gateway with wide budgets."""
    return await opened()


# ---------------------------------------------------------------- transcriptions


async def test_a_transcription(far: Far) -> None:
    """File, name, type and lists arrive; the text comes back, and the tokens that it took are charged."""
    answer: Any = await far.sdk.audio.transcriptions.create(
        model="gpt-4o-transcribe",
        file=SOUND,
        prompt="Ada",
        include=["logprobs"],
        extra_body=PURPOSE,
    )
    assert answer.text == "Honestly."
    assert await far.used() == 169
    (asked,) = far.end.asked
    assert asked.target == "/v1/audio/transcriptions"
    assert asked.headers["authorization"] == f"Bearer {PROVIDER_SECRET}"
    assert asked.fields == {
        "model": ["gpt-4o-transcribe"],
        "prompt": ["Ada"],
        "include[]": ["logprobs"],
        "file": [("speech.mp3", "audio/mpeg", SOUND[1])],
    }


async def test_a_transcription_that_is_streamed(far: Far) -> None:
    """Its events arrive as they came, and its usage is charged before the last of them."""
    far.end.plan = Plan(pieces=events(TELLING, TOLD))
    stream = await far.sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=SOUND, stream=True)
    kinds = []
    async for event in stream:
        kinds.append(event.type)
        if event.type == "transcript.text.done":
            assert (await far.client.budgets())["company"]["used"] == 59
    assert kinds == [TELLING["type"], TOLD["type"]]
    assert far.end.asked[0].fields["stream"] == ["true"]


async def test_a_stream_that_is_left_is_charged(far: Far) -> None:
    """For the sound and for what had come."""
    far.end.plan = Plan(pieces=events(TELLING, TOLD), wait_at=1)
    stream = await far.sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=SOUND, stream=True)
    async for event in stream:
        assert event.type == TELLING["type"]
        break
    await stream.close()
    while (await far.client.company())[1]:
        pass
    assert 60 <= await far.used() <= 400


async def test_a_stream_that_breaks_raises(far: Far) -> None:
    """With the gateway's error, and what had come is charged."""
    far.end.plan = Plan(pieces=events(TELLING, TOLD), break_at=1)
    stream = await far.sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=SOUND, stream=True)
    with pytest.raises(openai.APIError) as caught:
        [event async for event in stream]
    assert caught.value.code == "upstream_broken"
    assert 60 <= await far.used() <= 400


async def test_bare_text_is_charged_by_what_is_known(far: Far) -> None:
    """Subtitles tell no usage: the sound counts by its size, the text as text."""
    far.end.plan = Plan(pieces=[b"1\n00:00:00,000 --> 00:00:01,000\nHonestly.\n"], content_type="text/plain")
    answer: Any = await far.sdk.audio.transcriptions.create(model="whisper-1", file=SOUND, response_format="srt")
    assert answer.endswith("Honestly.\n")
    assert 3 * 32 + 10 <= await far.used() <= 1_200


async def test_a_second_of_sound_is_no_token(far: Far) -> None:
    """Where the provider bills the duration, there are no tokens to charge."""
    far.end.plan = Plan(body={"text": "Hi", "usage": {"type": "duration", "seconds": 9}})
    await far.sdk.audio.transcriptions.create(model="whisper-1", file=SOUND)
    assert await far.used() == 0


async def test_a_translation(far: Far) -> None:
    """It goes to its own path, and is charged by what is known."""
    far.end.plan = Plan(body={"text": "Hello, my name is Wolfgang."})
    with pytest.warns(DeprecationWarning, match="deprecated"):
        answer: Any = await far.sdk.audio.translations.create(model="whisper-1", file=SOUND)
    assert answer.text == "Hello, my name is Wolfgang."
    assert far.end.asked[0].target == "/v1/audio/translations"
    assert await far.used() > 3 * 32


async def test_a_sound_over_the_budget_is_refused(opened: Opened) -> None:
    """The SDK raises its class after one request, and the provider is not asked."""
    far = await opened(company_tokens=2_200)
    with pytest.raises(openai.RateLimitError) as caught:
        await far.sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.mp3", bytes(600_000)))
    assert caught.value.code == "request_exceeds_budget"
    assert len(far.requests) == 1
    assert far.end.asked == []
    answer: Any = await far.sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.mp3", bytes(400)))
    assert answer.text == TRANSCRIPT["text"]


# ---------------------------------------------------------------- speech


async def test_speech_flows(far: Far) -> None:
    """The first sound arrives while the rest is still being made; all of it is charged by its length."""
    far.end.plan = Plan(pieces=[SPOKEN * 50, SPOKEN * 50], content_type="audio/mpeg", wait_at=1)
    async with far.sdk.audio.speech.with_streaming_response.create(**SPEECH) as answer:
        assert answer.headers["content-type"] == "audio/mpeg"
        heard = b""
        async for chunk in answer.iter_bytes():
            heard += chunk
            far.end.gate.set()
    assert heard == SPOKEN * 100
    assert far.end.asked[0].fields == SPEECH
    # 2.4 seconds of sound, the text, and what a provider may add to it.
    assert 50 + 7 <= await far.used() <= 50 + 100


async def test_speech_in_events_tells_its_usage(far: Far) -> None:
    """Then that is charged."""
    sound = {"type": "speech.audio.delta", "audio": base64.b64encode(SPOKEN).decode()}
    done = {"type": "speech.audio.done", "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}}
    far.end.plan = Plan(pieces=events(sound, done))
    answer = await far.sdk.audio.speech.create(**SPEECH, stream_format="sse")
    assert answer.content == b"".join(events(sound, done))
    assert await far.used() == 115


async def test_characters_are_charged_where_they_are_billed(far: Far) -> None:
    """`tts-1` has no tokens: each character is one."""
    far.end.plan = Plan(pieces=[SPOKEN * 100], content_type="audio/mpeg")
    await far.sdk.audio.speech.create(**{**SPEECH, "model": "tts-1"})
    assert await far.used() == len(SPEECH["input"])


async def test_speech_that_breaks_off_does_not_end_well(far: Far) -> None:
    """A sound has no words for an error: the connection breaks, so nobody takes the half for the whole."""
    far.end.plan = Plan(pieces=[SPOKEN * 50] * 2, content_type="audio/mpeg", break_at=1)
    async with far.client.post("/v1/audio/speech", SPEECH) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    assert 25 <= await far.used() <= 200


async def test_speech_that_a_budget_cuts_does_not_end_well(opened: Opened) -> None:
    """Nor that; it is charged for what has come, which is within the budget but for what was on its way."""
    far = await opened(company_tokens=400, tranche_tokens=64)
    far.end.plan = Plan(pieces=[SPOKEN * 50] * 18, content_type="audio/mpeg")
    async with far.client.post("/v1/audio/speech", SPEECH) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    assert len(far.end.asked) == 1
    assert 300 < await far.used() <= 400 + 150


# ---------------------------------------------------------------- pictures


async def test_a_picture(far: Far) -> None:
    """It arrives, and its usage is charged."""
    answer = await far.sdk.images.generate(model="gpt-image-1", prompt="An otter", size="1024x1024", quality="low")
    assert answer.data
    assert answer.data[0].b64_json == "iVBORw=="
    assert await far.used() == PICTURE["usage"]["total_tokens"]
    assert far.end.asked[0].target == "/v1/images/generations"


async def test_a_picture_without_a_usage_is_not_free(far: Far) -> None:
    """DALL-E is billed by the picture: it is charged what one of its size takes, and the prompt."""
    far.end.plan = Plan(body={"created": 1, "data": [{"url": "https://images.example/1.png"}] * 2})
    await far.sdk.images.generate(model="dall-e-3", prompt="An otter", n=2, size="1024x1024")
    assert 2_112 < await far.used() < 2_400


async def test_a_picture_that_is_streamed(far: Far) -> None:
    """Partial pictures come as they are made, and the usage at the end is charged."""
    partial = {"type": "image_generation.partial_image", "b64_json": "iVBO", "partial_image_index": 0}
    done = {"type": "image_generation.completed", "b64_json": "iVBORw==", "usage": PICTURE["usage"]}
    far.end.plan = Plan(pieces=events(partial, done))
    stream = await far.sdk.images.generate(model="gpt-image-1", prompt="An otter", stream=True, partial_images=1)
    assert [event.type async for event in stream] == [partial["type"], done["type"]]
    assert await far.used() == 322


async def test_pictures_are_edited(far: Far) -> None:
    """Several files go in one form, and the answer is charged."""
    answer = await far.sdk.images.edit(model="gpt-image-1", prompt="A hat", image=[PNG, PNG], n=1)
    assert answer.data
    fields = far.end.asked[0].fields
    assert fields["image[]"] == [("otter.png", "image/png", PNG[1])] * 2
    assert (fields["prompt"], fields["n"], far.end.asked[0].target) == (["A hat"], ["1"], "/v1/images/edits")
    assert await far.used() == 322


async def test_a_picture_over_the_budget_is_refused(opened: Opened) -> None:
    """All that it may take is held, for nothing would stop it."""
    far = await opened(company_tokens=1_000)
    with pytest.raises(openai.RateLimitError):
        await far.sdk.images.generate(model="gpt-image-1", prompt="An otter")
    assert far.end.asked == []
    await far.sdk.images.generate(model="gpt-image-1", prompt="An otter", size="1024x1024", quality="low")
    assert await far.used() == 322


# ---------------------------------------------------------------- moderations, rankings


async def test_moderations_are_free(opened: Opened) -> None:
    """They pass, without a model too, and nothing is charged."""
    far = await opened()
    answer = await far.sdk.moderations.create(input="I will find you")
    assert answer.results[0].flagged
    assert far.end.asked[0].fields == {"model": MODERATION["model"], "input": "I will find you"}
    assert await far.used() == 0


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
async def test_rankings_are_charged_by_their_total(far: Far, path: str) -> None:
    """Wherever a client asks for them; the provider's base URL says where they go."""
    body = {"model": "bge", "query": "Which city?", "documents": ["Brasilia", "Paris"], "top_n": 1}
    async with far.client.post(path, body) as answer:
        assert await answer.json() == RANKING
    assert far.end.asked[0].target == "/v1/rerank"
    assert far.end.asked[0].fields == body
    assert await far.used() == 56


async def test_a_search_is_charged_by_what_was_read(far: Far) -> None:
    """Cohere bills searches and tells no tokens: the query counts with each document."""
    far.end.plan = Plan(body={"id": "1", "results": [], "meta": {"billed_units": {"search_units": 1}}})
    query = "Which of these cities is the capital of a country? " * 4
    body = {"model": "rerank-v3.5", "query": query, "documents": ["Brasilia", "Paris", "Rome"]}
    async with far.client.post("/v2/rerank", body) as answer:
        assert answer.status == 200
    assert far.end.asked[0].target == "/v2/rerank"
    assert await far.used() > 3 * 45


async def test_what_a_provider_refuses_is_free(far: Far) -> None:
    """Its words reach the client, and nothing is charged."""
    far.end.plan = Plan(body={"error": {"message": "Audio file might be corrupted"}}, status=400)
    with pytest.raises(openai.BadRequestError, match="corrupted"):
        await far.sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=SOUND)
    assert await far.used() == 0


async def test_json_is_no_form(far: Far) -> None:
    """A transcription takes a form and nothing else."""
    async with far.client.post("/v1/audio/transcriptions", {"model": "whisper-1"}) as answer:
        assert answer.status == 415
    assert far.end.asked == []
