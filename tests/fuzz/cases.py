"""How a case is bytes: a line of numbers, then data. The numbers choose and cut; the data are what is read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

MOST_NUMBER = 1 << 16
NUMBERS = st.lists(st.integers(0, MOST_NUMBER), max_size=12)
SPECKS = [
    b"",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\0",
    b"\xff",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"data:",
]
ODD = [
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"9" * 30,
    b'"\\ud83d"',
    b"\xed\xa0\xbd",
    b"\xef\xbb\xbf",
    b"NaN",
    b"[[",
    b"0",
]


@dataclass(frozen=True)
class Case:
    """A case taken apart."""

    numbers: tuple[int, ...]
    data: bytes

    def number(self, place: int, most: int) -> int:
        """Give a number below `most`; 0 where there is none."""
        return self.numbers[place] % most if place < len(self.numbers) else 0

    def choice(self, place: int, options: Sequence[Any]) -> Any:
        """Choose."""
        return options[self.number(place, len(options))]

    def chunks(self, data: bytes, first: int) -> list[bytes]:
        """Cut data by the numbers from place `first` on."""
        cuts = sorted(number % (len(data) + 1) for number in self.numbers[first:])
        return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def read_case(case: bytes) -> Case:
    """Take a case apart; any bytes are one."""
    head, _, data = case.partition(b"\n")
    words = head.decode("ascii", "replace").split(",")
    return Case(tuple(int(word) for word in words if word.isascii() and word.isdecimal() and len(word) < 9), data)


def write_case(numbers: Sequence[int], data: bytes) -> bytes:
    """Make a case."""
    return ",".join(map(str, numbers)).encode() + b"\n" + data


def numbered(data: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Give cases of this data with any numbers."""
    return st.builds(write_case, NUMBERS, data)


@st.composite
def paired(draw: st.DrawFn, bodies: Sequence[bytes]) -> bytes:
    """Give cases whose first number is the place of the body that they are made of, mostly."""
    place = draw(st.integers(0, len(bodies) - 1))
    data = draw(mutated([bodies[place]] * 4 + [draw(st.sampled_from(bodies))]))
    return write_case([place, *draw(NUMBERS)], data)


@st.composite
def mutated(draw: st.DrawFn, sources: Sequence[bytes]) -> bytes:
    """Give one of some real data with a few places changed: bytes in, out, repeated, copied from another."""
    data = draw(st.sampled_from(sources))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        other = draw(st.sampled_from(sources))
        at = draw(st.integers(0, len(other)))
        new = draw(st.sampled_from([*SPECKS, *ODD, other[at : at + 60], data[start:end] * 3]) | st.binary(max_size=8))
        data = data[:start] + new + data[end:]
    return data


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([0, 1, 2, 16, 4096, -1, 2**31, 2**53, 2**63])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)


def values(names: Sequence[str]) -> st.SearchStrategy[Any]:
    """Give any JSON value whose objects have mostly these names."""
    keys = st.sampled_from(names) | st.text(max_size=4)
    words = SCALARS | st.sampled_from(names)
    return st.recursive(
        words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
    )


def as_json(value: Any) -> bytes:
    """Write a value as JSON, lone surrogates escaped."""
    return json.dumps(value).encode()
