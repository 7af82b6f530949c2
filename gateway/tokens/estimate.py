"""Prompt tokens before a call, and completion tokens where the provider said nothing.

The one rule: `exact() <= bound()`, and neither is knowingly below the truth. The bound costs nothing: a body's text has
no more tokens than the body has bytes, and its punctuation pays for the tokens around messages (true of 344 of 345
recorded calls; the rest is what `Family` adds). `exact` is for when the bound would refuse.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from gateway.model import Call, Endpoint, Estimate, Media, Provider
from gateway.tokens.chat import json_parts, prompt_parts
from gateway.tokens.constants import CHATS, DEMO, FAMILIES, UNKNOWN, Family
from gateway.tokens.counter import Counter, Tally
from gateway.tokens.media import media_tokens
from gateway.tokens.text import byte_bound


def family_of(model: str, dialect: str = "openai") -> Family:
    """Give how a model's tokens are counted, by its name as the upstream knows it."""
    if dialect == "demo":
        return DEMO
    name = model.lower()
    return next((family for family in FAMILIES if family.pattern.search(name)), UNKNOWN)


def added_tokens(model: str, provider: Provider, endpoint: Endpoint, *, has_tools: bool) -> int:
    """Give what a provider adds to a prompt, unseen: as it is configured, else as its model's family is known to.

    OpenAI's own models and the demo are always counted by their formula. A vendor's template stands around chats; of
    what is configured, `plain` is taken for everything else too.
    """
    family = _family(model, provider)
    template = provider.template_tokens
    if template is None or family.formula:
        return family.added_tokens(endpoint, has_tools=has_tools)
    return template.tools if endpoint in CHATS and has_tools else template.plain


def bound(call: Call, provider: Provider) -> Estimate:
    """Bound a prompt by the bytes of its body, without reading it."""
    return Estimate(0 if call.is_free else _text_bytes(call) + _unseen_tokens(call, provider), exact=call.is_free)


async def exact(call: Call, provider: Provider, counter: Counter, prompt: Callable[[], Any]) -> Estimate:
    """Count a prompt: by OpenAI's formula where it holds, else o200k tokens times the family's multiplier.

    `prompt` gives what the model is to read as JSON, without the bytes of media; it is pure, and may take a while.
    `exact` says that nothing but the model's own vocabulary and formula went into the number.
    """
    if call.is_free:
        return bound(call, provider)
    family = _family(call.model, provider)
    tokens = await counter.run(lambda tally: _counted(call, prompt(), family, tally), call.model, call.body_bytes)
    if tokens is None:
        return bound(call, provider)
    unseen = _unseen_tokens(call, provider)
    return Estimate(min(_text_bytes(call), tokens) + unseen, exact=family.formula and unseen == 0)


async def output_tokens(texts: Sequence[str], model: str, counter: Counter, dialect: str = "openai") -> int:
    """Count an answer's texts (each choice, its reasoning, each call's arguments: whole, not by the chunk)."""
    counted = await counter.count(texts, model)
    if not counted.exact:
        return counted.tokens
    return min(math.ceil(family_of(model, dialect).multiplier * counted.tokens), sum(map(byte_bound, texts)))


def _counted(call: Call, prompt: Any, family: Family, tally: Tally) -> int | None:
    """Take the prompt apart and count it; None if it cannot be taken apart."""
    parts = (prompt_parts if family.formula else json_parts)(call.endpoint, prompt)
    if not parts.complete:
        return None
    return math.ceil(family.multiplier * (tally(parts.texts) + parts.overhead_tokens)) + parts.ids


def _unseen_tokens(call: Call, provider: Provider) -> int:
    """Give what is in the prompt but not in the body's text: media, and what the provider adds."""
    added = added_tokens(call.model, provider, call.endpoint, has_tools=call.has_tools)
    stored = provider.unseen_tokens if call.has_unseen else 0
    return added + stored + sum(_media_tokens(part, call.model, provider) for part in call.media)


def _media_tokens(part: Media, model: str, provider: Provider) -> int:
    return media_tokens(part, model) if provider.media_tokens is None else provider.media_tokens


def _text_bytes(call: Call) -> int:
    """Give the bytes of a body but for the media that stand in it."""
    return call.body_bytes - sum(part.characters for part in call.media)


def _family(model: str, provider: Provider) -> Family:
    """Give the family of a model; `provider/model` is the gateway's own way to write it."""
    return family_of(model.removeprefix(f"{provider.name}/"), provider.dialect)
