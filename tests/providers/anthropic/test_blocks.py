"""What of a prompt is media, what is text, and that nothing is both or neither."""

import base64
import struct
from typing import Any

import pytest

from gateway.model import Media, MediaKind
from gateway.providers.anthropic import messages
from tests.providers.anthropic.asking import URL, ask, saying

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 640, 480) + bytes(40)).decode()
PDF = base64.b64encode(b"%PDF-1.4 1 0 obj<</Type /Page>>endobj 2 0 obj<</Type/Page>>endobj").decode()
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
DOCUMENT = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
SEEN = Media(MediaKind.IMAGE, characters=len(PNG), width=640, height=480)
READ = Media(MediaKind.DOCUMENT, characters=len(PDF), pages=2)


def source(kind: str, block: str = "document", **fields: Any) -> dict[str, Any]:
    return {"type": block, "source": {"type": kind, **fields}}


@pytest.mark.parametrize(
    ("block", "media", "stored"),
    [
        (IMAGE, (SEEN,), False),
        (DOCUMENT, (READ,), False),
        (source("url", "image", url=URL), (Media(MediaKind.IMAGE),), False),
        (source("file", "image", file_id="file_1"), (Media(MediaKind.IMAGE),), False),
        (source("url", url=URL), (Media(MediaKind.DOCUMENT),), True),
        (source("file", file_id="file_1"), (Media(MediaKind.DOCUMENT),), True),
        (source("text", media_type="text/plain", data="Once"), (), False),
        (source("content", content=[{"type": "text", "text": "Once"}, IMAGE]), (SEEN,), False),
        ({"type": "tool_result", "tool_use_id": "t", "content": [DOCUMENT, IMAGE]}, (READ, SEEN), False),
        (
            {"type": "web_fetch_tool_result", "content": {"type": "web_fetch_result", "content": DOCUMENT}},
            (READ,),
            False,
        ),
        ({"type": "tool_use", "id": "t", "name": "f", "input": {"content": [IMAGE], "source": IMAGE}}, (), False),
        ({"type": "text", "text": "Hi", "source": IMAGE["source"]}, (), False),
        ({"type": "image", "source": {"type": "base64", "data": 3}}, (), False),
        ({"type": "image", "source": "here"}, (), False),
        ({"type": ["image"], "source": {}} | {"type": "odd"}, (), False),
    ],
)
def test_media(block: dict[str, Any], media: tuple[Media, ...], stored: bool) -> None:
    """Images and documents, however deep; a document that stands elsewhere has a length that nobody knows."""
    call = saying(block)
    assert (call.media, call.has_unseen) == (media, stored)


@pytest.mark.parametrize("block", [IMAGE, DOCUMENT, source("content", content=[IMAGE])])
def test_the_prompt_is_without_the_bytes_of_media(block: dict[str, Any]) -> None:
    """What is held as media is not counted as text, and the call itself stays whole."""
    for held in (
        block,
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "Hi"}, block]},
    ):
        call = saying(held, {"type": "text", "text": "What is it?"})
        text = str(messages.prompt(call))
        assert PNG not in text
        assert PDF not in text
        assert "What is it?" in text
        assert call.body["messages"][0]["content"][0] == held


@pytest.mark.parametrize(
    "block", [{"type": "tool_use", "input": {"source": IMAGE["source"]}}, {"type": "text", "source": IMAGE["source"]}]
)
def test_what_is_no_media_stays_in_the_prompt(block: dict[str, Any]) -> None:
    """Base64 where no image may stand is text like any other."""
    assert PNG in str(messages.prompt(saying(block)))


def test_a_message_is_no_block() -> None:
    """A message that looks like an image hides nothing."""
    call = ask(messages=[{"role": "user", "content": "Hi", **IMAGE}])
    assert (call.media, PNG in str(messages.prompt(call))) == ((), True)


def test_the_texts_of_the_messages() -> None:
    """Strings, text blocks, results of tools and documents that are text; no names, no arguments."""
    inside = {"type": "tool_result", "content": [{"type": "text", "text": "c"}, source("text", data="d")]}
    call = ask(
        messages=[
            {"role": "user", "content": "a"},
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "b"}, {"type": "tool_use", "input": {"x": "-"}}],
            },
            {
                "role": "user",
                "content": [inside, {"type": "tool_result", "content": "e"}, source("content", content="f")],
            },
        ]
    )
    assert list(messages.prompt_texts(call)) == ["a", "b", "c", "d", "e", "f"]
