"""Calls that end where they should not: the provider's answer cut at some byte, or a client that goes away at one.

These are loads, not blows: nothing of the gateway or its store is touched. Bytes are drawn over the whole length of the
answers and a little beyond, so that some end behind the usage, some before the first byte and a few not at all.

What a provider writes while a stream is closed on it is read by nobody, so streams that are left come slowly: even
where a machine stalls for a tenth of a second, that is few tokens.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from benchmarks.faults.calls import Mix, Plan, stream, whole
from benchmarks.faults.site import Site, opened

FRAME_BYTES, LAST_FRAMES = 190, 4
DOCUMENT_BYTES, TOKEN_BYTES = 340, 4
BEYOND = 1.03
GZIP_PART = 0.15
"""What compression leaves of an answer, about."""


@dataclass(frozen=True, slots=True)
class Ends:
    """A load whose calls are broken off. `name` is what `--fault` takes, `title` what the table shows."""

    name: str
    title: str
    mix: Mix

    @contextmanager
    def opened(self, workers: int) -> Iterator[Site]:
        """Give a site with the embedded store."""
        with opened(server={"port": 0, "workers": workers, "drain_seconds": 10}) as site:
            yield site


def stream_bytes(tokens: int) -> int:
    """Give about how long a stream is."""
    return (tokens + LAST_FRAMES) * FRAME_BYTES


def document_bytes(tokens: int) -> int:
    """Give about how long an answer in one piece is."""
    return DOCUMENT_BYTES + tokens * TOKEN_BYTES


def _at(length: float, dice: Random) -> int:
    return dice.randint(0, int(length * BEYOND))


def _cut(dice: Random, length: int) -> str:
    """Give how an answer of this length is cut: by a reset or an orderly end, plain or compressed."""
    how = dice.choice(("cut", "fin"))
    if dice.random() < 0.25:
        return f"gzip.{how}-{_at(length * GZIP_PART, dice)}"
    return f"{how}-{_at(length, dice)}"


def cut_stream(dice: Random) -> Plan:
    """Give a stream that its provider cuts."""
    tokens, delay = dice.randint(1, 300), dice.randint(0, 3)
    model = f"gpt-4o/m:tokens-{tokens}.delay-{delay}.{_cut(dice, stream_bytes(tokens))}"
    seconds = tokens * delay / 1000
    return Plan("cut stream", model, seconds, stream=True, is_exact=False, is_served=False, tells_usage=True)


def cut_whole(dice: Random) -> Plan:
    """Give an answer in one piece that its provider cuts."""
    tokens = dice.randint(1, 200)
    model = f"gpt-4o/m:tokens-{tokens}.{_cut(dice, document_bytes(tokens))}"
    return Plan("cut whole", model, most_tokens=tokens, is_exact=False, is_served=False)


def left_stream_at(dice: Random) -> Plan:
    """Give a stream whose client goes away at a byte."""
    tokens, delay = dice.randint(20, 150), dice.randint(8, 16)
    return Plan(
        "stream left at a byte",
        f"gpt-4o/m:tokens-{tokens}.delay-{delay}",
        tokens * delay / 1000,
        stream=True,
        is_exact=False,
        leaves_at=_at(stream_bytes(tokens), dice),
        resets=dice.random() < 0.5,
        tells_usage=True,
    )


def left_stream_after(dice: Random) -> Plan:
    """Give a stream whose client goes away at a moment, maybe before anything came."""
    leaves = dice.uniform(0, 1.2)
    model = "gpt-4o/m:tokens-120.delay-10.first-100"
    return Plan("stream left", model, 1.3, stream=True, leaves_after=leaves, is_exact=False, tells_usage=True)


def left_whole_after(dice: Random) -> Plan:
    """Give an answer in one piece whose client goes away at a moment: it is read to its end all the same."""
    tokens, leaves = dice.randint(20, 100), dice.uniform(0, 0.5)
    model = f"gpt-4o/m:tokens-{tokens}.delay-4"
    return Plan("whole left", model, tokens * 0.004, most_tokens=tokens, leaves_after=leaves)


def left_whole_at(dice: Random) -> Plan:
    """Give an answer in one piece whose client goes away within it."""
    tokens = dice.randint(20, 200)
    model, most = f"gpt-4o/m:tokens-{tokens}", dice.randint(0, document_bytes(tokens))
    return Plan("whole left at a byte", model, most_tokens=tokens, leaves_at=most, resets=dice.random() < 0.5)


def left_request(dice: Random) -> Plan:
    """Give a call whose client goes away within its request: nobody hears of it."""
    is_stream = dice.random() < 0.5
    return Plan("request left", "gpt-4o/m:tokens-20", stream=is_stream, most_tokens=20, sends=dice.uniform(0, 0.99))


FAULTS = (
    Ends("upstream-cut", "provider's answer cut at byte k", ((cut_stream, 5), (cut_whole, 4), (stream, 1), (whole, 1))),
    Ends(
        "client-cut",
        "client gone at byte k, or at a moment",
        (
            (left_stream_at, 4),
            (left_stream_after, 3),
            (left_whole_after, 2),
            (left_whole_at, 2),
            (left_request, 1),
            (stream, 1),
            (whole, 1),
        ),
    ),
)
