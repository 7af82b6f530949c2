"""One call through the proxy moves every API alike, and at once: each is read right after the answer's last byte."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.store.connection import Store
from gateway.usage import parse_usage_key
from tests.gateways import ACME, ADMIN_KEY, BACKEND_KEY, BOB, HELPDESK, PROVIDER_SECRET, Client, Limits, gateway_running
from tests.provider.process import far_end_running

MODEL = "m:tokens-20.usage-always"
PRICES = f'{{per_1k_tokens: 9, models: {{"{MODEL}": {{input: 0.5, output: 2}}}}}}'
BACKEND = {"Authorization": f"Bearer {BACKEND_KEY}"}
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}
FOR_BOB = {**BACKEND, "X-Gateway-User": BOB, "X-Gateway-Agent": "helpdesk"}
WHY = {"X-Gateway-Purpose": "DT", "X-Gateway-Session": "conversation-17"}
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def far_url() -> Any:
    with far_end_running(PROVIDER_SECRET) as (port, _):
        yield f"http://127.0.0.1:{port}/v1"


@dataclass(frozen=True)
class Called:
    """A gateway through which one call went, and what the provider said that it took."""

    client: Client
    prompt: int
    completion: int

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion

    async def ask(self, path: str, headers: dict[str, str]) -> Any:
        async with self.client.get(path, **headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


@pytest.fixture(params=["whole", "stream"])
async def called(
    request: pytest.FixtureRequest, valkey_store: Store, tmp_path: Path, far_url: str
) -> AsyncIterator[Called]:
    """Give a gateway whose only call, for bob, has just been answered."""
    async with gateway_running(valkey_store, tmp_path, far_url, Limits(credits=PRICES)) as client:
        body = {"stream": True, "stream_options": {"include_usage": True}} if request.param == "stream" else {}
        async with client.chat(MODEL, headers={**FOR_BOB, **WHY}, **body) as answer:
            usage = _usage(await answer.text())
        yield Called(client, usage["prompt_tokens"], usage["completion_tokens"])


def _usage(text: str) -> dict[str, int]:
    """Read the usage of an answer in one piece, or of the last frame of a stream that has any."""
    frames = [line.removeprefix("data: ") for line in text.splitlines()]
    usage: dict[str, int] = json.loads([frame for frame in frames if frame.startswith("{")][-1])["usage"]
    return usage


async def test_company_usage(called: Called) -> None:
    """The company's window has used what the provider reported."""
    usage = await called.ask("/assistant/ai-chat/usage", BACKEND)
    assert (usage["CompanyId"], usage["TokensUsed"]) == (ACME, called.tokens)
    assert usage["TokensRemaining"] == usage["TokenLimit"] - called.tokens


async def test_user_quota(called: Called) -> None:
    """The user's day, week and month have."""
    quota = await called.ask(f"/api/chat-quota/usage/?user_uuid={BOB}", ADMIN)
    assert {quota[f"{period}_usage"] for period in ("daily", "weekly", "monthly")} == {called.tokens}


@pytest.mark.parametrize("kind", ["Daily", "Monthly"])
@pytest.mark.parametrize("whose", ["Tenant/acme", f"User/{BOB}", f"Memori/{HELPDESK}"])
async def test_consumption_logs(called: Called, whose: str, kind: str) -> None:
    """The one log of the tenant, of the user and of the agent has, under the name of the call."""
    name, _, about = whose.partition("/")
    answer = await called.ask(f"/api/v2/{name}ConsumptionLogs/{ADMIN_KEY}/{about}/{kind}", {})
    assert (answer["resultCode"], len(answer["consumptionLogs"])) == (0, 1)
    (log,) = answer["consumptionLogs"]
    ((prompt_key, prompt),) = log["promptTokens"].items()
    ((completion_key, completion),) = log["completionTokens"].items()
    assert (int(prompt), int(completion), prompt_key) == (called.prompt, called.completion, completion_key)
    key = parse_usage_key(prompt_key)
    assert (key.provider, key.endpoint, key.model, key.charge, key.purpose) == ("far", "chat", MODEL, "$", "DT")
    assert (log["tenantName"], log["userID"], log["memoriID"]) == ("acme", BOB, HELPDESK)
    counted = ("totalSessions", "validSessions", "completions", "deepThoughtValidSessions", "deepThoughtCompletions")
    assert [log[field] for field in counted] == [1, 1, 1, 1, 1]


async def test_credit_bill(called: Called) -> None:
    """The days' bill and the sum of them have it at the model's price, to the millionth."""
    now_ms = called.client.app.gateway.ledger.now_ms()
    asked = f"start_time={now_ms - DAY_MS}&end_time={now_ms}"
    days = await called.ask(f"/v1/account/bill/page?{asked}", BACKEND)
    total = await called.ask(f"/v1/account/bill/total?{asked}", BACKEND)
    micros = 500 * called.prompt + 2000 * called.completion
    assert [round(sum(day[field] for day in days) * 10**6) for field in ("total", "chat")] == [micros, micros]
    assert [round(total[field] * 10**6) for field in ("total", "chat")] == [micros, micros]


async def test_our_own_usage(called: Called) -> None:
    """`/v1/usage` has one row of it."""
    usage = await called.ask("/v1/usage?group_by=provider,endpoint,model,purpose,user,agent", BACKEND)
    (row,) = usage["data"]
    named = {"provider": "far", "endpoint": "chat", "model": MODEL, "purpose": "DT", "user": BOB, "agent": HELPDESK}
    numbers = {"requests": 1, "prompt_tokens": called.prompt, "completion_tokens": called.completion}
    assert row.items() >= (named | numbers).items()
    assert row["weighted_tokens"] == usage["total"]["weighted_tokens"] == called.tokens
    assert row["estimated_tokens"] == 0


async def test_our_own_budgets(called: Called) -> None:
    """`/v1/budget` has used it everywhere, and nothing is held any more."""
    budgets = await called.client.budgets(**FOR_BOB)
    assert set(budgets) == {"company", "user-daily", "user-weekly", "user-monthly"}
    assert {(budget["used"], budget["held"]) for budget in budgets.values()} == {(called.tokens, 0)}
