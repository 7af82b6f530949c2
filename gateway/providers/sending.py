"""The request as the provider gets it: our own encoding of what was understood, never the client's bytes.

The rule that matters: the one output bound that is sent is the one that was reserved; every stream reports its usage.
"""

from typing import Any

import msgspec

from gateway.model import Call, Endpoint, Provider, Route
from gateway.providers.names import BOUND_FIELDS, bound_field, thinks_unseen

_PATHS = {
    Endpoint.CHAT: "/chat/completions",
    Endpoint.COMPLETIONS: "/completions",
    Endpoint.EMBEDDINGS: "/embeddings",
}


def path(endpoint: Endpoint) -> str:
    """Give what follows the provider's base URL."""
    return _PATHS[endpoint]


def auth_headers(provider: Provider) -> dict[str, str]:
    """Give the provider's credential and its extra headers, names in lower case; an extra one wins."""
    headers = {"authorization": f"Bearer {provider.api_key.reveal()}"} if provider.api_key else {}
    return headers | {name.lower(): value.reveal() for name, value in provider.headers}


def is_visible(call: Call, route: Route) -> bool:
    """Say whether every token of the answer can be watched as it flows.

    Not so for one that is not streamed, several choices, unseen thinking, predicted output (rejected tokens are billed,
    https://platform.openai.com/docs/guides/predicted-outputs), and speech.
    """
    return (
        call.stream
        and call.choices == 1
        and not call.body.get("prediction")
        and not call.body.get("audio")
        and not thinks_unseen(route)
    )


def outgoing(call: Call, route: Route, *, cap: int | None) -> bytes:
    """Encode the body for the upstream; the Call stays as it is.

    `cap` is the most completion tokens per choice (at least 1) that the budget granted, None when it does not
    matter; it never raises the client's own bound.
    """
    body = dict(call.body)
    body["model"] = route.model
    if call.stream:
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    if call.endpoint is not Endpoint.EMBEDDINGS:
        _bind(body, call, route, cap)
    _drop_purpose(body)
    return msgspec.json.encode(body)


def _bind(body: dict[str, Any], call: Call, route: Route, cap: int | None) -> None:
    used = [name for name in BOUND_FIELDS if body.get(name) is not None]
    if call.endpoint is Endpoint.COMPLETIONS:
        field = "max_tokens"
    elif cap is None and len(used) < len(BOUND_FIELDS):
        return
    else:
        field = used[0] if len(used) == 1 else bound_field(route)
    for name in BOUND_FIELDS:
        body.pop(name, None)
    body[field] = min(bound for bound in (cap, call.output_bound) if bound is not None)


def _drop_purpose(body: dict[str, Any]) -> None:
    """Remove what only the gateway reads."""
    metadata = body.get("metadata")
    if metadata and "purpose" in metadata:
        rest = {name: value for name, value in metadata.items() if name != "purpose"}
        body["metadata"] = rest
        if not rest:
            del body["metadata"]
