"""The request as the provider gets it: our own encoding of what was understood, never the client's bytes.

The rule that matters: `inferenceConfig.maxTokens` is the bound that was reserved, and never the client's own or more.
"""

from typing import Any

import msgspec

from gateway.model import Call, Route
from gateway.providers.format import Outgoing
from gateway.providers.names import thinks_unseen


def is_visible(call: Call, route: Route) -> bool:
    """Say whether every token of the answer can be watched as it flows.

    Not so for thinking that is told in a summary or not at all, for tools that Bedrock runs, for a stored prompt, and
    behind a guardrail, which holds back what it takes out.
    """
    is_watched = call.stream and call.choices == 1 and call.can_cap and not call.body.get("guardrailConfig")
    return is_watched and not thinks_unseen(route, asked=call.thinks)


def outgoing(call: Call, route: Route, *, cap: int | None, asks_usage: bool) -> Outgoing:  # noqa: ARG001
    """Encode the body for the upstream; the Call stays as it is. The model is in the path, and usage is always told."""
    body: dict[str, Any] = dict(call.body)
    if cap is not None:
        most = cap if call.output_bound is None else min(cap, call.output_bound)
        body["inferenceConfig"] = {**(body.get("inferenceConfig") or {}), "maxTokens": most}
    _drop_purpose(body)
    return Outgoing(msgspec.json.encode(body))


def _drop_purpose(body: dict[str, Any]) -> None:
    """Remove what only the gateway reads."""
    metadata = body.get("requestMetadata")
    if metadata and "purpose" in metadata:
        rest = {name: value for name, value in metadata.items() if name != "purpose"}
        body["requestMetadata"] = rest
        if not rest:
            del body["requestMetadata"]
