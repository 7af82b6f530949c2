"""What a model's name tells: whether it thinks unseen, which field caps its output, whether it searches by itself.

The rule that matters: an unknown name gets the answer that cannot lose tokens (it may think unseen).
"""

import re

from gateway.model import Route

BOUND_FIELDS = ("max_tokens", "max_completion_tokens")

# OpenAI's models that show every token they produce (https://platform.openai.com/docs/models); Azure writes gpt-35.
_THINKS_ALOUD = re.compile(r"gpt-4|gpt-3\.5|gpt-35|chatgpt-4o|(text-|code-)?davinci|(text-)?babbage")
# These refuse `max_tokens` on chat (https://platform.openai.com/docs/guides/reasoning).
_COMPLETION_FIELD = re.compile(r"o\d|gpt-[5-9]")
# Claude thinks up to its version 4 when a request turns that on, and from 5 on its own; a proxy may write 4.5
# (https://platform.claude.com/docs/en/build-with-claude/thinking, configuration by model).
_CLAUDE = re.compile(r"\bclaude\b")
_THINKS_WHEN_ASKED = re.compile(r"\bclaude-(instant|v?[1-4]\b|[a-z]+-4\b)")
# Gemini thinks from 2.5 on, and only some of that version can be told not to; the aliases stand for newer ones
# (https://ai.google.dev/gemini-api/docs/thinking). Gemma does from 4 on.
_GEMINI_THINKS = re.compile(r"gemini-(2\.5|[3-9]|(flash|flash-lite|pro)-latest$)|gemini-2\.0.*thinking|gemma-?[4-9]")
_GEMINI_ALOUD = re.compile(r"gemini-(1\.|2\.0)|gemma-?[1-3]")
# Dated names included, as `gpt-4o-search-preview-2025-03-11`; `:online` is OpenRouter's suffix for web search, and
# Groq's compound systems search and compute as they like (https://console.groq.com/docs/compound).
_SEARCHES = re.compile(r"-search-(preview|api)(-\d{4}-\d{2}-\d{2})?$|:online$|(^|/)compound(-beta)?(-mini)?$")


def thinks_unseen(route: Route, *, asked: bool | None = None) -> bool:
    """Say whether the model may produce tokens that its stream does not show.

    The configuration's word wins, then the request's (`Call.thinks`).
    """
    if route.spec.reasoning is not None:
        return route.spec.reasoning
    if asked is not None:
        return asked
    return route.provider.dialect != "demo" and not _THINKS_ALOUD.match(_bare(route.model))


def thinks(route: Route, *, asked: bool | None = None) -> bool:
    """Say whether the model is known to think unseen: by the configuration's word, the request's, or its name."""
    if route.spec.reasoning is not None:
        return route.spec.reasoning
    if asked is not None:
        return asked
    return _COMPLETION_FIELD.match(_bare(route.model)) is not None


def claude_thinks(model: str) -> bool | None:
    """Say whether a Claude thinks where the request does not say; None for other models."""
    name = _bare(model)
    return _THINKS_WHEN_ASKED.search(name) is None if _CLAUDE.search(name) else None


def gemini_thinks(model: str, budget: int | None) -> bool | None:
    """Say whether a Gemini thinks, given the thinking budget of the request; None for names that nobody knows."""
    name = _bare(model)
    if _GEMINI_THINKS.match(name):
        return not (budget == 0 and name.startswith("gemini-2.5"))
    return False if _GEMINI_ALOUD.match(name) else None


def bound_field(route: Route) -> str:
    """Name the chat field that caps this model's output."""
    if route.spec.reasoning or _COMPLETION_FIELD.match(_bare(route.model)):
        return "max_completion_tokens"
    return "max_tokens"


def searches_by_itself(model: str) -> bool:
    """Say whether the model looks things up on its own: its input then has no bound before the call."""
    return _SEARCHES.search(model) is not None


def _bare(model: str) -> str:
    """Drop a vendor (`openai/gpt-4o`) and the mark of a fine-tuned model (`ft:gpt-4o:org::id`)."""
    return model.rsplit("/", 1)[-1].removeprefix("ft:")
