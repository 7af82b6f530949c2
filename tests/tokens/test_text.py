"""Any text gives a number; cut at spaces it is the exact one."""

import inspect
import json
import random
import string
from typing import Never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tokens.constants import HARD_CUT_TOKENS, PIECE_CHARACTERS
from gateway.tokens.text import Encoding, byte_bound, count, count_all, count_piece, pieces

DICE = random.Random(1)
LENGTH = 60_000
MEGABYTE = 1_000_000


def words(alphabet: str, separators: str) -> str:
    """Random words of 1 to 12 characters."""
    made = (
        "".join(DICE.choices(alphabet, k=DICE.randint(1, 12))) + DICE.choice(separators) for _ in range(LENGTH // 7)
    )
    return "".join(made)


SPACED = {
    "English": "It's 12:30, and the quick brown fox isn't over the lazy dog's 1234567 bones yet...\n\n" * 800,
    "code": inspect.getsource(inspect) + inspect.getsource(random),
    "indented JSON": json.dumps([{"name": f"n{i}", "values": [i, i / 7, None, "x y"]} for i in range(900)], indent=4),
    "spaced CJK": words("\u6f22\u5b57\u4eee\u540d\u4ea4\u3058\u308a\u6587", "  \u3002\n"),
    "Russian": words("\u0430\u0431\u0432\u0433\u0434\u0435\u0416\u0417", "  ,\n"),
    "whitespace mixes": words("a1.", " \t\n\r\u00a0\u2003\u0085\x1c ") + words("ab", " "),
    "ends in spaces": ("word" + " " * 40) * 1500,
}
UNSPACED = {
    "base64": "".join(DICE.choices(string.ascii_letters + string.digits + "+/", k=LENGTH)),
    "compact JSON": json.dumps([[i, {"k": str(i)}] for i in range(4000)], separators=(",", ":")),
    "CJK": "".join(chr(DICE.randrange(0x4E00, 0x9FFF)) for _ in range(LENGTH)),
    "punctuation": "-=/" * (LENGTH // 3),
    "whitespace": "".join(DICE.choices(" \n\t", k=LENGTH)),
}
HOSTILE = {
    "spaces": " ",
    "tabs": "\t",
    "newlines": "\n",
    "no-break spaces": "\u00a0",
    "one letter": "a",
    "base64": "QUJD+/09",
    "ZWJ emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "endoftext": "<|endoftext|>",
    "lone surrogates": "\ud800",
    "reversed pairs": "\udc00\ud800x",
    "unassigned": "\U000e0fff",
}


@pytest.mark.parametrize("name", SPACED)
def test_cutting_at_spaces_is_exact(encoding: Encoding, name: str) -> None:
    """A text that could be cut before spaces counts as if it had not been cut."""
    text = SPACED[name]
    assert len(list(pieces(text))) > 5
    assert all(slack == 0 for _, slack in pieces(text))
    assert count(encoding, text) == len(encoding.encode_ordinary(text))


@pytest.mark.parametrize("name", UNSPACED)
def test_cutting_elsewhere_is_never_below_and_hardly_above(encoding: Encoding, name: str) -> None:
    """A text without spaces counts at least its tokens and at most a few more per cut."""
    text = UNSPACED[name]
    cuts = sum(slack > 0 for _, slack in pieces(text))
    whole = len(encoding.encode_ordinary(text))
    assert cuts > 5
    assert whole <= count(encoding, text) <= whole + cuts * (HARD_CUT_TOKENS + 3)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_megabyte_is_counted(encoding: Encoding, name: str) -> None:
    """A million characters that break tokenizers give a number between one and their bytes."""
    text = (HOSTILE[name] * MEGABYTE)[:MEGABYTE]
    assert 0 < count(encoding, text) <= byte_bound(text)


def test_a_panic_in_tiktoken_becomes_the_byte_bound(encoding: Encoding, capfd: pytest.CaptureFixture[str]) -> None:
    """What panics in the regex engine, if it ever got there uncut, counts as its bytes."""
    text = "word" + " " * 1_200_000 + "word"
    assert count_piece(encoding, text) == len(text)
    assert "panicked" in capfd.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError, ValueError])
def test_other_exceptions_pass(error: type[BaseException]) -> None:
    """Only tiktoken's panic is caught: an interrupt, a cancellation or a bug is not."""

    class Interrupted:
        def encode_ordinary(self, text: str) -> Never:
            raise error

    with pytest.raises(error):
        count(Interrupted(), "text")


ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(text=ANY_TEXT)
def test_bytes_bound_tokens(o200k: Encoding, cl100k: Encoding, text: str) -> None:
    """No text has more tokens than UTF-8 bytes, surrogates included."""
    assert count(o200k, text) <= byte_bound(text)
    assert count(cl100k, text) <= byte_bound(text)


@given(unit=st.text(st.characters(exclude_categories=()), min_size=1, max_size=8), extra=st.text(max_size=8))
def test_bytes_bound_the_tokens_of_long_texts(o200k: Encoding, unit: str, extra: str) -> None:
    """Nor when the text is long enough to be cut."""
    text = unit * (3 * PIECE_CHARACTERS // len(unit)) + extra
    assert count(o200k, text) <= byte_bound(text)


@given(unit=ANY_TEXT, times=st.integers(1, 4000), tail=ANY_TEXT)
def test_pieces_are_the_text(unit: str, times: int, tail: str) -> None:
    """Pieces join to the text and none is longer than allowed."""
    text = unit * times + tail
    cut = [piece for piece, _ in pieces(text)]
    assert "".join(cut) == text
    assert max(map(len, cut)) <= PIECE_CHARACTERS


def test_texts_are_counted_apart(o200k: Encoding) -> None:
    """Several texts count as the sum of each."""
    assert count_all(o200k, ["hello", "world", ""]) == 2
