"""`additionalModelRequestFields`: a model's own parameters, beside those that Converse knows.

The rule that matters: a request has the one bound that the gateway read, in `inferenceConfig.maxTokens`; each vendor
has another name for it, and a second bound that nobody metered would win.
(https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html)
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.providers.anthropic.tools import Tools, tools_of
from gateway.providers.fields import invalid, optional, unsupported
from gateway.providers.names import claude_thinks

_AT = "additionalModelRequestFields"
_BOUND = "cap the output with 'inferenceConfig.maxTokens'"
_CHOICES = "a Converse call has one answer"
_LETTERS = re.compile(r"[^a-z0-9]")

_REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "maxtokens",
            "maxtokenstosample",  # Claude 2
            "maxgenlen",  # Llama
            "maxnewtokens",  # Nova
            "maxtokencount",  # Titan
            "maxlength",
            "maxcompletiontokens",  # OpenAI's models
            "maxoutputtokens",
        ),
        _BOUND,
    ),
    **dict.fromkeys(("n", "bestof", "numgenerations", "numresults"), _CHOICES),
    "fallbacks": "a request names one model, in its path",
}
_THINKING = ("thinking", "reasoning_config", "reasoningConfig")
_EFFORT = "reasoning_effort"
# Models that think not at all, or show what they think; Nova thinks when it is told to
# (https://docs.aws.amazon.com/bedrock/latest/userguide/inference-reasoning.html).
_UNSEEN = re.compile(r"\bopenai\.(gpt-[5-9]|o\d)")
_ALOUD = re.compile(
    r"\b(amazon\.(nova|titan)|meta\.llama|mistral\.|cohere\.|ai21\.|deepseek\.|qwen\.|writer\.|openai\.gpt-oss)"
)


@dataclass(frozen=True, slots=True)
class Extras:
    """What a model's own parameters mean: tools beside Converse's, the fewest tokens that its thinking leaves legal.

    `thinks`: whether it thinks unseen; None where nothing is known of it.
    """

    tools: Tools
    has_tools: bool
    least_output: int
    thinks: bool | None


def extras_of(body: Mapping[str, Any], model: str, bound: int | None) -> Extras:
    """Check a model's own parameters and give what they mean. Raises BadRequest."""
    fields = optional(body, _AT, dict) or {}
    _refuse(fields, _AT)
    for name, value in fields.items():
        if type(value) is dict:
            _refuse(value, f"{_AT}.{name}")
    budget = _budget(fields)
    return Extras(
        tools=tools_of(fields),
        has_tools=bool(fields.get("tools") or fields.get("mcp_servers")),
        least_output=budget + 1 if bound is not None and budget < bound else 1,
        thinks=_thinks(fields, model),
    )


def _refuse(fields: Mapping[str, Any], at: str) -> None:
    for name, value in fields.items():
        why = _REFUSED.get(_LETTERS.sub("", name.casefold()))
        if why is not None and value is not None:
            raise unsupported(f"{at}.{name}", why)


def _budget(fields: Mapping[str, Any]) -> int:
    """Give the tokens that thinking may take, and that the bound must leave room for."""
    budgets = [0]
    for name in _THINKING:
        thinking = optional(fields, name, dict, at=f"{_AT}.") or {}
        at = f"{_AT}.{name}."
        budget = optional(thinking, "budget_tokens", int, at=at) or 0
        if budget < 0:
            raise invalid(f"{at}budget_tokens", "it must not be negative")
        budgets.append(budget)
    return max(budgets)


def _thinks(fields: Mapping[str, Any], model: str) -> bool | None:
    asked = [fields[name].get("type") for name in _THINKING if fields.get(name)]
    if asked:
        return any(kind != "disabled" for kind in asked)
    name = model.lower()
    if _ALOUD.search(name):
        return False
    return True if fields.get(_EFFORT) or _UNSEEN.search(name) else claude_thinks(name)
