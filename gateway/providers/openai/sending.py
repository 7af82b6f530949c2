"""The request as the provider gets it: our own encoding of what was understood, never the client's bytes.

The rule that matters: the one output bound that is sent is the one that was reserved; every stream reports its usage.
"""

from typing import Any

import msgspec

from gateway.model import Call, Endpoint, Route
from gateway.providers.format import Outgoing
from gateway.providers.names import BOUND_FIELDS, bound_field, thinks_unseen


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


def outgoing(call: Call, route: Route, *, cap: int | None, asks_usage: bool) -> Outgoing:
    """Encode the body for the upstream; the Call stays as it is.

    `cap` is the most completion tokens per choice (at least 1) that the budget granted, None when it does not
    matter; it never raises the client's own bound. A stream is asked for its usage, unless the upstream is known to
    refuse that.
    """
    body = dict(call.body)
    body["model"] = route.model
    if call.stream and asks_usage:
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    if call.endpoint is not Endpoint.EMBEDDINGS:
        _bind(body, call, route, cap)
    drop_purpose(body)
    return Outgoing(msgspec.json.encode(body))


def outgoing_renamed(call: Call, route: Route, *, cap: int | None, asks_usage: bool) -> Outgoing:  # noqa: ARG001
    """Encode the body of an operation that takes no bound and reports its usage unasked: under the upstream's name."""
    body = {**call.body, "model": route.model}
    drop_purpose(body)
    return Outgoing(msgspec.json.encode(body))


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


def drop_purpose(body: dict[str, Any]) -> None:
    """Remove from a body what only the gateway reads."""
    metadata = body.get("metadata")
    if metadata and "purpose" in metadata:
        rest = {name: value for name, value in metadata.items() if name != "purpose"}
        body["metadata"] = rest
        if not rest:
            del body["metadata"]
