"""A provider's JSON: an answer, or the data of one event of a stream; whatever types their fields came with.

(https://platform.claude.com/docs/en/build-with-claude/streaming, event types)
"""

from typing import Any

import msgspec

from gateway.providers.decoding import opener


class Answer(msgspec.Struct, gc=False):
    """What metering reads of an answer that was not streamed."""

    usage: Any = None
    content: Any = None


class Event(msgspec.Struct, gc=False):
    """What metering reads of an event; `type` says which of the rest it has."""

    type: Any = None
    index: Any = None
    delta: Any = None
    content_block: Any = None
    message: Any = None
    usage: Any = None


open_answer = opener(Answer)
open_event = opener(Event)
