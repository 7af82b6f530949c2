"""The parts of a message's content that are not text, in chat's words and in those of Responses.

The rule that matters: only bytes that are known to be of a medium stop counting as text, and nothing is fetched: a part
that is named by a URL or stored by the provider has no size, so the worst case is held for it.
"""

from collections.abc import Mapping
from typing import Any

from gateway.model import Media, MediaKind
from gateway.providers.media import data_url, inline

TEXT_PARTS = frozenset({"text", "input_text", "output_text", "refusal", "thinking", "reasoning_text", "summary_text"})

_KINDS: Mapping[str, MediaKind] = {
    "image_url": MediaKind.IMAGE,
    "image_file": MediaKind.IMAGE,
    "input_image": MediaKind.IMAGE,
    "computer_screenshot": MediaKind.IMAGE,
    "image_generation_call": MediaKind.IMAGE,
    "input_audio": MediaKind.AUDIO,
    "audio_url": MediaKind.AUDIO,
    "file": MediaKind.DOCUMENT,
    "input_file": MediaKind.DOCUMENT,
    "video_url": MediaKind.VIDEO,
    "input_video": MediaKind.VIDEO,
}
MEDIA_TYPES = frozenset(_KINDS)
_RAW = ("data", "file_data", "result")
"""Fields whose value is base64 itself, without `data:` before it."""
_URLS = ("image_url", "url", "video_url", "audio_url")


def media_of(part: Mapping[str, Any]) -> Media:
    """Describe a part that is not text; one of an unknown type counts as an image, and its bytes as text too."""
    name = part.get("type")
    kind = _KINDS.get(name, MediaKind.IMAGE) if type(name) is str else MediaKind.IMAGE
    holder = _holder(part)
    detail = holder.get("detail")
    if type(detail) is not str:
        detail = None
    encoded = _encoded(holder) if name in _KINDS else None
    return Media(kind, detail=detail) if encoded is None else inline(kind, encoded, detail=detail)


def is_document_elsewhere(part: Mapping[str, Any]) -> bool:
    """Say whether a part is a file that the provider stores or fetches: any number of pages, none of them here."""
    if part.get("type") not in {"file", "input_file"}:
        return False
    holder = _holder(part)
    return holder.get("file_id") is not None or holder.get("file_url") is not None


def _holder(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the object that the part's own fields stand in: chat nests them under the part's type."""
    name = part.get("type")
    inside = part.get(name) if type(name) is str else None
    return inside if type(inside) is dict else part


def _encoded(holder: Mapping[str, Any]) -> str | None:
    """Give the base64 that stands in a part."""
    for name in (*_RAW, *_URLS):
        value = holder.get(name)
        if type(value) is str and value:
            split = data_url(value)
            if split is not None:
                return split[1]
            return value if name in _RAW and not value.startswith("data:") else None
    return None
