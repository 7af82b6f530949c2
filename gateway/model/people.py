"""Who: companies, users, agents, keys, and the caller that a key makes."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What a key may administer; calling models needs a company, whatever the role."""

    USER = "user"
    COMPANY_ADMIN = "company_admin"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Quotas:
    """A user's token limits per calendar period: None = the default applies, -1 = unlimited, 0 = blocked."""

    daily: int | None = None
    weekly: int | None = None
    monthly: int | None = None


@dataclass(frozen=True, slots=True)
class RollingBudget:
    """A company's budget: `tokens` in any `window_days` days (-1 = unlimited, 0 = blocked).

    `sliced`: each worker leases parts of it and spends them in memory.
    """

    tokens: int
    window_days: int
    sliced: bool = False


@dataclass(frozen=True, slots=True)
class Company:
    """A tenant. `id` is a lower-case GUID; `timezone` an IANA name for its calendar windows.

    `users_may_report` usage of theirs, and `users_see_company`'s bill: this is about keys of single users only.
    """

    id: str
    name: str
    budget: RollingBudget
    timezone: str
    users_may_report: bool = True
    users_see_company: bool = True


class User(msgspec.Struct, frozen=True, gc=False):
    """A person of one company; one who is not listed in the file has no name but its id, and default quotas."""

    id: str
    name: str
    company_id: str
    quotas: Quotas = Quotas()


@dataclass(frozen=True, slots=True)
class Agent:
    """The bot or app a call is made for."""

    id: str
    name: str
    company_id: str


@dataclass(frozen=True, slots=True)
class Key:
    """A credential, known by the SHA-256 of its text. Empty `models` / `purposes` allow all.

    `hint` is `sk-...abcd`, no other key's in the same configuration: usage stands under it.
    """

    name: str
    sha256: str
    hint: str
    role: Role = Role.USER
    company_id: str | None = None
    user_id: str | None = None
    agent_id: str | None = None
    models: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    default_purpose: str | None = None
    expires_at_ms: int | None = None
    acts_for_users: bool = False
    user_from_body: bool = False


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who a call is: always from the key; `company` is None only for an admin key, which cannot call models."""

    key: Key
    company: Company | None = None
    user: User | None = None
    agent: Agent | None = None

    @property
    def role(self) -> Role:
        """The key's role."""
        return self.key.role


CATEGORIES = (
    "chat",
    "knowledge_doc_indexing",
    "knowledge_doc_storage",
    "rerank",
    "database_processing",
    "tool_call",
    "asr",
    "tts",
)
"""What credits are billed under; a purpose's, else the endpoint's."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a call is made: a short code of the configuration, with its billing category (None: the endpoint's)."""

    code: str
    description: str = ""
    category: str | None = None
    deep_thought: bool = False
    imports: bool = False
