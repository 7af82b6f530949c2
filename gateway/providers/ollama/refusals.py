"""What is refused because it would escape metering, or would decide where the call goes.

The rule that matters: Ollama is written in Go, whose JSON decoder folds the case of names and lets the last spelling
win (https://pkg.go.dev/encoding/json#Unmarshal): a second spelling of a metered field would be another request.
"""

from collections.abc import Mapping
from typing import Any

from gateway.providers.fields import unsupported

_ADDRESS = "the gateway's configuration alone decides where a request goes"
_BOUND = "cap the output with 'options.num_predict'"

_REFUSED: Mapping[str, str] = {
    "api_base": _ADDRESS,
    "base_url": _ADDRESS,
    "custom_host": _ADDRESS,
    "api_key": _ADDRESS,
    "extra_headers": _ADDRESS,
    # Other servers that speak this language have names of their own: two bounds, one unmetered.
    "num_predict": _BOUND,
    "n_predict": _BOUND,
    "max_tokens": _BOUND,
    "max_completion_tokens": _BOUND,
    "max_new_tokens": _BOUND,
    "max_output_tokens": _BOUND,
}
_METERED = frozenset(
    (
        "model",
        "messages",
        "prompt",
        "suffix",
        "system",
        "template",
        "context",
        "images",
        "input",
        "stream",
        "think",
        "tools",
        "format",
        "options",
    )
)
"""Fields whose value decides what is held or charged."""

_METERED_OPTIONS = frozenset({"num_predict", "n_predict"})


def refuse(body: Mapping[str, Any]) -> None:
    """Raise BadRequest naming a field that the gateway cannot bound, or does not let a client decide."""
    for name, value in body.items():
        _refuse_respelled(name, _METERED | _REFUSED.keys())
        if name in _REFUSED and value is not None:
            raise unsupported(name, _REFUSED[name])


def refuse_options(options: Mapping[str, Any]) -> None:
    """Raise BadRequest naming an option that is a second name of the bound."""
    for name, value in options.items():
        _refuse_respelled(name, _METERED_OPTIONS, at="options.")
        if name == "n_predict" and value is not None:
            raise unsupported("options.n_predict", _BOUND)


def refuse_respelled_in(message: Mapping[str, Any], at: str) -> None:
    """Raise BadRequest naming a field of a message that the server would read as its `images`."""
    for name in message:
        _refuse_respelled(name, frozenset({"images"}), at=at)


def _refuse_respelled(name: str, known: frozenset[str] | set[str], *, at: str = "") -> None:
    folded = name.casefold()
    if folded != name and folded in known:
        raise unsupported(at + name, f"write it '{folded}'")
