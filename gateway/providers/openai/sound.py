"""How long a sound is, while it flows: for speech whose provider tells no usage. Pure, and bounded in what it keeps.

The rule that matters: a length is never told below the truth. Frames that say their own length are believed (MP3, AAC,
Opus in Ogg); all other bytes count at the least rate that their kind is used with.
"""

import struct
from collections.abc import Callable

# Bytes a second. OpenAI's WAV and PCM are 24 kHz, 16 bits, one channel, so exactly this
# (https://platform.openai.com/docs/guides/text-to-speech, supported output formats).
_PCM = 48_000
# FLAC takes a third to a half of that for speech: a quarter is less than any voice.
_FLAC = 12_000
_FRAMED = 4_000  # 32 kbit/s, MP3's and AAC's least in use for speech
_LEAST = 1_500  # 12 kbit/s, Opus for narrow speech (RFC 6716 section 2.1.1: 8-12)

_OPUS_RATE = 48_000  # the unit of Opus's positions in Ogg, whatever the sound's own rate (RFC 7845 section 4)
_PAGE_HEAD = 27
_FRAME_HEAD = 7
_SYNC = 0xFF
_KBITS = {
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_KBITS[0] = _KBITS[2]
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)

Unit = tuple[int, float]
"""A frame: its bytes, and its seconds."""


class Clock:
    """Tells the length of what was fed so far; `unit` reads the frame at a place, None where there is none."""

    def __init__(self, bytes_per_second: int, unit: Callable[[bytes, int], Unit | None] | None = None) -> None:
        self._bytes_per_second = bytes_per_second
        self._unit = unit
        self._framed_seconds = 0.0
        self._other_bytes = 0
        self._skip = 0
        self._rest = b""

    @property
    def seconds(self) -> float:
        """Give the length so far."""
        return self._framed_seconds + (self._other_bytes + len(self._rest)) / self._bytes_per_second

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._unit is None:
            self._other_bytes += len(data)
            return
        data = self._rest + data
        place = self._skip
        while place + _PAGE_HEAD <= len(data):
            found = self._unit(data, place)
            if found is None:
                following = self._next(data, place)
                self._other_bytes += following - place
                place = following
            else:
                place += found[0]
                self._framed_seconds += found[1]
        self._skip, self._rest = max(0, place - len(data)), data[place:]

    def _next(self, data: bytes, place: int) -> int:
        """Find where the next frame may begin."""
        mark = b"OggS" if self._unit is _ogg_page else b"\xff"
        found = data.find(mark, place + 1)
        return len(data) - _PAGE_HEAD + 1 if found < 0 else found


def clock_of(head: bytes, response_format: str | None) -> Clock:
    """Make the clock of a sound by its first bytes, else by the format that was asked for (None: MP3, as documented)."""
    if head.startswith(b"RIFF"):
        return Clock(_PCM)
    if head.startswith(b"fLaC"):
        return Clock(_FLAC)
    if head.startswith(b"OggS"):
        return Clock(_LEAST, _ogg_page)
    match response_format:
        case None | "mp3" | "aac":
            return Clock(_FRAMED, _frame)
        case "pcm" | "wav":
            return Clock(_PCM)
        case _:
            return Clock(_LEAST)


def _frame(data: bytes, place: int) -> Unit | None:
    """Read the header of a frame of MPEG audio layer III (ISO 11172-3, 13818-3), or of AAC in ADTS (ISO 14496-3)."""
    first, second, third = data[place : place + 3]
    if first != _SYNC or second & 0xE0 != 0xE0:
        return None
    version, layer = second >> 3 & 3, second >> 1 & 3
    if second & 0xF6 == 0xF0:
        return _adts(data, place)
    bits, rate = third >> 4, third >> 2 & 3
    if layer != 1 or version == 1 or rate == 3 or not 0 < bits <= len(_KBITS[3]):  # noqa: PLR2004 - reserved values
        return None
    samples = 1152 if version == 3 else 576  # noqa: PLR2004 - MPEG-1
    hertz = _RATES[version][rate]
    return samples // 8 * _KBITS[version][bits - 1] * 1000 // hertz + (third >> 1 & 1), samples / hertz


def _adts(data: bytes, place: int) -> Unit | None:
    head = data[place : place + _FRAME_HEAD]
    rate = head[2] >> 2 & 15
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if rate >= len(_AAC_RATES) or length < _FRAME_HEAD:
        return None
    return length, 1024 * ((head[6] & 3) + 1) / _AAC_RATES[rate]


def _ogg_page(data: bytes, place: int) -> Unit | None:
    """Read a page of Ogg (RFC 3533): of its packets each begins with how long its sound is (RFC 6716 section 3.1)."""
    if data[place : place + 4] != b"OggS":
        return None
    (count,) = struct.unpack_from("B", data, place + 26)
    return _PAGE_HEAD + count, 0.0
