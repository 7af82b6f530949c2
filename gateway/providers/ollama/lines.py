"""A provider's JSON: an answer in one piece, or one line of a stream; whatever types their fields came with."""

from typing import Any

import msgspec

from gateway.providers.decoding import opener


class Line(msgspec.Struct, gc=False):
    """What metering reads of an answer or a line; `done` says that it is the last one."""

    message: Any = None
    response: Any = None
    thinking: Any = None
    done: Any = None
    error: Any = None
    prompt_eval_count: Any = None
    prompt_eval_cached_count: Any = None
    eval_count: Any = None


open_line = opener(Line)


def is_stream(content_type: str) -> bool:
    """Say whether an answer of this media type (in lower case) comes line by line."""
    return content_type.startswith(("application/x-ndjson", "application/ndjson", "application/jsonl"))
