"""The request for a response as the provider gets it: our own encoding, with the bound that was reserved."""

import msgspec

from gateway.model import Call, Endpoint, Route
from gateway.providers.format import Outgoing
from gateway.providers.names import thinks_unseen
from gateway.providers.openai.sending import drop_purpose


def is_visible(call: Call, route: Route) -> bool:
    """Say whether every token of the answer can be watched as it flows: no unseen thinking, no tools run elsewhere."""
    return (
        call.endpoint is Endpoint.RESPONSES
        and call.stream
        and call.choices == 1
        and not call.body.get("reasoning")
        and not thinks_unseen(route)
    )


def outgoing(call: Call, route: Route, *, cap: int | None, asks_usage: bool) -> Outgoing:  # noqa: ARG001 - never asked
    """Encode the body for the upstream; the Call stays as it is.

    `cap` is the most completion tokens of one round (at least 16, or the client's own bound); it never raises that.
    """
    body = {**call.body, "model": route.model}
    if cap is not None and call.can_cap:
        body["max_output_tokens"] = cap if call.output_bound is None else min(cap, call.output_bound)
    drop_purpose(body)
    return Outgoing(msgspec.json.encode(body))
