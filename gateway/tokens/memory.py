"""Counts that are remembered: system prompts, tool definitions and history come again with every call.

The one rule: a text is never kept, only its keyed digest and a number; and never more than a fixed number of them.
"""

import hashlib
import os
import threading
from collections import OrderedDict

from gateway.tokens.constants import COUNTS_REMEMBERED_AT_MOST

_DIGEST_BYTES = 20


class Memory:
    """The latest counts of long texts, for all threads of a process; the key of the digests is a new one each time."""

    def __init__(self, at_most: int = COUNTS_REMEMBERED_AT_MOST) -> None:
        self._at_most = at_most
        self._secret = os.urandom(16)
        self._lock = threading.Lock()
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def key(self, vocabulary: str, text: str) -> bytes:
        """Give what stands for a text counted with a vocabulary."""
        data = text.encode("utf-8", "surrogatepass")
        person = vocabulary.encode()[: hashlib.blake2b.PERSON_SIZE]
        return hashlib.blake2b(data, digest_size=_DIGEST_BYTES, key=self._secret, person=person).digest()

    def recall(self, key: bytes) -> int | None:
        """Give the tokens of a text that was counted not long ago."""
        with self._lock:
            tokens = self._counts.get(key)
            if tokens is not None:
                self._counts.move_to_end(key)
            return tokens

    def remember(self, key: bytes, tokens: int) -> None:
        """Keep a count, in the place of the one that was longest not asked for."""
        with self._lock:
            self._counts[key] = tokens
            self._counts.move_to_end(key)
            while len(self._counts) > self._at_most:
                self._counts.popitem(last=False)
