"""The request as the provider gets it: our own encoding of what was understood, never the client's bytes.

The rule that matters: `maxOutputTokens` bounds thoughts and answer together, and is never above the client's own.
"""

from typing import Any

import msgspec

from gateway.model import Call, Endpoint, Route
from gateway.providers.format import Outgoing
from gateway.providers.gemini.spelling import objects, spelled
from gateway.providers.names import thinks_unseen

_TEXT = "text"


def is_visible(call: Call, route: Route) -> bool:
    """Say whether every token of the answer can be watched as it flows.

    Not so for thoughts, which are left out or summarised (https://ai.google.dev/gemini-api/docs/thinking), for images
    and speech, and for tools that the provider runs.
    """
    is_watched = call.stream and call.choices == 1 and _is_text(call)
    return is_watched and not thinks_unseen(route, asked=call.thinks)


def _is_text(call: Call) -> bool:
    config = call.body.get(spelled(call.body, "generationConfig")) or {}
    modalities = config.get(spelled(config, "responseModalities"))
    if type(modalities) is not list:
        return modalities is None
    return all(type(one) is str and one.lower() == _TEXT for one in modalities)


def outgoing(call: Call, route: Route, *, cap: int | None, asks_usage: bool) -> Outgoing:  # noqa: ARG001
    """Encode the body for the upstream; the Call stays as it is. Its streams always report their usage."""
    body = dict(call.body)
    _rename(body, route)
    if cap is not None and call.endpoint is Endpoint.GENERATE_CONTENT:
        _bind(body, cap if call.output_bound is None else min(cap, call.output_bound))
    _drop_purpose(body)
    return Outgoing(msgspec.json.encode(body))


def _rename(body: dict[str, Any], route: Route) -> None:
    """Put the model as the upstream knows it where the body repeats it."""
    name = f"models/{route.model}"
    if body.get("model") is not None:
        body["model"] = name
    requests = objects(body, "requests")
    if requests:
        body["requests"] = [one if one.get("model") is None else {**one, "model": name} for one in requests]
    counted = spelled(body, "generateContentRequest")
    inside = body.get(counted)
    if type(inside) is dict and inside.get("model") is not None:
        body[counted] = {**inside, "model": name}


def _bind(body: dict[str, Any], bound: int) -> None:
    place = spelled(body, "generationConfig")
    config = dict(body.get(place) or {})
    config[spelled(config, "maxOutputTokens")] = bound
    body[place] = config


def _drop_purpose(body: dict[str, Any]) -> None:
    """Remove from a body what only the gateway reads."""
    labels = body.get("labels")
    if type(labels) is dict and "purpose" in labels:
        body["labels"] = {name: value for name, value in labels.items() if name != "purpose"}
        if not body["labels"]:
            del body["labels"]
