"""Paths are tables: what is not written in one is not found. No server here."""

import string
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.app.paths import Paths, Template, is_template

CHAT = "/v1/chat/completions"
MODEL = "/v1/models/{model...}"
LOGS = "/api/logs/{token}/days"
PATHS = Paths((CHAT, "/v1/models", MODEL, LOGS))

CONFUSING = [
    "/v1//chat/completions",
    "//v1/chat/completions",
    "/v1/./chat/completions",
    "/v1/%2e/chat/completions",
    "/v1/../v1/chat/completions",
    "/v1/%2e%2e/v1/chat/completions",
    "/v1/..;a=b/chat/completions",
    "/v1/chat/completions;a=b",
    "/v1/chat/completions/",
    "/v1/chat/completions%00",
    "/v1/chat%2Fcompletions",
    "/v1/chat%252Fcompletions",
    "/v1/chat/completion%73",
    "/v1\\chat\\completions",
    "/v1/chat/completions%3Fa=b",
    "/V1/chat/completions",
    "/v1/chat/completions#a",
    "v1/chat/completions",
    "",
]
"""Each reads as the metered path to some other server."""


@pytest.mark.parametrize("path", CONFUSING)
def test_a_spelling_of_a_literal_path_is_not_the_path(path: str) -> None:
    """A literal path has one spelling."""
    assert PATHS.find(path) is None


def test_a_literal_path_is_found() -> None:
    """The one spelling is found, with nothing to fill in."""
    assert PATHS.find(CHAT) == (CHAT, {})


@pytest.mark.parametrize(
    ("raw", "model"),
    [
        ("gpt-4o", "gpt-4o"),
        ("far/gpt-4o", "far/gpt-4o"),
        ("far%2Fgpt-4o", "far/gpt-4o"),
        ("far%2fgpt-4o", "far/gpt-4o"),
        ("a/b/c", "a/b/c"),
        ("meta-llama%2FLlama-3.1%3A8b", "meta-llama/Llama-3.1:8b"),
        ("m%3Atokens-1", "m:tokens-1"),
        ("...", "..."),
        ("gpt%2d4o", "gpt-4o"),
    ],
)
def test_a_model_in_a_path_is_decoded_once(raw: str, model: str) -> None:
    """`provider/model` may be written plainly or with `%2F`; either way it is one value."""
    assert PATHS.find(f"/v1/models/{raw}") == (MODEL, {"model": model})


@pytest.mark.parametrize(
    "raw",
    [
        "", "/", "a/", "/a", "a//b", "a%2F", "%2Fa", "a%2F%2Fb",  # empty segments
        ".", "..", "%2e%2e", "a/..", "../a", "a/%2e%2e/b", "a%2F..%2Fb", "a%2F.",  # dot segments
        "a;b", "a%3Bb", "a\\b", "a%5Cb", "a%00", "a%0d%0aX: y", "a%20b", "a b",  # what other servers cut at
        "a%252Fb", "a%25", "a%", "a%2", "a%zz",  # double and broken encoding
        "é", "%C3%A9", "%c0%ae%c0%ae", "a?b", "a#b", "{model...}",
    ],
)  # fmt: skip
def test_a_confusing_model_in_a_path_is_not_found(raw: str) -> None:
    """A segment that another server could read otherwise matches nothing."""
    assert PATHS.find(f"/v1/models/{raw}") is None


@pytest.mark.parametrize("token", ["abc", "A-b_c.d~e", "%41bc"])
def test_a_token_fills_one_segment(token: str) -> None:
    """A closed template has as many segments as the path."""
    assert PATHS.find(f"/api/logs/{token}/days") == (LOGS, {"token": unquote(token)})


@pytest.mark.parametrize("token", ["", "..", "a/b", "a%2Fb", "a:b", "a%20"])
def test_a_token_is_not_anything(token: str) -> None:
    """A token knows no slash and no colon, and is never empty."""
    assert PATHS.find(f"/api/logs/{token}/days") is None


