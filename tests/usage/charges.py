"""Callers, routes and prices to charge, for the tests of this room."""

from gateway.config.value import Credits
from gateway.model import (
    Agent,
    Caller,
    Company,
    Endpoint,
    Key,
    ModelSpec,
    Provider,
    Purpose,
    RollingBudget,
    Route,
    User,
)
from gateway.usage import Charge, Rollups

COMPANY_ID = "11111111-1111-4111-8111-111111111111"
ACME = Company(COMPANY_ID, "acme", RollingBudget(1_000_000, 30), "Europe/Rome")
ADA = User("22222222-2222-4222-8222-222222222222", "ada", COMPANY_ID)
BOB = User("44444444-4444-4444-8444-444444444444", "bob", COMPANY_ID)
HELPDESK = Agent("33333333-3333-4333-8333-333333333333", "helpdesk", COMPANY_ID)
KEY = Key("ada-laptop", "0" * 64, "sk-...abcd", company_id=COMPANY_ID)

EXACT = ModelSpec("gpt-4o-mini")
PATTERN = ModelSpec("*")
OPENAI = Provider("openai", "openai", "https://api.openai.com/v1", models=(EXACT,))
LOCAL = Provider("local", "openai", "http://127.0.0.1:11434/v1", models=(PATTERN,), chargeable=False)

QA = Purpose("QA", category="chat")
PLAIN = Purpose("P")
DT = Purpose("DT", category="chat", deep_thought=True)
IE = Purpose("IE", category="knowledge_doc_indexing", imports=True)

PRICES = Credits(1_000_000, {"gpt-4o-mini": (150_000, 600_000)}, "Europe/Rome")
DAY_MS = 86_400_000
NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00Z


def rollups(prices: Credits = PRICES) -> Rollups:
    """Make the room with these prices."""
    return Rollups(prices, ttl_seconds=400 * 86_400)


def charge(
    provider: Provider = OPENAI,
    purpose: Purpose = QA,
    endpoint: Endpoint = Endpoint.CHAT,
    user: User | None = ADA,
    agent: Agent | None = HELPDESK,
    **rest: object,
) -> Charge:
    """Make a charge."""
    model = "llama3" if provider is LOCAL else "gpt-4o-mini"
    route = Route(provider, provider.models[0], model)
    return Charge(Caller(KEY, ACME, user, agent), purpose, route, endpoint, model, **rest)
