"""A gateway on a real socket in front of the far-end process, for the tests that go the whole way."""

import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from gateway.app import App
from gateway.app.lifecycle import open_app
from gateway.config import Config, load
from gateway.store.connection import Store
from gateway.supervisor import listening
from gateway.tokens import Vocabularies

ACME = "11111111-1111-4111-8111-111111111111"
OTHER = "99999999-9999-4999-8999-999999999999"
ADA = "22222222-2222-4222-8222-222222222222"
BOB = "22222222-2222-4222-8222-222222222223"
HELPDESK = "33333333-3333-4333-8333-333333333333"
ADA_KEY = "ada-key-0123456789"
BOB_KEY = "bob-key-0123456789"
BACKEND_KEY = "backend-key-0123456789"
ADMIN_KEY = "admin-key-0123456789"
OTHER_KEY = "other-key-0123456789"
PROVIDER_SECRET = "sk-upstream-secret-abcdef"


@dataclass(frozen=True)
class Limits:
    """What the tests turn; the rest of the configuration stands below."""

    company_tokens: int = 1_000_000
    daily: int = -1
    enforcement: str = "hard"
    tranche_tokens: int = 2048
    default_output_tokens: int = 64
    lease_seconds: int = 60
    budgets: str = ""
    provider: str = ""
    timeouts: str = "{connect: 2, first_byte: 2, between_bytes: 2}"
    models: str = '{"*": {reasoning: false}, "thinking*": {reasoning: true}}'
    users: str = ""
    keys: str = ""
    stall_seconds: float = 60
    max_body_bytes: int = 33_554_432
    credits: str = "{}"
    cors_origins: str = "[]"
    providers: str = ""
    agents: str = ""
    company: str = ""
    budget: str = ""
    store_url: str = "embedded"
    store: str = ""
    server: str = ""


_YAML = """
server:
  {{port: 0, drain_seconds: 5, stall_seconds: {stall_seconds}, max_body_bytes: {max_body_bytes},
    cors_origins: {cors_origins}{server}}}
store: {{url: {store_url}, data_dir: ./data{store}}}
ledger:
  enforcement: {enforcement}
  tranche_tokens: {tranche_tokens}
  default_output_tokens: {default_output_tokens}
  lease_seconds: {lease_seconds}
providers:
  far:
    dialect: openai
    base_url: {base_url}
    api_key: {PROVIDER_SECRET}
    timeouts: {timeouts}
    models: {models}
    {provider}
  off: {{dialect: openai, base_url: {base_url}, api_key: "", models: {{off-model: {{}}}}}}
{providers}
purposes:
  QA: {{description: Question answering, category: chat}}
  DT: {{description: Deep thought, category: chat, deep_thought: true}}
  IE: {{description: Import, category: knowledge_doc_indexing, import: true}}
default_purpose: QA
quotas: {{daily: {daily}, weekly: -1, monthly: -1}}
companies:
  - {{id: {ACME}, name: acme, timezone: Europe/Rome{company},
      budget: {{tokens: {company_tokens}, window_days: 30{budget}}}}}
  - {{id: {OTHER}, name: other, budget: {{tokens: 1000, window_days: 7}}}}
users:
  - {{id: {ADA}, name: ada, company: acme}}
  - {{id: {BOB}, name: bob, company: acme}}
{users}
agents:
  - {{id: {HELPDESK}, name: helpdesk, company: acme}}
{agents}
keys:
  - {{name: ada, key: {ADA_KEY}, company: acme, user: ada, agent: helpdesk}}
  - {{name: bob, key: {BOB_KEY}, company: acme, user: bob, purposes: [QA, DT], default_purpose: DT}}
  - {{name: backend, key: {BACKEND_KEY}, company: acme, acts_for_users: true, user_from_body: true}}
  - {{name: admin, key: {ADMIN_KEY}, role: admin}}
  - {{name: other, key: {OTHER_KEY}, company: other, models: ["m:*"]}}
{keys}
{budgets}
credits: {credits}
"""


def yaml(base_url: str, limits: Limits) -> str:
    """Give the configuration's text."""
    budgets = textwrap.indent(textwrap.dedent(limits.budgets).strip(), "  ")
    names = {name: value for name, value in globals().items() if name.isupper() and isinstance(value, str)}
    values = asdict(limits) | {"budgets": f"budgets:\n{budgets}" if budgets.strip() else ""}
    return _YAML.format(base_url=base_url, **names, **values)


def configured(directory: Path, base_url: str, limits: Limits) -> Config:
    """Load the configuration from a file, as the gateway does."""
    path = directory / "config.yaml"
    path.write_text(yaml(base_url, limits), "utf-8")
    return load(path, {})


@dataclass
class Client:
    """Talks to a gateway as an app with one key would."""

    url: str
    session: ClientSession
    app: App
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {ADA_KEY}"})

    def chat(self, model: str = "m:", *, headers: dict[str, str] | None = None, **body: Any):
        """Post a chat call; use as a context."""
        body = {"model": model, "messages": [{"role": "user", "content": "Hello there"}], **body}
        return self.session.post(
            f"{self.url}/v1/chat/completions", json=body, headers={**self.headers, **(headers or {})}
        )

    def post(self, path: str, body: Any, **headers: str):
        return self.session.post(f"{self.url}{path}", json=body, headers={**self.headers, **headers})

    def get(self, path: str, **headers: str):
        return self.session.get(f"{self.url}{path}", headers={**self.headers, **headers})

    async def budgets(self, **headers: str) -> dict[str, dict[str, Any]]:
        """Give the caller's budgets by name."""
        async with self.get("/v1/budget", **headers) as answer:
            assert answer.status == 200, await answer.text()
            return {one["name"]: one for one in (await answer.json())["data"]}

    async def company(self) -> tuple[int, int]:
        """Give what the company's budget has used and held, once every charge has arrived."""
        await self.app.gateway.tasks.drain(10)
        await self.app.gateway.ledger.drain(10)
        company = (await self.budgets())["company"]
        return company["used"], company["held"]


_VOCABULARIES = Vocabularies()
_VOCABULARIES.load()


@asynccontextmanager
async def gateway_running(store: Store, directory: Path, base_url: str, limits: Limits) -> AsyncIterator[Client]:
    """Give a client of a gateway on a free port of loopback."""
    config = configured(directory, base_url, limits)
    async with (
        open_app(config, store, _VOCABULARIES) as app,
        listening(app, "127.0.0.1", 0, 5) as url,
        ClientSession() as session,
    ):
        yield Client(url, session, app)
