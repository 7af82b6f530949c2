"""Media by their documented rules: the vendors' own examples, the worst case where nothing is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Media, MediaKind
from gateway.tokens.media import REMOTE_TOKENS, UNKNOWN_IMAGE_TOKENS, media_tokens

MODELS = [
    *(
        "gpt-4o",
        "gpt-4o-mini",
        "gpt-4.1-mini",
        "gpt-4.1-nano",
        "gpt-5",
        "gpt-5-mini",
        "gpt-5-nano",
        "gpt-5.2",
        "gpt-5.5",
    ),
    *("o1", "o3", "o4-mini", "claude-sonnet-4-5", "claude-opus-4-7", "gemini-2.5-flash", "gemini-3-pro", "pixtral-12b"),
    *("llava", "openai/gpt-4o"),
]


def image(width: int | None = None, height: int | None = None, detail: str | None = None) -> Media:
    """Make an inline image."""
    return Media(MediaKind.IMAGE, characters=1000, width=width, height=height, detail=detail)


@pytest.mark.parametrize(
    ("model", "part", "tokens"),
    [
        # OpenAI, Images and vision: "a 1024 x 1024 square image in high detail costs 765"; 2048 x 4096: 1105.
        ("gpt-4o", image(1024, 1024), 765),
        ("gpt-4o", image(2048, 4096), 1105),
        ("gpt-4o", image(4096, 8192, "low"), 85),
        ("gpt-4o-mini", image(1024, 1024), 2833 + 4 * 5667),
        ("gpt-4o-mini", image(), 48_169),
        ("gpt-5", image(512, 512), 210),
        ("o1", image(), 1275),
        # The same guide for patches: 1024 x 1024 is 32 x 32 of them.
        ("gpt-4.1-mini", image(1024, 1024), 1659),
        ("o4-mini", image(8192, 8192), 2642),
        ("gpt-5.5", image(640, 640), 480),
        # Anthropic, Vision: 1092 x 1092 is about 1,590 by area; by patches 39 x 39.
        ("claude-sonnet-4-5", image(1092, 1092), 1521),
        ("claude-sonnet-4-5", image(4000, 4000), 1568),
        ("claude-opus-4-7", image(4000, 4000), 4784),
        ("claude-3-5-haiku", image(200, 200), 64),
        # Google: up to 384 pixels 258; 960 x 540 makes six tiles of 360, a square four, and the whole counts too.
        ("gemini-2.5-flash", image(384, 300), 258),
        ("gemini-2.0-flash", image(960, 540), 7 * 258),
        ("gemini-2.0-flash", image(1024, 1024), 1290),
        ("gemini-2.0-flash", image(3000, 400), 25 * 258),
        ("gpt-image-1", image(1024, 1024), 6_821),
        ("gemini-3-pro-preview", image(4000, 4000), 1120),
        # Google, Media resolution: high 1,120, ultra high 2,240; an alias stands for any version.
        ("gemini-3-pro-preview", image(detail="media_resolution_high"), 1120),
        ("gemini-3-pro-preview", image(detail="MEDIA_RESOLUTION_ULTRA_HIGH"), 2240),
        ("gemini-flash-latest", image(384, 300), 1120),
        ("pixtral-12b", image(1024, 1024), 64 * 64 + 64),
        ("some-vision-model", image(10, 10), UNKNOWN_IMAGE_TOKENS),
    ],
)
def test_an_image_costs_what_its_vendor_says(model: str, part: Media, tokens: int) -> None:
    """The documented examples, and the documented worst."""
    assert media_tokens(part, model) == tokens


@pytest.mark.parametrize("model", MODELS)
@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000), detail=st.sampled_from([None, "low", "high"]))
def test_no_size_costs_more_than_an_unknown_one(model: str, width: int, height: int, detail: str | None) -> None:
    """What is held without a size covers every size, and every image costs something."""
    assert 0 < media_tokens(image(width, height, detail), model) <= media_tokens(image(), model)


@pytest.mark.parametrize(
    ("model", "part", "tokens"),
    [
        ("gpt-4o-audio-preview", Media(MediaKind.AUDIO, characters=80_000, seconds=3.0), 60),
        ("gemini-2.5-flash", Media(MediaKind.AUDIO, characters=80_000, seconds=10.0), 320),
        ("gpt-4o-audio-preview", Media(MediaKind.AUDIO, characters=80_000), 600),
        ("gemini-2.5-flash", Media(MediaKind.VIDEO, characters=1_000_000), 18_000),
        ("gemini-2.5-flash", Media(MediaKind.DOCUMENT, characters=9_000, pages=77), 19_866),
        ("claude-sonnet-4-5", Media(MediaKind.DOCUMENT, characters=9_000, pages=2), 9_136),
        ("claude-sonnet-4-5", Media(MediaKind.DOCUMENT, characters=4_000), 9_136),
        ("gpt-4o", Media(MediaKind.DOCUMENT), REMOTE_TOKENS),
    ],
)
def test_other_media_cost_by_their_length(model: str, part: Media, tokens: int) -> None:
    """Seconds and pages where they are known, else what the bytes can hold at most."""
    assert media_tokens(part, model) == tokens
