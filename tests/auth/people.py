"""Two companies with their people and keys, for the tests of this room."""

from hashlib import sha256

from gateway.auth import Callers
from gateway.model import Agent, Company, Key, Role, RollingBudget, User

NOW_MS = 1_790_000_000_000

ACME = Company("11111111-1111-4111-8111-111111111111", "acme", RollingBudget(1_000_000, 30), "Europe/Rome")
RIVAL = Company("99999999-9999-4999-8999-999999999999", "rival", RollingBudget(1_000_000, 30), "UTC")
ADA = User("22222222-2222-4222-8222-222222222222", "ada", ACME.id)
EVE = User("88888888-8888-4888-8888-888888888888", "eve", RIVAL.id)
STRANGER_ID = "abcdefab-cdef-4abc-8def-abcdefabcdef"
HELPDESK = Agent("33333333-3333-4333-8333-333333333333", "helpdesk", ACME.id)
RIVAL_BOT = Agent("77777777-7777-4777-8777-777777777777", "rival-bot", RIVAL.id)

ADA_KEY = "sk-ada-0123456789"
SERVICE_KEY = "sk-service-0123456789"
BODY_KEY = "sk-body-0123456789"
OPS_KEY = "sk-ops-0123456789"
OLD_KEY = "sk-old-0123456789"


def key(name: str, text: str, **rest: object) -> Key:
    """Make a key of a text."""
    return Key(name=name, sha256=sha256(text.encode()).hexdigest(), hint=f"sk-...{text[-4:]}", **rest)


KEYS = (
    key("ada", ADA_KEY, company_id=ACME.id, user_id=ADA.id, agent_id=HELPDESK.id),
    key("service", SERVICE_KEY, company_id=ACME.id, acts_for_users=True),
    key("body", BODY_KEY, company_id=ACME.id, acts_for_users=True, user_from_body=True),
    key("ops", OPS_KEY, role=Role.ADMIN),
    key("old", OLD_KEY, company_id=ACME.id, expires_at_ms=NOW_MS),
)


def callers() -> Callers:
    """Build the room for these people."""
    return Callers(
        KEYS,
        {company.id: company for company in (ACME, RIVAL)},
        {(user.company_id, user.id): user for user in (ADA, EVE)},
        {agent.id: agent for agent in (HELPDESK, RIVAL_BOT)},
    )
