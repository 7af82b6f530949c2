"""Owns API keys: whose they are and what they may do.

The rule that matters: only the SHA-256 of a key goes on from here, with a hint to tell keys apart by.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from gateway.config.address import is_loopback
from gateway.config.findings import Findings, Path
from gateway.config.people import People
from gateway.config.schema import Document, KeySection
from gateway.config.upstreams import check_purpose, has_model
from gateway.model import Key, Provider, Role

DEMO_KEYS = frozenset({"demo-ada-0123456789", "demo-backend-0123456789", "demo-ops-0123456789"})
"""The keys that config.example.yaml publishes: good on this machine only."""
_HINT_CHARACTERS = 4
_HASH_CHARACTERS = 64
_DEMO_HASHES = frozenset(sha256(text.encode()).hexdigest() for text in DEMO_KEYS)


def is_published(key: Key) -> bool:
    """Whether anybody can know this key: it stands in config.example.yaml."""
    return key.sha256 in _DEMO_HASHES


def build_keys(
    document: Document, people: People, providers: Mapping[str, Provider], findings: Findings
) -> tuple[Key, ...]:
    """Make the keys, in the file's order."""
    keys = []
    for index, section in enumerate(document.keys):
        path = ("keys", index)
        _check_owner(section, path, findings)
        _check_use(section, path, document, providers, findings)
        keys.append(_key(section, path, people))
    _check_names(keys, findings)
    _check_texts(document, keys, findings)
    return tuple(told_apart(keys))


def told_apart(keys: Sequence[Key]) -> list[Key]:
    """Give the keys with hints that are each one key's, as usage is counted by hint.

    Keys that share their last four characters get those of their SHA-256, or as many more as it takes.
    """
    shared = {hint for hint, count in Counter(key.hint for key in keys).items() if count > 1}
    digests = {key.sha256 for key in keys if key.hint in shared}
    taken = {key.hint for key in keys}
    for characters in range(_HINT_CHARACTERS, _HASH_CHARACTERS + 1):
        hints = {digest: _hint(digest[-characters:]) for digest in digests}
        if len(set(hints.values())) == len(digests) and taken.isdisjoint(hints.values()):
            return [replace(key, hint=hints.get(key.sha256, key.hint)) for key in keys]
    return list(keys)  # keys without a text, which are refused


def _hint(end: str) -> str:
    return f"sk-...{end}"


def _key(section: KeySection, path: Path, people: People) -> Key:
    company = people.companies.find("", section.company, (*path, "company"))
    user = people.users.find(company.id, section.user, (*path, "user")) if company else None
    agent = people.agents.find(company.id, section.agent, (*path, "agent")) if company else None
    digest = sha256(section.key.encode()).hexdigest() if section.key else (section.sha256 or "").lower()
    return Key(
        name=section.name,
        sha256=digest,
        hint=_hint((section.key or digest)[-_HINT_CHARACTERS:]),
        role=section.role,
        company_id=company.id if company else None,
        user_id=user.id if user else None,
        agent_id=agent.id if agent else None,
        models=section.models,
        purposes=section.purposes,
        default_purpose=section.default_purpose,
        expires_at_ms=section.expires,
        acts_for_users=section.acts_for_users,
        user_from_body=section.user_from_body,
    )


def _check_owner(section: KeySection, path: Path, findings: Findings) -> None:
    if (section.key is None) == (section.sha256 is None):
        findings.add(path, "needs exactly one of key and sha256")
    if section.company is None:
        if section.role is not Role.ADMIN:
            findings.add(path, "needs a company, as its role is not admin")
        for name in ("user", "agent", "acts_for_users"):
            if getattr(section, name):
                findings.add((*path, name), "needs a company beside it")
    if section.acts_for_users and section.user is not None:
        findings.add((*path, "user"), "cannot stand beside acts_for_users: such a key belongs to no single user")
    if section.user_from_body and not section.acts_for_users:
        findings.add((*path, "user_from_body"), "needs acts_for_users: true beside it")


def _check_use(
    section: KeySection, path: Path, document: Document, providers: Mapping[str, Provider], findings: Findings
) -> None:
    for index, code in enumerate(section.purposes):
        check_purpose(document, code, (*path, "purposes", index), findings)
    if section.default_purpose is not None:
        check_purpose(document, section.default_purpose, (*path, "default_purpose"), findings)
        if section.purposes and section.default_purpose not in section.purposes:
            findings.add((*path, "default_purpose"), "is not among this key's purposes")
    for index, glob in enumerate(section.models):
        if not _can_match(glob, providers):
            findings.add((*path, "models", index), "matches no model of any provider")


def _can_match(glob: str, providers: Mapping[str, Provider]) -> bool:
    prefix, slash, rest = glob.partition("/")
    if slash and prefix in providers:
        return has_model([providers[prefix]], rest)
    return has_model(providers.values(), glob)


def _check_names(keys: list[Key], findings: Findings) -> None:
    seen: set[str] = set()
    for index, key in enumerate(keys):
        if key.name in seen:
            findings.add(("keys", index, "name"), "is the name of another key already")
        seen.add(key.name)


def _check_texts(document: Document, keys: list[Key], findings: Findings) -> None:
    first: dict[str, str] = {}
    is_public = not is_loopback(document.server.host)
    for index, (section, key) in enumerate(zip(document.keys, keys, strict=True)):
        path = ("keys", index, "key" if section.key else "sha256")
        if key.sha256 in first:
            findings.add(path, f"is the same key as {first[key.sha256]}")
        if key.sha256:
            first.setdefault(key.sha256, key.name)
        if is_public and is_published(key):
            findings.add(path, "is published in config.example.yaml: set an own key to listen on more than loopback")
