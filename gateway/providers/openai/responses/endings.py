"""How a streamed response ends badly: cut by a budget, or with an error.

The rule that matters: clients of this API wait for an event that ends the response, so a cut one ends with
`response.incomplete`; the error that follows has OpenAI's own fields flat, as documented, and once more under `error`,
for that is what both official SDKs raise on.
"""

from typing import Any

import msgspec

from gateway.errors import GatewayError
from gateway.model import Call
from gateway.providers.openai.endings import error_body
from gateway.providers.openai.responses.texts import open_object


def cut_frame(_call: Call, template: bytes | None) -> bytes:
    """Give the event that says that the length ended the response; `template` is the JSON of `response.created`.

    Nothing where there is none: an event about a response of another id would confuse a client.
    """
    created = open_object(template or b"")
    response = None if created is None else created.get("response")
    if created is None or type(response) is not dict:
        return b""
    ended = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    return _event("response.incomplete", created.get("sequence_number"), {"response": {**response, **ended}})


def error_event(call: Call, error: GatewayError) -> bytes:
    """Give the event that tells an error in a stream; the stream ends after it."""
    told = error_body(error, call.id)["error"]
    flat = {name: told[name] for name in ("code", "message", "param")}
    return _event("error", None, {**flat, "error": told})


def _event(name: str, after: Any, fields: dict[str, Any]) -> bytes:
    number = after + 1 if type(after) is int else 0
    data = msgspec.json.encode({"type": name, "sequence_number": number, **fields})
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
