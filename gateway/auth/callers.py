"""Owns credential -> `Caller`. The tenant always comes from the key, never from what else a request claims.

A key is looked up by the SHA-256 of its text, so neither its text nor a guess at it is compared anywhere, and a stolen
hash is no key. One `Callers` is built per configuration and never changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from hmac import compare_digest

from msgspec import structs
from multidict import MultiMapping

from gateway.auth.credentials import read_key, wrong_key
from gateway.errors import BadRequest, Forbidden
from gateway.model import Agent, Caller, Company, Key, User
from gateway.model.guid import parse_guid

USER_HEADER = "X-Gateway-User"
AGENT_HEADER = "X-Gateway-Agent"
USER_FIELD = "user"

_NOBODY = Caller(Key(name="", sha256="0" * 64, hint=""))


class Callers:
    """Every key of a configuration with whom it stands for.

    `companies` and `agents` are by id, `users` by (company id, user id). Raises `KeyError` for a key that names a
    company or an agent which is not there: the configuration checks that.
    """

    def __init__(
        self,
        keys: Iterable[Key],
        companies: Mapping[str, Company],
        users: Mapping[tuple[str, str], User],
        agents: Mapping[str, Agent],
    ) -> None:
        self._users = users
        self._listed = frozenset(user_id for _, user_id in users)
        self._agents = {(agent.company_id, agent.name): agent for agent in agents.values()}
        self._agents |= {(agent.company_id, agent.id): agent for agent in agents.values()}
        self._callers = {
            key.sha256: Caller(
                key,
                company=None if key.company_id is None else companies[key.company_id],
                user=None if key.company_id is None or key.user_id is None else self._user(key.company_id, key.user_id),
                agent=None if key.agent_id is None else agents[key.agent_id],
            )
            for key in (replace(key, sha256=key.sha256.lower()) for key in keys)
        }

    def identify(self, headers: MultiMapping[str], *, now_ms: int, body_user: object = None) -> Caller:
        """Tell who is calling, from the request's headers and, where the key allows it, the body's `user`.

        Raises `Unauthenticated` (no key or a wrong one), `Forbidden` (a user or agent that this key may not name) and
        `BadRequest` (a header that is repeated, a user that is no GUID).
        """
        caller = self.holder(read_key(headers), now_ms=now_ms)
        user = self._claimed_user(caller, headers, body_user)
        agent = self._claimed_agent(caller, headers)
        if user is None and agent is None:
            return caller
        return structs.replace(caller, user=user or caller.user, agent=agent or caller.agent)

    def holder(self, key_text: str, *, now_ms: int) -> Caller:
        """Tell whose key this is; raises `Unauthenticated` when nobody's, or when it has expired."""
        digest = sha256(key_text.encode("utf-8", "surrogatepass")).hexdigest()
        caller = self._callers.get(digest, _NOBODY)
        expires_at_ms = caller.key.expires_at_ms
        is_theirs = compare_digest(caller.key.sha256, digest)
        if not is_theirs or (expires_at_ms is not None and now_ms >= expires_at_ms):
            raise wrong_key()
        return caller

    def _claimed_user(self, caller: Caller, headers: MultiMapping[str], body_user: object) -> User | None:
        key = caller.key
        may_claim = key.acts_for_users and key.company_id is not None
        param = USER_HEADER
        claim: object
        if USER_HEADER in headers:
            if not may_claim:
                raise Forbidden(f"This key may not send {USER_HEADER}.", param=USER_HEADER)
            claim = _single(headers, USER_HEADER)
        elif may_claim and key.user_from_body and body_user is not None:
            claim, param = body_user, USER_FIELD
        else:
            return None
        user_id = parse_guid(claim) if isinstance(claim, str) else None
        if user_id is None:
            raise BadRequest(f"{param} must be a GUID.", param=param)
        if (key.company_id, user_id) not in self._users and user_id in self._listed:
            raise Forbidden(f"{param} names no user of this key's company.", param=param)
        return self._user(key.company_id or "", user_id)

    def _claimed_agent(self, caller: Caller, headers: MultiMapping[str]) -> Agent | None:
        if AGENT_HEADER not in headers:
            return None
        claim = _single(headers, AGENT_HEADER)
        agent = self._agents.get((caller.key.company_id or "", parse_guid(claim) or claim))
        if agent is None:
            raise Forbidden(f"{AGENT_HEADER} names no agent of this key's company.", param=AGENT_HEADER)
        return agent

    def _user(self, company_id: str, user_id: str) -> User:
        return self._users.get((company_id, user_id)) or User(id=user_id, name=user_id, company_id=company_id)


def _single(headers: MultiMapping[str], name: str) -> str:
    values = headers.getall(name)
    if len(values) > 1:
        raise BadRequest(f"{name} must be sent once.", param=name)
    return values[0].strip()
