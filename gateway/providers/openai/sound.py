"""How long a sound is, while it flows: for speech whose provider tells no usage. Pure, and bounded in what it keeps.

The rule that matters: a length is never told below the truth. Frames that say their own length are believed (MP3, AAC,
Opus in Ogg); all other bytes count at the least rate that their kind is used with.
"""

import struct
from typing import Protocol

# Bytes a second. OpenAI's WAV and PCM are 24 kHz, 16 bits, one channel, so exactly this
# (https://platform.openai.com/docs/guides/text-to-speech, supported output formats).
_PCM = 48_000
# FLAC takes a third to a half of that for speech: a quarter is less than any voice.
_FLAC = 12_000
_FRAMED = 4_000  # 32 kbit/s, MP3's and AAC's least in use for speech
_LEAST = 1_500  # 12 kbit/s, Opus for narrow speech (RFC 6716 section 2.1.1: 8-12)

_OPUS_RATE = 48_000  # the unit of Opus's positions in Ogg, whatever the sound's own rate (RFC 7845 section 4)
_SLOWEST = 60  # bytes a second: a packet without sound lasts 20 ms and takes a byte or more (RFC 6716)
_PAGE_HEAD = 27
_LARGEST_PAGE = 65_307  # RFC 3533 section 6
_FRAME_HEAD = 7
_SYNC = 0xFF
_SYNC_BITS, _ADTS_MASK, _ADTS = 0xE0, 0xF6, 0xF0
_PAGE = b"OggS"
_KBITS = {
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_KBITS[0] = _KBITS[2]
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)

Unit = tuple[int, float]
"""A frame: its bytes, and its seconds."""


class Clock(Protocol):
    """Tells the length of what was fed so far."""

    @property
    def seconds(self) -> float:
        """Give the length so far."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""


class SteadyClock:
    """A sound of so many bytes a second, or of no fewer."""

    def __init__(self, bytes_per_second: int) -> None:
        self._bytes_per_second = bytes_per_second
        self._size = 0

    @property
    def seconds(self) -> float:
        """Give the length so far."""
        return self._size / self._bytes_per_second

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._size += len(data)


class FrameClock:
    """MP3, or AAC in ADTS: each frame says its bytes and its samples; what is in no frame counts at the least rate."""

    def __init__(self) -> None:
        self._framed_seconds = 0.0
        self._other = SteadyClock(_FRAMED)
        self._skip = 0
        self._rest = b""

    @property
    def seconds(self) -> float:
        """Give the length so far."""
        return self._framed_seconds + self._other.seconds + len(self._rest) / _FRAMED

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        data, place = self._rest + data, self._skip
        while place + _FRAME_HEAD <= len(data):
            found = _frame(data, place)
            if found is None:
                following = data.find(_SYNC, place + 1)
                following = len(data) - _FRAME_HEAD + 1 if following < 0 else following
                self._other.feed(data[place:following])
                place = following
            else:
                place += found[0]
                self._framed_seconds += found[1]
        self._skip, self._rest = max(0, place - len(data)), data[place:]


class OggClock:
    """Opus in Ogg: each page begins with the position that the sound has reached at its end."""

    def __init__(self) -> None:
        self._size = 0
        self._position = 0
        self._rest = b""

    @property
    def seconds(self) -> float:
        """Give the length so far; until a page tells its position, by the size."""
        return self._position / _OPUS_RATE if self._position else self._size / _LEAST

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._size += len(data)
        data = self._rest + data
        place = data.find(_PAGE)
        while 0 <= place <= len(data) - _PAGE_HEAD:
            (position,) = struct.unpack_from("<q", data, place + 6)
            end = self._size - len(data) + place + _PAGE_HEAD
            if self._position < position <= (end + _LARGEST_PAGE) * _OPUS_RATE // _SLOWEST:
                self._position = position
            place = data.find(_PAGE, place + 1)
        self._rest = data[-_PAGE_HEAD + 1 :] if place < 0 else data[place:]


def clock_of(head: bytes, response_format: str | None) -> Clock:
    """Make the clock of a sound by its first bytes, else by the format that was asked for (None: MP3)."""
    if head.startswith(b"RIFF"):
        return SteadyClock(_PCM)
    if head.startswith(b"fLaC"):
        return SteadyClock(_FLAC)
    if head.startswith(b"OggS"):
        return OggClock()
    match response_format:
        case None | "mp3" | "aac":
            return FrameClock()
        case "pcm" | "wav":
            return SteadyClock(_PCM)
        case _:
            return SteadyClock(_LEAST)


def _frame(data: bytes, place: int) -> Unit | None:
    """Read the header of a frame of MPEG audio layer III (ISO 11172-3, 13818-3), or of AAC in ADTS (ISO 14496-3)."""
    first, second, third = data[place : place + 3]
    if first != _SYNC or second & _SYNC_BITS != _SYNC_BITS:
        return None
    version, layer = second >> 3 & 3, second >> 1 & 3
    if second & _ADTS_MASK == _ADTS:
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
