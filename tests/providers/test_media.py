"""What inline media say of themselves, and that no garbage is believed."""

import base64
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Media, MediaKind
from gateway.providers.media import audio_seconds, data_url, document_pages, image_size, inline


def text(data: bytes) -> str:
    """Encode as it stands in a body."""
    return base64.b64encode(data).decode()


def png(width: int, height: int) -> bytes:
    """Make the start of a PNG."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def jpeg(width: int, height: int, before: int = 0) -> bytes:
    """Make the start of a JPEG with an application segment of `before` bytes, fill bytes, and its frame."""
    extra = b"\xff\xe1" + struct.pack(">H", before + 2) + b"x" * before
    return b"\xff\xd8" + extra + b"\xff\xff\xc2" + struct.pack(">HBHH", 17, 8, height, width) + b"\0" * 12


def wav(bytes_per_second: int, size: int, *, kind: int = 1, hertz: int = 8000, before: bytes = b"") -> bytes:
    """Make a WAV of so many bytes of sound, 16 bits on one channel; `before` stands in front of its format."""
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, 1, hertz, bytes_per_second, 2, 16)
    data = b"data" + struct.pack("<I", size) + b"\0" * size
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE" + before + fmt + data


IMAGES = [
    (png(640, 480), (640, 480)),
    (jpeg(4032, 3024), (4032, 3024)),
    (jpeg(100, 50, before=40_000), (100, 50)),
    (b"GIF89a" + struct.pack("<HH", 17, 9) + b"\0" * 10, (17, 9)),
    (b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", 0x4000 | 320, 200) + b"\0" * 8, (320, 200)),
    (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", (99 << 14) | 199) + b"\0" * 8, (200, 100)),
    (b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + (1023).to_bytes(3, "little") + (767).to_bytes(3, "little"), (1024, 768)),
]


@pytest.mark.parametrize(("data", "size"), IMAGES)
def test_an_image_tells_its_size(data: bytes, size: tuple[int, int]) -> None:
    """The headers of the four formats that providers take give width and height, base64 in either alphabet."""
    assert image_size(text(data)) == size
    assert image_size(base64.urlsafe_b64encode(data).decode()) == size


@pytest.mark.parametrize("data", [b"", b"GIF89a", png(0, 5), b"\xff\xd8\xff", jpeg(1, 1)[:14], b"BM" + b"\0" * 40])
def test_what_is_no_image_has_no_size(data: bytes) -> None:
    """Garbage, a header cut short and a side of zero give nothing."""
    assert image_size(text(data)) is None


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    """Whatever stands there, there is an answer; and a real header before it is not confused by what follows."""
    for head in (b"", b"\xff\xd8", b"RIFF\0\0\0\0WEBP", b"RIFF\0\0\0\0WAVEfmt ", b"%PDF-1.4"):
        encoded = text(head + data)
        assert image_size(encoded) is None or min(image_size(encoded) or (0,)) > 0
        assert (audio_seconds(encoded) or 0) >= 0
        assert (document_pages(encoded) or 1) >= 1
    assert image_size(text(png(7, 8) + data)) == (7, 8)


def test_no_text_raises() -> None:
    """A string that is no base64 is nothing."""
    assert (image_size("!!"), audio_seconds("\u6f22" * 8), document_pages("====")) == (None, None, None)


def test_a_sound_tells_its_length() -> None:
    """A WAV of 16 kB a second and 48 kB lasts a little over three: its header counts along."""
    assert audio_seconds(text(wav(16_000, 48_000))) == pytest.approx(3, abs=0.01)
    assert audio_seconds(text(b"ID3" + b"\0" * 100)) is None


def test_a_sound_does_not_make_itself_short() -> None:
    """A rate is that of the samples, in the format's own chunk; one that no sound has is none."""
    decoy = wav(3_072_000, 0, hertz=384_000)[12:36]
    listed = b"LIST" + struct.pack("<I", 4 + len(decoy)) + b"INFO" + decoy
    assert audio_seconds(text(wav(4_000_000_000, 48_000))) == pytest.approx(3, abs=0.01)
    assert audio_seconds(text(wav(16_000, 48_000, before=listed))) == pytest.approx(3, abs=0.01)
    assert audio_seconds(text(wav(16_000, 48_000, hertz=4_000_000_000))) is None
    assert audio_seconds(text(wav(16_000, 48_000, kind=0x55))) is None


def test_a_document_does_not_hide_its_pages() -> None:
    """A name's letters may be written in hexadecimal: it is the same name, and no other that begins like it."""
    page = b"<< /Type /P#61ge >> << /#54ype/Page >> << /Type /Page#73 >>"
    assert document_pages(text(b"%PDF-1.4\n" + page)) == 2
    assert document_pages(text(b"%PDF-1.5\n" + page + b"<< /Type /Obj#53t#6D >>")) is None


def test_a_document_tells_its_pages() -> None:
    """Pages are counted, their tree is not one; where objects are compressed nobody knows."""
    page, tree = b"<< /Type /Page /Parent 1 0 R >>", b"<< /Type /Pages /Count 2 >>"
    assert document_pages(text(b"%PDF-1.4\n" + tree + page + page)) == 2
    assert document_pages(text(b"%PDF-1.5\n" + page + b"<< /Type /ObjStm >>")) is None
    assert document_pages(text(b"no document" + page)) is None


def test_inline_media_are_described() -> None:
    """Each kind is asked what it can tell; the characters are those of the body."""
    encoded = text(png(3, 4))
    assert inline(MediaKind.IMAGE, encoded, detail="low") == Media(
        MediaKind.IMAGE, characters=len(encoded), width=3, height=4, detail="low"
    )
    assert inline(MediaKind.VIDEO, encoded) == Media(MediaKind.VIDEO, characters=len(encoded))


def test_a_data_url() -> None:
    """The media type and the base64, with parameters or without; any other URL is none."""
    assert data_url("data:image/png;base64,AAAA") == ("image/png", "AAAA")
    assert data_url("data:audio/wav;codecs=1;base64,AA==") == ("audio/wav", "AA==")
    assert data_url("data:;base64,AAAA") == ("", "AAAA")
    assert [data_url(url) for url in ("https://x/y.png", "data:text/plain,hi", "")] == [None, None, None]


def test_a_long_text_is_not_read_whole() -> None:
    """Of an image only the head is decoded: its size does not depend on how much follows."""
    assert image_size(text(png(5, 6)) + "A" * 10_000_000 + "!") == (5, 6)
