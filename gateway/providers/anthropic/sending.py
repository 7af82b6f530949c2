"""The request as the provider gets it: our own encoding of what was understood, never the client's bytes.

The rule that matters: `max_tokens` is the bound that was reserved, and never the client's own or more.
"""

import msgspec

from gateway.model import Call, Endpoint, Route
from gateway.providers.format import Outgoing
from gateway.providers.names import thinks_unseen
from gateway.providers.openai.sending import drop_purpose


def is_visible(call: Call, route: Route) -> bool:
    """Say whether every token of the answer can be watched as it flows.

    Not so for thinking, of which a stream shows a summary or nothing and which is billed whole
    (https://platform.claude.com/docs/en/build-with-claude/thinking), for tools that the provider runs, and for a
    compaction.
    """
    is_watched = call.stream and call.choices == 1 and not call.body.get("compaction")
    return is_watched and not thinks_unseen(route, asked=call.thinks)


def outgoing(call: Call, route: Route, *, cap: int | None, asks_usage: bool) -> Outgoing:  # noqa: ARG001
    """Encode the body for the upstream; the Call stays as it is. Its streams always report their usage."""
    body = dict(call.body)
    body["model"] = route.model
    if cap is not None and call.endpoint is Endpoint.MESSAGES:
        body["max_tokens"] = min(cap, body["max_tokens"])
    drop_purpose(body)
    return Outgoing(msgspec.json.encode(body))
