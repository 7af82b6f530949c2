"""Forms: read once, strictly and with bounds; written again as ours."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, BodyTooLarge
from gateway.model import MediaKind
from gateway.providers.multipart import (
    MOST_PARTS,
    File,
    files_of,
    flag,
    form_bytes,
    integer,
    media_of_file,
    read_form,
    text,
    texts_of,
    write_form,
)

HEADERS = {"Content-Type": 'multipart/form-data; boundary="b"'}


def part(name: str, value: str = "v", rest: str = "") -> str:
    """Give one part as a client writes it."""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{rest}\r\n\r\n{value}\r\n'


def form(*parts: str) -> dict[str, Any]:
    """Read a form of these parts."""
    return read_form("".join((*parts, "--b--\r\n")).encode(), HEADERS)


def test_texts_and_files_are_told_apart() -> None:
    """A part with a file name is a file, whatever its type; one without is text."""
    fields = form(part("model", "m"), part("file", "RIFF", '; filename="a b.wav"\r\nContent-Type: Audio/WAV; x=1'))
    assert fields == {"model": "m", "file": File("a b.wav", "audio/wav", b"RIFF")}
    assert texts_of(fields) == {"model": "m"}
    assert files_of(fields) == {"file": (fields["file"],)}


def test_of_a_repeated_text_the_last_wins_and_lists_are_lists() -> None:
    """A server that took the first and a gateway that took the last would see two requests."""
    fields = form(part("model", "a"), part("include[]", "x"), part("model", "b"), part("include[]", "y"))
    assert fields == {"model": "b", "include[]": ("x", "y")}


@pytest.mark.parametrize("other", ["", '; filename="b"'])
def test_a_file_is_not_sent_twice(other: str) -> None:
    """Neither as a second file of the name, nor as text: none is dropped without a word."""
    with pytest.raises(BadRequest) as caught:
        form(part("image", "1", '; filename="a"'), part("image", "2", other))
    assert caught.value.param == "image"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('a\\"b.mp3', "a_b.mp3"),
        ("../../etc/passwd.mp3", ".._.._etc_passwd.mp3"),
        ("a%0D%0AContent-Type: text%22.mp3", "a__Content-Type: text_.mp3"),
        ("", "file"),
        ("für.mp3", "für.mp3"),
        ("x" * 300 + ".mp3", "x" * 196 + ".mp3"),
    ],
)
def test_a_file_name_cannot_break_out(sent: str, kept: str) -> None:
    """Paths, quotes and line ends become underscores; the extension, by which providers know a format, stays."""
    assert form(part("file", "x", f'; filename="{sent}"'))["file"].filename == kept


def test_a_strange_media_type_is_replaced() -> None:
    """What is no media type says nothing."""
    assert form(part("file", "x", '; filename="a"\r\nContent-Type: a b'))["file"].content_type == (
        "application/octet-stream"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        part("model").encode(),
        part("model").encode() + b"--b",
        b"model=gpt-4o-transcribe",
        part("model").replace("\r\n", "\n").encode() + b"--b--\n",
        b'--b\r\nContent-Disposition: attachment; name="a"\r\n\r\nv\r\n--b--\r\n',
        b"--b\r\nContent-Type: text/plain\r\n\r\nv\r\n--b--\r\n",
        part("model", "\udcff").encode("utf-8", "surrogateescape") + b"--b--\r\n",
        (part("two words") + "--b--\r\n").encode(),
        (part("") + "--b--\r\n").encode(),
        (part("file", "x", '; filename="a"\r\nContent-Transfer-Encoding: base64') + "--b--\r\n").encode(),
        (part("model", "v", "\r\nContent-Length: 2") + "--b--\r\n").encode(),
    ],
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    """Truncated, without its framing, without names, or encoded in a way that some server would undo."""
    with pytest.raises(BadRequest):
        read_form(body, HEADERS)


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", 'multipart/form-data; boundary=""', "", "a; boundary=ü"]
)
def test_a_boundary_is_needed(content_type: str) -> None:
    """Without one nothing says where a part ends."""
    with pytest.raises(BadRequest) as caught:
        read_form(b"--b--\r\n", {"Content-Type": content_type})
    assert caught.value.param == "content-type"


@pytest.mark.parametrize(
    "body", ["".join(part(f"n{at}") for at in range(MOST_PARTS + 1)), part("model", "v", "\r\nX: " + "x" * 5_000)]
)
def test_there_are_bounds(body: str) -> None:
    """Too many parts, or too long headers, are 413."""
    with pytest.raises(BodyTooLarge):
        read_form((body + "--b--\r\n").encode(), HEADERS)


VALUES = st.text(max_size=30) | st.builds(
    File, st.sampled_from(["a.wav", "für.png"]), st.just("audio/wav"), st.binary(max_size=60)
)


@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), VALUES, max_size=5),
    st.lists(VALUES, min_size=1, max_size=4),
)
def test_what_is_written_reads_the_same(fields: dict[str, Any], listed: list[Any]) -> None:
    """Any texts and files survive our own encoding, in their order."""
    sent = {**fields, "list[]": tuple(listed)}
    written = write_form(sent)
    found = read_form(written.body, {"content-type": written.content_type})
    assert found == sent
    assert list(found) == list(sent)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    """Nothing but a refusal comes out of garbage."""
    try:
        found = read_form(b"--b\r\n" + body, HEADERS)
    except BadRequest:
        found = {}
    assert isinstance(found, dict)


@pytest.mark.parametrize("size", [262_000, 262_044, 524_000, 800_000])
@given(st.integers(0, 160))
def test_a_large_file_reads_the_same(size: int, more: int) -> None:
    """Wherever its end falls: a large body is read by the bite."""
    file = File("a.wav", "audio/wav", b"\r\n--b" * ((size + more) // 5))
    written = write_form({"file": file, "model": "m"})
    assert read_form(written.body, {"content-type": written.content_type}) == {"file": file, "model": "m"}


def test_fields_have_types() -> None:
    """A form has texts only; a number, or yes and no, is read from them strictly."""
    fields = {"n": "3", "yes": "True", "no": "false", "file": File("a", "b/c", b"")}
    assert (integer(fields, "n"), integer(fields, "absent")) == (3, None)
    assert (flag(fields, "yes"), flag(fields, "no"), flag(fields, "absent")) == (True, False, False)
    assert text(fields, "n") == "3"
    for read, name in ((integer, "yes"), (flag, "n"), (text, "file"), (integer, "file")):
        with pytest.raises(BadRequest) as caught:
            read(fields, name)
        assert caught.value.param == name


def test_files_are_described_by_their_first_bytes() -> None:
    """A WAV of any size tells its length, a picture its sides; both count as base64 would."""
    head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0" + struct.pack("<IIHH", 24_000, 48_000, 2, 16)
    sound = media_of_file(MediaKind.AUDIO, File("a.wav", "audio/wav", head + bytes(480_000 - len(head))))
    assert (sound.characters, round(sound.seconds or 0, 3)) == (640_000, 10.0)
    png = b"\x89PNG\r\n\x1a\n" + bytes(8) + (640).to_bytes(4) + (480).to_bytes(4)
    picture = media_of_file(MediaKind.IMAGE, File("a.png", "image/png", png))
    assert (picture.width, picture.height) == (640, 480)


def test_the_bytes_that_count_as_text_are_those_of_the_texts() -> None:
    """What is left when the media's characters are taken off covers every text, and no file."""
    fields = {"prompt": "é" * 10, "file": File("a", "b/c", bytes(999))}
    media = (media_of_file(MediaKind.AUDIO, fields["file"]),)
    left = form_bytes(fields, media) - media[0].characters
    assert len("é".encode()) * 10 <= left < 60
