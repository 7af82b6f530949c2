"""What `make run` serves: the example as it is, with the keys that it publishes and the model that is built in."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import openai
import pytest

from tests.end_to_end.serving import Served, serving
from tests.end_to_end.test_sdk import HELLO
from tests.provider.process import ROOT

ADA_KEY = "demo-ada-0123456789"
OPS_KEY = "demo-ops-0123456789"
ADA_DAILY_TOKENS = 3_000
ENOUGH_CALLS = 500


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the example for the tests that leave enough of ada's day to each other."""
    with serving(copied(tmp_path_factory.mktemp("example"))) as served:
        yield served


def copied(directory: Path) -> Path:
    """Give a copy of the example, so that its data are not the checkout's, with a free port for operators."""
    path = directory / "config.example.yaml"
    path.write_text((ROOT / path.name).read_text("utf-8").replace("port: 8081", "port: 0"), "utf-8")
    return path


@pytest.fixture
def ada(example: Served) -> Iterator[openai.OpenAI]:
    """Give the official client with the published key of ada."""
    with openai.OpenAI(base_url=example.api, api_key=ADA_KEY) as sdk:
        yield sdk


@pytest.mark.parametrize("stream", [False, True])
def test_the_published_key_gets_an_answer(ada: openai.OpenAI, stream: bool) -> None:
    """The demo model answers, whole and streamed, and the headers name what is left of ada's day and of the company."""
    raw = ada.chat.completions.with_raw_response.create(model="demo", stream=stream, **HELLO)
    answer = raw.parse()
    if stream:
        said = "".join(chunk.choices[0].delta.content or "" for chunk in answer)
    else:
        said = answer.choices[0].message.content
    assert 'You said: "Hello there"' in said
    assert f'"user-daily";q={ADA_DAILY_TOKENS};qu="tokens";w=' in raw.headers["RateLimit-Policy"]
    assert '"company";q=1000000;qu="tokens";w=2592000' in raw.headers["RateLimit-Policy"]
    assert '"user-daily";r=' in raw.headers["RateLimit"]
    assert raw.headers["x-ratelimit-limit-tokens"] == str(ADA_DAILY_TOKENS)


def test_the_demo_is_the_one_model(ada: openai.OpenAI) -> None:
    """The model that the start screen names is listed; its embeddings work too."""
    assert [model.id for model in ada.models.list()] == ["demo"]
    assert len(ada.embeddings.create(model="demo", input="Hello").data[0].embedding) > 1


def test_adas_day_ends_in_a_refusal_that_says_when_the_next_begins(tmp_path: Path) -> None:
    """Asked again and again, the answer is a 429 that names her daily quota and the next midnight in Rome."""
    with (  # noqa: PT012 - one of many calls
        serving(copied(tmp_path)) as served,
        openai.OpenAI(base_url=served.api, api_key=ADA_KEY) as ada,
        pytest.raises(openai.RateLimitError, match="Budget 'user-daily'") as caught,
    ):
        for _ in range(ENOUGH_CALLS):
            ada.chat.completions.create(model="demo", **HELLO)
    assert caught.value.code == "budget_exceeded"
    assert isinstance(caught.value.body, dict)
    told = caught.value.body["budget"]
    assert (told["name"], told["limit"], told["held"]) == ("user-daily", ADA_DAILY_TOKENS, 0)
    assert told["used"] + told["requested"] > ADA_DAILY_TOKENS >= told["used"]
    resets_at = datetime.fromisoformat(told["resets_at"])
    assert resets_at.astimezone(ZoneInfo("Europe/Rome")).time() == time(0)
    assert timedelta(0) < resets_at - datetime.now(UTC) <= timedelta(hours=25)
    assert told["resets_at"] in caught.value.message
    assert 0 < int(caught.value.response.headers["Retry-After"]) <= 25 * 3600


def test_the_operators_key_cannot_call_models(example: Served) -> None:
    """The published key without a company is told so."""
    with (
        openai.OpenAI(base_url=example.api, api_key=OPS_KEY) as ops,
        pytest.raises(openai.PermissionDeniedError, match="company"),
    ):
        ops.chat.completions.create(model="demo", **HELLO)


def test_the_start_screen_shows_what_to_try(example: Served) -> None:
    """A curl line with the real address and a published key is printed, for a call and for a stream."""
    screen = example.start_screen()
    assert f"{example.api}/chat/completions" in screen
    assert f"Authorization: Bearer {ADA_KEY}" in screen
    assert '"stream": true' in screen
