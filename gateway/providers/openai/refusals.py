"""What is refused because it cannot be bounded before the call, or because it would decide where the call goes.

The rule that matters: a request either has a bound that the gateway knows, or it is not sent.
"""

from collections.abc import Mapping
from typing import Any

from gateway.providers.fields import optional, unsupported, wrong_type
from gateway.providers.names import BOUND_FIELDS, searches_by_itself

_ADDRESS = "the gateway's configuration alone decides where a request goes"
_STATEFUL = "what the provider has stored cannot be counted before the call; send the content itself"
_SEARCH = "searches that the provider runs cannot be bounded before the call"
_OTHER_MODEL = "a request names one model, in 'model'"
_BOUND = "cap the output with 'max_tokens' or 'max_completion_tokens'"
_CHOICES = "ask for several choices with 'n'"

_REFUSED: Mapping[str, str] = {
    # Server-side request forgery through the body: CVE-2024-6587.
    "api_base": _ADDRESS,
    "base_url": _ADDRESS,
    "custom_host": _ADDRESS,
    "api_key": _ADDRESS,
    "extra_headers": _ADDRESS,
    "previous_response_id": _STATEFUL,
    "conversation": _STATEFUL,
    "web_search_options": _SEARCH,  # OpenAI, Perplexity
    "search_parameters": _SEARCH,  # xAI
    "enable_search": _SEARCH,  # Qwen
    "plugins": _SEARCH,  # OpenRouter
    "data_sources": _SEARCH,  # Azure
    "models": _OTHER_MODEL,  # OpenRouter's fallbacks
    # llama.cpp's server prefers its own names to OpenAI's (tools/server/server-schema.cpp): two bounds, one unmetered.
    "n_predict": _BOUND,
    "n_cmpl": _CHOICES,
    "num_predict": _BOUND,
    "max_new_tokens": _BOUND,
    "max_output_tokens": _BOUND,
}
_OWN_TOOLS = ("function", "custom")
_METERED = frozenset(
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
        "metadata",
        "user",
        *BOUND_FIELDS,
    )
)
"""Fields whose value decides what is held or charged."""


def refuse_unbounded(body: Mapping[str, Any], model: str) -> None:
    """Raise BadRequest naming a field that the gateway cannot bound, or does not let a client decide."""
    for name, value in body.items():
        _refuse_respelled(name)
        if name in _REFUSED and value is not None and value is not False:
            raise unsupported(name, _REFUSED[name])
    if type(body.get("prompt")) is dict:
        raise unsupported("prompt", _STATEFUL)
    if searches_by_itself(model):
        raise unsupported("model", _SEARCH)
    _refuse_hosted_tools(body)


def _refuse_respelled(name: str) -> None:
    """Refuse `Max_Tokens` and the like: servers written in Go would read it as the field that was metered.

    Their decoder folds case, U+017F and U+212A included, and lets the last spelling win
    (https://pkg.go.dev/encoding/json#Unmarshal).
    """
    folded = name.casefold()
    if folded != name and (folded in _METERED or folded in _REFUSED):
        raise unsupported(name, f"write it '{folded}'")


def _refuse_hosted_tools(body: Mapping[str, Any]) -> None:
    for place, tool in enumerate(optional(body, "tools", list) or ()):
        if type(tool) is not dict:
            raise wrong_type(f"tools[{place}]", "an object", tool)
        if tool.get("type") not in _OWN_TOOLS:
            why = (
                "only 'function' and 'custom' tools are; tools that the provider runs cannot be bounded before the call"
            )
            raise unsupported(f"tools[{place}].type", why)


def refuse_stored(part: Mapping[str, Any], at: str) -> None:
    """Raise BadRequest when a content part refers to a file that the provider stores (`file_id`)."""
    for holder in (part, *(value for value in part.values() if type(value) is dict)):
        if holder.get("file_id") is not None:
            raise unsupported(f"{at}.file_id", _STATEFUL)


def refuse_stored_audio(message: Mapping[str, Any], at: str) -> None:
    """Raise BadRequest when a message stands for an earlier spoken answer (`audio: {"id": ...}`)."""
    if message.get("audio") is not None:
        raise unsupported(f"{at}audio", _STATEFUL)
