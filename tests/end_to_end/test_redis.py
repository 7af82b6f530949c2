"""A gateway whose store is a Redis over TCP."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.end_to_end.serving import FarEnd, configured, serving, used
from tests.end_to_end.test_sdk import HELLO, text
from tests.gateways import ADA_KEY, Limits
from tests.store.servers import DURABLE, REDIS, ask, running

LIMIT_TOKENS = 1_000


@pytest.fixture
def redis_url() -> Iterator[str]:
    """Give the URL of a private Redis that listens on a free port of loopback, too."""
    if REDIS is None:
        pytest.skip("no redis-server on PATH")
    with running(REDIS, *DURABLE) as url:
        yield f"redis://127.0.0.1:{asyncio.run(listening(url))}/0"


async def listening(url: str) -> int:
    """Have a running Redis listen on a free port as well; gives the port."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    await ask(url, "CONFIG", "SET", "bind", "127.0.0.1", "port", port)
    return port


def test_budgets_hold_in_a_redis(redis_url: str, far_end: FarEnd, tmp_path: Path) -> None:
    """Chat is answered and charged, what is spent is refused, and the next gateway on the same Redis knows it."""
    limits = Limits(company_tokens=LIMIT_TOKENS)
    path = configured(tmp_path, far_end.base_url, limits, store={"url": redis_url})
    with serving(path) as served, openai.OpenAI(base_url=served.api, api_key=ADA_KEY) as ada:
        create = ada.chat.completions.create
        assert create(model="gpt-4o/m:tokens-7", **HELLO).choices[0].message.content == text(7)
        list(create(model="gpt-4o/m:tokens-7", stream=True, **HELLO))
        assert used(ada, "company") == far_end.served_tokens()
        create(model=f"gpt-4o/m:prompt-{LIMIT_TOKENS}", **HELLO)
        spent_tokens = far_end.served_tokens()
        assert served.stop() == 0
    assert [one.name for one in (tmp_path / "data").iterdir()] == ["journal"]
    with (
        serving(path) as served,
        openai.OpenAI(base_url=served.api, api_key=ADA_KEY) as ada,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        ada.chat.completions.create(model="gpt-4o/m:", **HELLO)
    assert caught.value.code == "budget_exceeded"
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["budget"]["used"] == spent_tokens
