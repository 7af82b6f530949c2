"""What is refused because it would escape metering, or would decide where the call goes.

The rule that matters: a request has the bound that the gateway read, and names the models that the gateway saw.
"""

from collections.abc import Mapping
from typing import Any

from gateway.providers.fields import unsupported

_ADDRESS = "the gateway's configuration alone decides where a request goes"
_BOUND = "cap the output with 'max_tokens'"
_CHOICES = "a message has one answer"
_OTHER_MODEL = "a request names one model, in 'model'"

_REFUSED: Mapping[str, str] = {
    # Server-side request forgery through the body: CVE-2024-6587.
    "api_base": _ADDRESS,
    "base_url": _ADDRESS,
    "custom_host": _ADDRESS,
    "api_key": _ADDRESS,
    "extra_headers": _ADDRESS,
    "fallbacks": _OTHER_MODEL,
    "models": _OTHER_MODEL,
    # Other servers that speak this language have names of their own: two bounds, one unmetered.
    "max_completion_tokens": _BOUND,
    "max_new_tokens": _BOUND,
    "max_output_tokens": _BOUND,
    "max_tokens_to_sample": _BOUND,
    "n_predict": _BOUND,
    "num_predict": _BOUND,
    "n": _CHOICES,
    "n_cmpl": _CHOICES,
    "best_of": _CHOICES,
}
_METERED = frozenset(
    (
        "model",
        "messages",
        "system",
        "max_tokens",
        "stream",
        "thinking",
        "tools",
        "mcp_servers",
        "container",
        "context_management",
        "compaction",
        "thread",
        "metadata",
        "speed",
    )
)
"""Fields whose value decides what is held or charged."""


def refuse_unbounded(body: Mapping[str, Any]) -> None:
    """Raise BadRequest naming a field that the gateway cannot bound, or does not let a client decide.

    `Max_Tokens` and the like are refused too: servers written in Go read them as the field that was metered
    (https://pkg.go.dev/encoding/json#Unmarshal).
    """
    for name, value in body.items():
        folded = name.casefold()
        if folded != name and (folded in _METERED or folded in _REFUSED):
            raise unsupported(name, f"write it '{folded}'")
        if name in _REFUSED and value is not None and value != []:
            raise unsupported(name, _REFUSED[name])
