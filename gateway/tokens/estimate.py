"""Prompt tokens before a call, and completion tokens where the provider said nothing.

The one rule: neither `bound()` nor `exact()` is knowingly below the truth, and `exact() <= bound()` unless a provider
was seen to report more. The bound costs nothing: a body's text has no more tokens than the body has bytes, and its
punctuation pays for the tokens around messages (true of 344 of 345 recorded calls; the rest is what a provider adds,
families.py). `exact` is for when the bound would refuse.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gateway.model import Call, Endpoint, Estimate, Media, Provider
from gateway.tokens.counter import Counter, Tally
from gateway.tokens.families import CHATS, FORMULAS, Family, family_of, usual_tokens
from gateway.tokens.media import media_tokens
from gateway.tokens.parts import Parts, json_parts, prompt_parts
from gateway.tokens.text import byte_bound

Factor = Callable[[int], float]
"""(an estimate in tokens) -> what to multiply it with; `Corrections.factor` of one model."""


class Sum(msgspec.Struct, frozen=True, gc=False):
    """The text of a prompt in tokens, and how many more may stand there, unseen."""

    tokens: int
    slack_tokens: int = 0


def added_tokens(model: str, provider: Provider, endpoint: Endpoint, *, has_tools: bool) -> int:
    """Give what a provider adds to a prompt, unseen: as it is configured, else as it is usual (families.py).

    OpenAI's own models and the demo are always counted by their formula. A vendor's template stands around chats; of
    what is configured, `plain` is taken for everything else too.
    """
    template = provider.template_tokens
    if template is None or _is_formula(_family(model, provider), endpoint):
        return usual_tokens(_bare(model, provider), provider.dialect, endpoint, has_tools=has_tools)
    return template.tools if endpoint in CHATS and has_tools else template.plain


def bound(call: Call, provider: Provider) -> Estimate:
    """Bound a prompt by the bytes of its body, without reading it."""
    if call.is_free:
        return Estimate(0, exact=True)
    return Estimate(_text_bytes(call) + _added_tokens(call, provider) + _unseen_tokens(call, provider), exact=False)


async def exact(
    call: Call, provider: Provider, counter: Counter, prompt: Callable[[], Any], factor: Factor | None = None
) -> Estimate:
    """Count a prompt: by OpenAI's formula where it holds, else o200k tokens times the family's multiplier.

    `prompt` gives what the model is to read as JSON, without the bytes of media; it is pure, and may take a while.
    `exact` says that nothing but the model's own vocabulary and formula went into the number. `factor` corrects the
    text's part by what was learned: it may raise any, and lowers only what is no formula, of text alone.
    """
    if call.is_free:
        return bound(call, provider)
    family = _family(call.model, provider)
    counted = await counter.run(lambda tally: _counted(call, prompt(), family, tally), call.model, call.body_bytes)
    return bound(call, provider) if counted is None else estimated(call, provider, counted, factor)


def estimated(call: Call, provider: Provider, counted: Sum, factor: Factor | None = None) -> Estimate:
    """Give the estimate of a prompt whose text was counted."""
    added = _added_tokens(call, provider)
    text_tokens = min(_text_bytes(call), counted.tokens + counted.slack_tokens) + added
    unseen = _unseen_tokens(call, provider)
    is_formula = _is_formula(_family(call.model, provider), call.endpoint)
    is_text = not call.media and not call.has_unseen
    by = 1.0 if factor is None else factor(text_tokens)
    if is_formula or not is_text:
        by = max(1.0, by)
    return Estimate(
        math.ceil(text_tokens * by) + unseen,
        exact=is_formula and counted.slack_tokens + added + unseen == 0 and by == 1,
        uncorrected_tokens=text_tokens if is_text else None,
    )


async def output_tokens(texts: Sequence[str], model: str, counter: Counter, dialect: str = "openai") -> int:
    """Count an answer's texts (each choice, its reasoning, each call's arguments: whole, not by the chunk)."""
    counted = await counter.count(texts, model)
    if not counted.exact:
        return counted.tokens
    return min(math.ceil(family_of(model, dialect).multiplier * counted.tokens), sum(map(byte_bound, texts)))


def _counted(call: Call, prompt: Any, family: Family, tally: Tally) -> Sum | None:
    """Take the prompt apart and count it; None if it cannot be taken apart."""
    take_apart = prompt_parts if _is_formula(family, call.endpoint) else json_parts
    parts = take_apart(call.endpoint, prompt)
    return counted_parts(parts, tally(parts.texts), family) if parts.complete else None


def counted_parts(parts: Parts, text_tokens: int, family: Family) -> Sum:
    """Sum what was taken apart, its texts counted with an OpenAI vocabulary."""
    texts = len(parts.texts) * family.text_tokens
    return Sum(
        math.ceil(family.multiplier * (text_tokens + parts.overhead_tokens)) + texts + parts.ids, parts.slack_tokens
    )


def _added_tokens(call: Call, provider: Provider) -> int:
    return added_tokens(call.model, provider, call.endpoint, has_tools=call.has_tools)


def _unseen_tokens(call: Call, provider: Provider) -> int:
    """Give what is in the prompt but neither in the body's text nor around it: what is stored elsewhere, and media."""
    stored = provider.unseen_tokens if call.has_unseen else 0
    return stored + sum([_media_tokens(part, call.model, provider) for part in call.media])


def _media_tokens(part: Media, model: str, provider: Provider) -> int:
    return media_tokens(part, model) if provider.media_tokens is None else provider.media_tokens


def _text_bytes(call: Call) -> int:
    """Give the bytes of a body but for the media that stand in it."""
    return call.body_bytes - sum([part.characters for part in call.media])


def _is_formula(family: Family, endpoint: Endpoint) -> bool:
    return family.formula and endpoint in FORMULAS


def _bare(model: str, provider: Provider) -> str:
    """Drop the provider; `provider/model` is the gateway's own way to write it."""
    return model.removeprefix(f"{provider.name}/")


def _family(model: str, provider: Provider) -> Family:
    return family_of(_bare(model, provider), provider.dialect)
