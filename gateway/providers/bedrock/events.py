"""A provider's JSON: an answer, or the payload of one message of a stream; whatever types their fields came with.

(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html)
"""

from typing import Any

import msgspec

from gateway.providers.decoding import opener


class Answer(msgspec.Struct, gc=False):
    """What metering reads of an answer that was not streamed."""

    output: Any = None
    usage: Any = None


class Event(msgspec.Struct, rename="camel", gc=False):
    """What metering reads of an event; the message's headers say which of these it has."""

    content_block_index: Any = None
    start: Any = None
    delta: Any = None


class Metadata(msgspec.Struct, gc=False):
    """What metering reads of the last event."""

    usage: Any = None


open_answer = opener(Answer)
open_event = opener(Event)
open_metadata = opener(Metadata)
