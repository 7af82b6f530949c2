"""A far end, a gateway before it, and the official SDK as an app would hold it: each test is a user of its own."""

from collections.abc import AsyncIterator, Callable, Iterator
from uuid import uuid4

import openai
import pytest

from tests.end_to_end.serving import FarEnd, Served, configured, serving
from tests.gateways import BACKEND_KEY, PROVIDER_SECRET, Limits
from tests.provider.process import far_end_running

BODY_BYTES = 65_536
OWN_TOKENS = 2_000
TIGHT_TOKENS = 290
TRANCHE_TOKENS = 64
BUDGETS = f"""
- {{name: own, scope: user, match: {{purpose: QA}}, window: {{rolling_days: 30}}, limit: {OWN_TOKENS}}}
- {{name: tight, scope: user, match: {{purpose: DT}}, window: {{rolling_days: 30}}, limit: {TIGHT_TOKENS}}}
"""


@pytest.fixture(scope="session")
def far_end_process() -> Iterator[FarEnd]:
    """Start the far end."""
    with far_end_running(PROVIDER_SECRET) as (port, _pid):
        yield FarEnd(port)


@pytest.fixture
def far_end(far_end_process: FarEnd) -> FarEnd:
    """Give the far end with an empty log and a shut gate."""
    far_end_process.reset()
    return far_end_process


@pytest.fixture(scope="session")
def gateway(far_end_process: FarEnd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the tests' configuration, with small budgets for each user and two providers that do not answer."""
    account = {"dialect": "openai", "base_url": far_end_process.base_url, "api_key": PROVIDER_SECRET}
    providers = {
        "hasty": {**account, "timeouts": {"first_byte": 0.2}, "models": {"m:silent": {}}},
        "gone": {**account, "base_url": "http://127.0.0.1:1/v1", "models": {"gone": {}}},
    }
    path = configured(
        tmp_path_factory.mktemp("gateway"),
        far_end_process.base_url,
        Limits(budgets=BUDGETS, tranche_tokens=TRANCHE_TOKENS),
        server={"max_body_bytes": BODY_BYTES},
        providers=providers,
    )
    with serving(path) as served:
        yield served


Client = Callable[..., openai.OpenAI]


@pytest.fixture
def client() -> Iterator[Client]:
    """Give a maker of SDK clients, by default as a new user of the company; they are closed."""
    made: list[openai.OpenAI] = []

    def make(served: Served, key: str = BACKEND_KEY, **options) -> openai.OpenAI:
        headers = {"X-Gateway-User": str(uuid4())} if key == BACKEND_KEY else {}
        made.append(openai.OpenAI(base_url=served.api, api_key=key, default_headers=headers, **options))
        return made[-1]

    yield make
    for sdk in made:
        sdk.close()


@pytest.fixture
def sdk(client: Client, gateway: Served) -> openai.OpenAI:
    """Give the official client, as a new user."""
    return client(gateway)


@pytest.fixture
async def async_sdk(gateway: Served) -> AsyncIterator[openai.AsyncOpenAI]:
    """Give the official async client, as a new user."""
    headers = {"X-Gateway-User": str(uuid4())}
    async with openai.AsyncOpenAI(base_url=gateway.api, api_key=BACKEND_KEY, default_headers=headers) as sdk:
        yield sdk