@pytest.mark.parametrize("path", ["/api/logs/a", "/api/logs/a/days/", "/api/logs/a/days/b", "/api/logs/a/Days"])
def test_a_closed_template_matches_all_its_segments(path: str) -> None:
    """Neither more nor fewer segments match."""
    assert PATHS.find(path) is None


USAGE = "/assistant/usage{suffix}"
REPLY = "/{format}/reply/Usage{suffix}"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/assistant/usage", (USAGE, {"suffix": ""})),
        ("/assistant/usage.json", (USAGE, {"suffix": ".json"})),
        ("/json/reply/Usage", (REPLY, {"format": "json", "suffix": ""})),
        ("/xml/reply/Usage.csv", (REPLY, {"format": "xml", "suffix": ".csv"})),
        ("/assistant/usage.", None),
        ("/assistant/usage.exe", None),
        ("/assistant/usage.json.json", None),
        ("/assistant/usage/.json", None),
        ("/assistant/Usage", None),
        ("/assistant/usage;.json", None),
        ("/assistant/usage%00.json", None),
        ("/assistant/%75sage", None),
        ("/exe/reply/Usage", None),
        ("/json/Reply/Usage", None),
        ("/json/reply/Usage/", None),
    ],
)
def test_a_segment_may_begin_with_text(path: str, found: tuple[str, dict[str, str]] | None) -> None:
    """The text matches as a literal does; what follows it fits its own pattern or nothing is found."""
    assert Paths((USAGE, REPLY)).find(path) == found


def test_a_template_is_told_by_its_braces() -> None:
    """The table's own spelling says which paths are templates."""
    assert (is_template(MODEL), is_template(CHAT)) == (True, False)


_PIECES = st.sampled_from(
    [*"/.%;\\?#aZ0:@~_-{}\0 ", "%2e", "%2F", "%25", "%00", "..", "//", "é", "v1", "models", "chat"]
)
_ANY_PATH = st.lists(_PIECES, max_size=12).map("".join) | st.text(max_size=30)


@given(path=_ANY_PATH.map(lambda rest: f"/v1/models/{rest}"))
def test_what_a_template_finds_is_what_the_path_says(path: str) -> None:
    """A value is the path decoded once, has no empty or dot segment, and no character that means something."""
    found = PATHS.find(path)
    if found is not None:
        model = found[1]["model"]
        assert f"/v1/models/{model}" == unquote(path)
        assert set(model) <= set(string.ascii_letters + string.digits + "._:@/-")
        assert not {"", ".", ".."} & set(model.split("/"))


@given(path=_ANY_PATH)
def test_only_the_literal_itself_is_found(path: str) -> None:
    """No other text is the literal path, and nothing raises."""
    found = Paths((CHAT,)).find(path)
    assert found is None or path == CHAT


@given(place=st.integers(0, len(CHAT) - 1))
def test_no_character_of_a_literal_may_be_encoded(place: int) -> None:
    """An escaped spelling of the metered path is another path."""
    assert PATHS.find(f"{CHAT[:place]}%{ord(CHAT[place]):02X}{CHAT[place + 1 :]}") is None


@given(model=st.from_regex(r"[A-Za-z0-9._:@-]{1,9}(/[A-Za-z0-9._:@-]{1,9}){0,3}", fullmatch=True))
def test_every_model_name_can_be_asked_for(model: str) -> None:
    """A model's name is found in both spellings, unless a part of it is a dot segment."""
    expected = None if {".", ".."} & set(model.split("/")) else {"model": model}
    for spelling in (model, quote(model, safe="")):
        found = PATHS.find(f"/v1/models/{spelling}")
        assert (found and found[1]) == expected


def test_a_template_with_a_closed_end_does_not_take_more() -> None:
    """Only `{name...}` takes all that is left."""
    assert Template.of("/a/{model}").match(["", "a", "b", "c"]) is None
