"""From text to a number, whatever the text: pure, and it never raises.

The one rule: no piece longer than `PIECE_CHARACTERS` reaches tiktoken. Its regex engine panics on a million spaces
(https://github.com/openai/tiktoken/issues/15), and a short piece is what keeps each hold of the interpreter lock short.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from gateway.tokens.constants import HARD_CUT_TOKENS, PIECE_CHARACTERS

# No pattern of o200k_base or cl100k_base matches across this point and none looks behind, so a cut here is exact.
# Python's \S is narrower than Unicode's: it errs on the side of not cutting.
_CUT = re.compile(r"(?<=\S) ")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Encoding(Protocol):
    """The one method of `tiktoken.Encoding` that is used: it ignores special tokens in user text."""

    def encode_ordinary(self, text: str) -> list[int]:
        """Give the token ids."""
        ...


def byte_bound(text: str) -> int:
    """Give the UTF-8 length: no byte-level vocabulary makes more tokens of a text than it has bytes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def pieces(text: str) -> Iterator[tuple[str, int]]:
    """Cut a text into pieces of at most `PIECE_CHARACTERS`, each with the tokens that its cut may have hidden.

    Before a space after a non-space that is none. A cut in the middle of a word usually adds a token, but can also save
    one or two, since merging is greedy and not optimal.
    """
    start = 0
    while len(text) - start > PIECE_CHARACTERS:
        end = start + PIECE_CHARACTERS
        found = _CUT.search(text, start + PIECE_CHARACTERS // 2, end)
        end = found.start() if found else end
        yield text[start:end], 0 if found else HARD_CUT_TOKENS
        start = end
    yield text[start:], 0


def count(encoding: Encoding, text: str) -> int:
    """Count a text's tokens: exact where it could be cut at spaces, else never below and at most its bytes."""
    tokens = bytes_ = 0
    for piece, slack in pieces(text):
        tokens += count_piece(encoding, piece) + slack
        bytes_ += byte_bound(piece)
    return min(tokens, bytes_)


def count_all(encoding: Encoding, texts: Iterable[str]) -> int:
    """Count texts that stand apart from each other."""
    return sum(count(encoding, text) for text in texts)


def count_piece(encoding: Encoding, piece: str) -> int:
    """Count one piece. Lone surrogates, which JSON allows, count as U+FFFD; a panic in tiktoken as the bytes."""
    if not piece.isascii():
        piece = _SURROGATE.sub("\ufffd", piece)
    try:
        return len(encoding.encode_ordinary(piece))
    except BaseException as panic:
        # pyo3_runtime.PanicException is a BaseException that cannot be imported, hence the name.
        if type(panic).__name__ != "PanicException":
            raise
        return byte_bound(piece)
