"""What is refused because it would escape metering, or would decide where the call goes; and which tools run elsewhere.

The rule that matters: what has no bound before the call is sent only where the provider reports it with the answer; a
configured cap is held for it meanwhile (`Call.has_unseen`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.providers.fields import optional, unsupported, wrong_type
from gateway.providers.names import BOUND_FIELDS

ROUNDS = 10
"""How often a model may go on after a tool that its provider runs, where the client names no limit."""

_ADDRESS = "the gateway's configuration alone decides where a request goes"
_OTHER_MODEL = "a request names one model, in 'model'"
_BOUND = "cap the output with 'max_tokens' or 'max_completion_tokens'"
_CHOICES = "ask for several choices with 'n'"
_RESPONSE_BOUND = "cap the output with 'max_output_tokens'"
_ONE = "a response is one answer"
_BACKGROUND = "what an answer in the background takes is told to nobody who could charge it"

_EVERYWHERE: Mapping[str, str] = {
    # Server-side request forgery through the body: CVE-2024-6587.
    "api_base": _ADDRESS,
    "base_url": _ADDRESS,
    "custom_host": _ADDRESS,
    "api_key": _ADDRESS,
    "extra_headers": _ADDRESS,
    "models": _OTHER_MODEL,  # OpenRouter's fallbacks
    "fallbacks": _OTHER_MODEL,  # LiteLLM's
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What one operation refuses, field by field with the reason, and the fields that decide what is held or charged.

    A field that is null or false asks for nothing, and is not refused.
    """

    refused: Mapping[str, str]
    metered: frozenset[str]


CHAT = Rules(
    {
        **_EVERYWHERE,
        # llama.cpp's server prefers its own names to OpenAI's (tools/server/server-schema.cpp): two bounds, one
        # unmetered.
        "n_predict": _BOUND,
        "n_cmpl": _CHOICES,
        "num_predict": _BOUND,
        "max_new_tokens": _BOUND,
        "max_output_tokens": _BOUND,
    },
    frozenset(
        (
            "model",
            "messages",
            "prompt",
            "input",
            "suffix",
            "stream",
            "stream_options",
            "n",
            "best_of",
            "tools",
            "functions",
            "prediction",
            "audio",
            "service_tier",
            "metadata",
            "user",
            *BOUND_FIELDS,
        )
    ),
)

RESPONSES = Rules(
    {
        **_EVERYWHERE,
        **dict.fromkeys((*BOUND_FIELDS, "n_predict", "num_predict", "max_new_tokens"), _RESPONSE_BOUND),
        **dict.fromkeys(("n", "best_of", "n_cmpl"), _ONE),
        "background": _BACKGROUND,
    },
    frozenset(
        (
            "model",
            "input",
            "instructions",
            "stream",
            "tools",
            "max_output_tokens",
            "max_tool_calls",
            "previous_response_id",
            "conversation",
            "prompt",
            "context_management",
            "service_tier",
            "metadata",
            "user",
        )
    ),
)


MEDIA = Rules(
    CHAT.refused,
    CHAT.metered
    | {
        "file",
        "image",
        "images",
        "mask",
        "instructions",
        "response_format",
        "stream_format",
        "speed",
        "chunking_strategy",
        "size",
        "quality",
        "partial_images",
        "query",
        "documents",
    },
)
"""Sounds, pictures, moderations and rankings; what is refused to a chat is refused to them."""


def refuse(body: Mapping[str, Any], rules: Rules) -> None:
    """Raise BadRequest naming a field that would escape metering, or that the gateway does not let a client decide."""
    for name, value in body.items():
        _refuse_respelled(name, rules)
        if name in rules.refused and value is not None and value is not False:
            raise unsupported(name, rules.refused[name])


def _refuse_respelled(name: str, rules: Rules) -> None:
    """Refuse `Max_Tokens` and the like: servers written in Go would read it as the field that was metered.

    Their decoder folds case, U+017F and U+212A included, and lets the last spelling win
    (https://pkg.go.dev/encoding/json#Unmarshal).
    """
    folded = name.casefold()
    if folded != name and (folded in rules.metered or folded in rules.refused):
        raise unsupported(name, f"write it '{folded}'")


def tools_in(holder: Mapping[str, Any], *, at: str = "") -> list[dict[str, Any]]:
    """Give the definitions of tools, each an object. Raises BadRequest."""
    tools = optional(holder, "tools", list, at=at) or []
    for place, tool in enumerate(tools):
        if type(tool) is not dict:
            raise wrong_type(f"{at}tools[{place}]", "an object", tool)
    return tools


def has_hosted(tools: Iterable[Mapping[str, Any]], own: frozenset[str]) -> bool:
    """Say whether the provider runs one of these tools; `own` are the types that the client runs."""
    return any(type(tool.get("type")) is not str or tool["type"] not in own for tool in tools)
