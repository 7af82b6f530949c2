"""The contents of a request: their parts that are not text, and those of which the provider alone knows the size.

The rule that matters: a part that is not known here counts as unseen, and only bytes of a known medium stop counting as
text. (https://ai.google.dev/api/caching#Part)
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model import Media, MediaKind
from gateway.providers.fields import required
from gateway.providers.gemini.spelling import camel, field, objects, spelled
from gateway.providers.media import inline

INLINE = "inlineData"
ANSWER = "functionResponse"

# `fileData` is missing: a file that the provider stores, or fetches, be it a video of hours.
_SEEN = frozenset(
    {
        "text",
        "thought",
        "thoughtSignature",
        INLINE,
        "functionCall",
        ANSWER,
        "executableCode",
        "codeExecutionResult",
        "videoMetadata",
        "mediaResolution",
        "partMetadata",
        "toolCall",
        "toolResponse",
    }
)
_KINDS: Mapping[str, MediaKind] = {
    "image": MediaKind.IMAGE,
    "audio": MediaKind.AUDIO,
    "video": MediaKind.VIDEO,
}
_PDF = "application/pdf"
_USUAL_FRAMES = 1.0
"""Frames of a video that are looked at in a second (https://ai.google.dev/gemini-api/docs/video-understanding)."""


@dataclass(frozen=True, slots=True)
class Held:
    """What contents hold beside texts."""

    media: tuple[Media, ...]
    has_unseen: bool


def found(contents: Iterable[Mapping[str, Any]], *, at: str, detail: str | None = None) -> Held:
    """Look through contents that stand at `at`; `detail` is the resolution of the whole request. Raises BadRequest."""
    media: list[Media] = []
    has_unseen = False
    for place, content in enumerate(contents):
        where = f"{at}[{place}]."
        for index, part in enumerate(objects(content, "parts", at=where)):
            has_unseen |= _look(part, f"{where}parts[{index}].", detail, media)
    return Held(tuple(media), has_unseen)


def answers_a_tool(contents: list[dict[str, Any]]) -> bool:
    """Say whether the last content is a function's result."""
    return any(spelled(part, ANSWER) in part for part in objects(contents[-1], "parts"))


def _look(part: Mapping[str, Any], at: str, detail: str | None, media: list[Media]) -> bool:
    """Check a part, collect its media; say whether it holds what only the provider knows."""
    has_unseen = any(value is not None and camel(name) not in _SEEN for name, value in part.items())
    field(part, "text", str, at=at)
    blob = field(part, INLINE, dict, at=at)
    if blob is not None:
        media.extend(_media(blob, _detail(part, at) or detail, at=f"{at}{INLINE}."))
    video = field(part, "videoMetadata", dict, at=at) or {}
    has_unseen |= _looks_closely(video.get("fps"))
    answer = field(part, ANSWER, dict, at=at) or {}
    for index, inner in enumerate(objects(answer, "parts", at=f"{at}{ANSWER}.")):
        has_unseen |= _look(inner, f"{at}{ANSWER}.parts[{index}].", detail, media)
    return has_unseen


def _looks_closely(frames: object) -> bool:
    return frames is not None and not (type(frames) in {int, float} and 0 < frames <= _USUAL_FRAMES)  # type: ignore[operator]


def _detail(part: Mapping[str, Any], at: str) -> str | None:
    chosen = part.get(spelled(part, "mediaResolution", at=at))
    level = chosen.get("level") if type(chosen) is dict else chosen
    return None if level is None else str(level)  # an enumeration's number says no less than its name


def medium(blob: Mapping[str, Any]) -> MediaKind | None:
    """Name the medium of inline bytes; None where they are a text's, or nobody knows what."""
    mime = _mime(blob)
    return MediaKind.DOCUMENT if mime == _PDF else _KINDS.get(mime.partition("/")[0])


def _media(blob: Mapping[str, Any], detail: str | None, *, at: str) -> Iterator[Media]:
    """Describe inline bytes; a text's base64 has more bytes than the text has tokens, and so counts as it stands."""
    encoded = required(blob, "data", str, at=at)
    field(blob, "mimeType", str, at=at)
    kind = medium(blob)
    if kind is not None:
        yield inline(kind, encoded, detail=detail)
    elif not _mime(blob).startswith("text/"):
        yield Media(MediaKind.DOCUMENT, detail=detail)


def _mime(blob: Mapping[str, Any]) -> str:
    mime = blob.get(spelled(blob, "mimeType"))
    return mime.lower().partition(";")[0].strip() if type(mime) is str else ""
