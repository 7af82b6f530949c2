"""What an image, a sound, a film or a document costs before the call: by its size where that is known, else the worst.

The one rule: nothing is fetched and no base64 is tokenised. Each rule names its source; where a vendor's own documents
and its bills differ, the larger stands. Sources, all of 2026: [openai] the guide "Images and vision" and bills shown in
its forum; [anthropic] the guides "Vision" and "PDF support"; [google] the guide "Understand and count tokens";
[traffic] recorded calls.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from gateway.model import Media, MediaKind

UNKNOWN_IMAGE_TOKENS = 4_784
"""The largest of the vendors that say how they count and are not matched below."""

REMOTE_TOKENS = 48_169
"""A sound, film or document that stands elsewhere; nobody knows its length."""

_SHORT_SIDE = 768
_SMALL_SIDE = 384
_GEMINI_TILE, _GEMINI_MOST_TILES = 258, 26
_USUAL_DETAIL = re.compile(r"(media_resolution_)?(unspecified|low|medium|high)", re.IGNORECASE)
_MISTRAL_SIDE, _MISTRAL_WORST = 1_540, 9_506
_AUDIO_BYTES_PER_SECOND = 2_000  # 16 kbit/s, the least that is used for speech
_VIDEO_BYTES_PER_SECOND = 12_500  # 100 kbit/s
_PDF_BYTES_PER_PAGE = 1_500
_PDF_MOST_PAGES = 600  # [anthropic] for models with a large context; others take 100
_PAGE_TEXT_TOKENS = 3_000  # "1,500-3,000 tokens per page" [anthropic]
_MOST_TOKENS = 10_000_000

ImageRule = Callable[[Media], int]


@dataclass(frozen=True, slots=True)
class MediaFamily:
    """Models that count media alike: what an image costs, a second of sound and of film, a page of a document."""

    pattern: re.Pattern[str]
    image: ImageRule
    audio_per_second: int = 32
    video_per_second: int = 300
    page_tokens: int = _PAGE_TEXT_TOKENS + UNKNOWN_IMAGE_TOKENS


def media_tokens(part: Media, model: str) -> int:
    """Give what one part costs at most, by the model's name as the upstream knows it."""
    family = _family(model)
    if part.kind is MediaKind.IMAGE:
        return family.image(part)
    if not part.characters:
        return REMOTE_TOKENS
    size_bytes = part.characters * 3 // 4
    if part.kind is MediaKind.DOCUMENT:
        pages = part.pages or min(_PDF_MOST_PAGES, -(-size_bytes // _PDF_BYTES_PER_PAGE))
        return min(_MOST_TOKENS, pages * family.page_tokens)
    is_audio = part.kind is MediaKind.AUDIO
    slowest = _AUDIO_BYTES_PER_SECOND if is_audio else _VIDEO_BYTES_PER_SECOND
    seconds = size_bytes / slowest if part.seconds is None else part.seconds
    return min(_MOST_TOKENS, math.ceil(seconds * (family.audio_per_second if is_audio else family.video_per_second)))


def _family(model: str) -> MediaFamily:
    name = model.lower()
    return next(family for family in _FAMILIES if family.pattern.search(name))


def _fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """Shrink a size into a square; what is smaller stays."""
    largest = max(width, height)
    if largest <= side:
        return width, height
    return max(1, math.ceil(width * side / largest)), max(1, math.ceil(height * side / largest))


def _tiles(base: int, per_tile: int) -> ImageRule:
    """Tiles of 512 after a fit into 2,048 and a short side of 768; low detail is the base alone [openai]."""
    worst = base + 8 * per_tile

    def rule(part: Media) -> int:
        if part.detail == "low":
            return base
        if part.width is None or part.height is None:
            return worst
        width, height = _fitted(part.width, part.height, 2_048)
        shortest = min(width, height)
        if shortest > _SHORT_SIDE:
            width, height = math.ceil(width * _SHORT_SIDE / shortest), math.ceil(height * _SHORT_SIDE / shortest)
        return min(worst, base + per_tile * -(-width // 512) * -(-height // 512))

    return rule


def _patches(edge: int, most: int, hundredths: int, side: int | None = None) -> ImageRule:
    """Patches of `edge` pixels, up to a number of them, each counting so many hundredths of a token [openai]."""

    def rule(part: Media) -> int:
        if part.width is None or part.height is None:
            return -(-most * hundredths // 100)
        width, height = (part.width, part.height) if side is None else _fitted(part.width, part.height, side)
        return -(-min(most, -(-width // edge) * -(-height // edge)) * hundredths // 100)

    return rule


def _gemini(part: Media) -> int:
    """258 for what fits into 384 pixels; else for each tile, and once more for the whole [google, traffic].

    A tile's side is two thirds of the shorter one of the image, within 256 and 768. No size: as many as were seen,
    twice.
    """
    if part.width is None or part.height is None:
        return _GEMINI_MOST_TILES * _GEMINI_TILE
    if max(part.width, part.height) <= _SMALL_SIDE:
        return _GEMINI_TILE
    side = min(768, max(256, min(part.width, part.height) * 2 // 3))
    tiles = -(-part.width // side) * -(-part.height // side) + 1
    return min(_GEMINI_MOST_TILES, tiles) * _GEMINI_TILE


def _gemini_3(part: Media) -> int:
    """At most 1,120, and 2,240 where a part asks for more than `high` (guide "Media resolution") [google, traffic]."""
    return 1_120 if part.detail is None or _USUAL_DETAIL.fullmatch(part.detail) else 2_240


def _gemini_newest(part: Media) -> int:
    return max(_gemini(part), _gemini_3(part))


def _mistral(part: Media) -> int:
    """Patches of 16 after a fit into 1,540, and one token a row."""
    if part.width is None or part.height is None:
        return _MISTRAL_WORST
    width, height = _fitted(part.width, part.height, _MISTRAL_SIDE)
    rows = -(-height // 16)
    return -(-width // 16) * rows + rows


def _flat(tokens: int) -> ImageRule:
    return lambda _part: tokens


def _rows() -> tuple[MediaFamily, ...]:
    def openai(pattern: str, image: ImageRule, worst: int) -> MediaFamily:
        page_tokens = _PAGE_TEXT_TOKENS + worst
        return MediaFamily(re.compile(pattern), image, audio_per_second=20, page_tokens=page_tokens)

    return (
        # Pictures to edit [openai]: 65 and 129 a tile, at most four of them, and with high fidelity 6,240 more.
        openai(r"(gpt|chatgpt)-image", _flat(6_821), 6_821),
        openai(r"gpt-4o-mini", _tiles(2_833, 5_667), 48_169),
        # The guide says 1.62 and 2.46 for gpt-5-mini and -nano, bills 1.2 and 1.5.
        openai(r"gpt-4\.1-mini", _patches(32, 4_096, 162), 6_636),
        openai(r"gpt-5-mini", _patches(32, 1_536, 162), 2_489),
        openai(r"gpt-(5|4\.1)-nano", _patches(32, 1_536, 246), 3_779),
        openai(r"(^|/)o4-mini", _patches(32, 1_536, 172), 2_642),
        openai(r"gpt-5\.[23]", _patches(32, 4_096, 120, 2_048), 4_916),
        # Since 5.4 an image may stay as it is ("original"), up to 30,000 patches.
        openai(r"gpt-(5\.[4-9]|[6-9])", _patches(32, 30_000, 120), 36_000),
        openai(r"gpt-5", _tiles(70, 140), 1_190),
        openai(r"(^|/)o[13]", _tiles(75, 150), 1_275),
        openai(r"gpt-4|chatgpt-4o", _tiles(85, 170), 1_445),
        MediaFamily(
            re.compile(r"claude-((instant|v?[123])\b|[a-z]+-4(?![-.]([7-9]|\d\d)(?!\d))(?!\d))"),
            _patches(28, 1_568, 100, 1_568),
            page_tokens=_PAGE_TEXT_TOKENS + 1_568,
        ),
        MediaFamily(re.compile(r"claude"), _patches(28, 4_784, 100, 2_576)),
        # [google] 32 tokens a second of sound, 263 of film; 258 a page. 3: by resolution, at most 1,120 a page, 280 a
        # frame beside its sound.
        MediaFamily(re.compile(r"gemini-[3-9]"), _gemini_3, video_per_second=312, page_tokens=1_120),
        # The newest of its kind, whatever its version: the dearer of both rules.
        MediaFamily(
            re.compile(r"gemini-(pro|flash|flash-lite)-latest"), _gemini_newest, video_per_second=312, page_tokens=1_120
        ),
        MediaFamily(re.compile(r"gemini|gemma"), _gemini, page_tokens=258),
        MediaFamily(re.compile(r"mi[sx]tral|pixtral|magistral|ministral|voxtral"), _mistral),
        MediaFamily(re.compile(r""), _flat(UNKNOWN_IMAGE_TOKENS)),
    )


_FAMILIES = _rows()
