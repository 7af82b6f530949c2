"""One answer as a provider sends it, byte for byte, and the usage that has to be read from it.

Names, nesting, nulls and the order of fields are the providers'; identifiers and prose are shortened. A number is the
recorded one unless the source says "illustrative".
"""

import re
from dataclasses import dataclass
from typing import Any

from gateway.model import Usage

JSON = "application/json"
SSE = "text/event-stream"
NDJSON = "application/x-ndjson"
EVENT_STREAM = "application/vnd.amazon.eventstream"

DONE = "[DONE]"

_TYPE = re.compile(r'"type": ?"([^"]+)"')


@dataclass(frozen=True)
class Shape:
    """An answer, where it is documented or recorded, and its usage (None: it says nothing, or nothing credible).

    `endpoint` is the value of an Endpoint; `body` the whole answer or the whole stream; `request` stands where the
    request decides how the answer is read.
    """

    name: str
    source: str
    endpoint: str
    stream: bool
    body: bytes
    content_type: str
    usage: Usage | None
    note: str = ""
    request: dict[str, Any] | None = None


def sse(*values: str, blank: str = "\n\n") -> bytes:
    """Frame values as data lines; one that opens with a colon is a comment already."""
    return "".join(f"{value if value.startswith(':') else 'data: ' + value}{blank}" for value in values).encode()


def named_sse(*values: str, blank: str = "\n\n") -> bytes:
    """Frame values as data lines, each under an event line that repeats its own `type`."""
    line_end = blank[: len(blank) // 2]
    return "".join(f"event: {_type_of(value)}{line_end}data: {value}{blank}" for value in values).encode()


def ndjson(*values: str) -> bytes:
    """Give one value a line."""
    return "".join(f"{value}\n" for value in values).encode()


def _type_of(value: str) -> str:
    found = _TYPE.search(value)
    if found is None:
        raise ValueError(f"no type in {value}")
    return found[1]
