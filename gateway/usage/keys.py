"""Owns the names of the roll-ups' keys in the store. All keys of a company carry its shard's tag.

`T:u:` usage of a day, user and agent (hash); `T:s:`, `T:v:`, `T:d:` its sessions: all, valid, valid with deep thought
(sets of digests); `T:i:` the `user|agent` pairs of a day (set); `T:c:` a billing day's credits (hash).
"""

from datetime import UTC, date, datetime, tzinfo
from hashlib import blake2b

from gateway.model import Agent, User
from gateway.store.shards import prefix

USAGE = "u"
ALL_SESSIONS = "s"
VALID_SESSIONS = "v"
DEEP_SESSIONS = "d"
SESSIONS = (ALL_SESSIONS, VALID_SESSIONS, DEEP_SESSIONS)
SESSION_BYTES = 8

_NOBODY = "-"
_PAIR_BAR = "|"


def day_of(instant_ms: int, zone: tzinfo = UTC) -> date:
    """Give the day of an instant in a zone."""
    return datetime.fromtimestamp(instant_ms // 1000, zone).date()


def pair(user: User | None, agent: Agent | None) -> str:
    """Give the member of a day's index for a user and an agent; `-` stands for none."""
    return f"{user.id if user else _NOBODY}{_PAIR_BAR}{agent.id if agent else _NOBODY}"


def parse_pair(text: str) -> tuple[str | None, str | None]:
    """Take a member of a day's index apart into user id and agent id."""
    user_id, _, agent_id = text.partition(_PAIR_BAR)
    return None if user_id == _NOBODY else user_id, None if agent_id == _NOBODY else agent_id


def pairs_like(user_id: str | None, agent_id: str | None) -> str:
    """Give the pattern (MATCH of SSCAN) for the pairs of a user, of an agent, of both; None stands for all."""
    return f"{user_id or '*'}{_PAIR_BAR}{agent_id or '*'}"


def index(company_id: str, day: date) -> str:
    """Give the set of `user|agent` pairs with traffic on a day (UTC)."""
    return f"{prefix(company_id)}i:{company_id}:{day:%Y%m%d}"


def rollup(letter: str, company_id: str, day: date, pair: str) -> str:
    """Give the usage hash or a session set of a day (UTC) and a `user|agent` pair."""
    return f"{prefix(company_id)}{letter}:{company_id}:{day:%Y%m%d}:{pair.replace(_PAIR_BAR, ':')}"


def credits_hash(company_id: str, billing_day: date) -> str:
    """Give the hash of a billing day: category -> millionths of a credit."""
    return f"{prefix(company_id)}c:{company_id}:{billing_day:%Y%m%d}"


def session_digest(session: str) -> str:
    """Give what is kept of a session's name, which is client text: 8 bytes in hex."""
    return blake2b(session.encode("utf-8", "surrogatepass"), digest_size=SESSION_BYTES).hexdigest()
