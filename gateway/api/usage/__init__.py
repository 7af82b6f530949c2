"""`GET /v1/usage`: what was consumed, grouped as the caller likes: the numbers behind every usage API, in the open."""

from collections.abc import Mapping

from gateway.api.entry import Entry
from gateway.api.usage.handler import usage

ENTRIES: Mapping[str, Entry] = {"/v1/usage": Entry({"GET": usage})}
