"""The request as the provider gets it: our own encoding of what was understood, never the client's bytes.

The rule that matters: the bound is `options.num_predict`, and never the client's own or more.
"""

from typing import Any

import msgspec

from gateway.model import Call, Endpoint, Route
from gateway.providers.format import Outgoing
from gateway.providers.names import thinks_unseen


def is_visible(call: Call, route: Route) -> bool:
    """Say whether every token of the answer can be watched as it flows: thinking is shown, as is a tool's call."""
    return call.stream and not thinks_unseen(route, asked=call.thinks)


def outgoing(call: Call, route: Route, *, cap: int | None, asks_usage: bool) -> Outgoing:  # noqa: ARG001
    """Encode the body for the upstream; the Call stays as it is. Its last line always tells the usage."""
    body: dict[str, Any] = dict(call.body)
    body["model"] = route.model
    if cap is not None and call.endpoint is not Endpoint.OLLAMA_EMBED:
        most = cap if call.output_bound is None else min(cap, call.output_bound)
        body["options"] = {**(body.get("options") or {}), "num_predict": most}
    return Outgoing(msgspec.json.encode(body))
