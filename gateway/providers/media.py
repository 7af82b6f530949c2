"""What inline media say of themselves in their first bytes: size, length, pages. Pure, and bounded in what is read.

The rule that matters: nothing is fetched and nothing is decoded whole but a document, whose pages have to be counted.
What a header does not say, or says strangely, is None: then the worst case is held.
"""

import base64
import binascii
import re
import struct

from gateway.model import Media, MediaKind

HEAD_CHARACTERS = 65_536
"""How much base64 of an image or a sound is looked at: JPEG's size may stand behind a thumbnail of 64 KiB."""

_DATA_URL = re.compile(r"data:([A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+)?[^,]{0,100};base64,", re.ASCII)
_PNG = b"\x89PNG\r\n\x1a\n"
# Start-of-frame markers: all of C0..CF but the tables C4, C8 and CC (ITU-T T.81, table B.1).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARK = 0xFF
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_MOST_SIDE = 1 << 24
_MOST_SECONDS = 86_400.0

# Formats whose samples all have one size: PCM, floats, A-law, mu-law, and what says more in an extension (RFC 2361).
_STEADY = frozenset({1, 3, 6, 7, 0xFFFE})
_MOST_HERTZ, _MOST_CHANNELS, _MOST_BITS = 384_000, 8, 64


def _name(text: str) -> bytes:
    """Give the pattern of a PDF's name, whose letters may be written in hexadecimal (ISO 32000-1 section 7.3.5)."""
    return "".join(f"(?:{letter}|#(?i:{ord(letter):02x}))" for letter in text).encode()


_PAGE = re.compile(rb"/%b\s*/%b(?![A-Za-z#])" % (_name("Type"), _name("Page")))
_HIDDEN = re.compile(rb"/" + _name("ObjStm"))


def data_url(text: str) -> tuple[str, str] | None:
    """Split `data:image/png;base64,...` into its media type and its base64; None for any other URL."""
    found = _DATA_URL.match(text, 0, 256)
    return None if found is None else ((found[1] or "").lower(), text[found.end() :])


def inline(kind: MediaKind, encoded: str, *, detail: str | None = None) -> Media:
    """Describe inline base64 by its own header."""
    size = image_size(encoded) if kind is MediaKind.IMAGE else None
    return Media(
        kind,
        characters=len(encoded),
        width=size and size[0],
        height=size and size[1],
        seconds=audio_seconds(encoded) if kind is MediaKind.AUDIO else None,
        pages=document_pages(encoded) if kind is MediaKind.DOCUMENT else None,
        detail=detail,
    )


def image_size(encoded: str) -> tuple[int, int] | None:
    """Give width and height in pixels of a PNG, JPEG, GIF or WebP from its base64."""
    head = _decoded(encoded[:HEAD_CHARACTERS])
    try:
        size = _size(head)
    except struct.error:
        return None
    return size if size and all(0 < side < _MOST_SIDE for side in size) else None


def audio_seconds(encoded: str) -> float | None:
    """Give the length of a WAV from its header (RIFF, `fmt ` chunk); None for what has no fixed rate."""
    head = _decoded(encoded[:HEAD_CHARACTERS])
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    try:
        bytes_per_second = _wav_rate(head)
    except struct.error:
        return None
    if not bytes_per_second:
        return None
    seconds = len(encoded) * 3 / 4 / bytes_per_second
    return seconds if seconds <= _MOST_SECONDS else None


def _wav_rate(head: bytes) -> int | None:
    """Give the bytes a second of a WAV: by its samples, as it is played, or by its word where that is less.

    A header that claims more than any sound has would make it as short as a client likes.
    """
    place = 12
    while head[place : place + 4] != b"fmt ":
        (size,) = struct.unpack_from("<I", head, place + 4)
        place += 8 + size + size % 2
    kind, channels, hertz, told, _, bits = struct.unpack_from("<HHIIHH", head, place + 8)
    if kind not in _STEADY or hertz > _MOST_HERTZ or channels > _MOST_CHANNELS or bits > _MOST_BITS:
        return None
    return min(int(told), int(hertz) * int(channels) * -(-int(bits) // 8))


def document_pages(encoded: str) -> int | None:
    """Count the pages of a PDF; None where some may be hidden in compressed objects (ISO 32000-1 section 7.5.7)."""
    data = _decoded(encoded)
    if not data.startswith(b"%PDF") or _HIDDEN.search(data):
        return None
    return len(_PAGE.findall(data)) or None


def _decoded(encoded: str) -> bytes:
    """Decode base64, standard or URL-safe, forgiving about its end; nothing where it is none."""
    text = encoded[: len(encoded) // 4 * 4]
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"))
    except (binascii.Error, ValueError):
        return b""


def _size(head: bytes) -> tuple[int, int] | None:
    if head.startswith(_PNG):
        width, height = struct.unpack_from(">II", head, 16)
        return width, height
    if head[:6] in {b"GIF87a", b"GIF89a"}:
        width, height = struct.unpack_from("<HH", head, 6)
        return width, height
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp_size(head)
    return _jpeg_size(head) if head[:2] == b"\xff\xd8" else None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """Read one of WebP's three headers (https://developers.google.com/speed/webp/docs/riff_container)."""
    kind = head[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Walk the segments to the start of frame."""
    place = 2
    while place + 4 <= len(head) and head[place] == _MARK:
        marker = head[place + 1]
        if marker == _MARK or marker in _JPEG_ALONE:
            place += 1 if marker == _MARK else 2
            continue
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", head, place + 5)
            return width, height
        place += 2 + int(struct.unpack_from(">H", head, place + 2)[0])
    return None
