"""What may stand in a log line: canary secrets, forged lines and long texts meet the redactor."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Endpoint, Secret
from gateway.telemetry import Redactor
from gateway.telemetry.redaction import HIDDEN, MAX_CHARS, MAX_TRACEBACK_CHARS

CANARY = "canary-4f9a7c2e1b"


def redacted(secrets: list[str] | None = None, **event: object) -> dict[str, object]:
    """Pass an event through a redactor that knows the canary."""
    return dict(Redactor(secrets or [CANARY])(None, "info", event))


def test_a_plain_event_passes_as_it_is() -> None:
    """Numbers, names, key hints and what is None are left alone."""
    event = {"event": "call", "key": "ada-laptop", "n": 7, "ms": 1.5, "stream": False, "hint": "sk-...abcd", "x": None}
    assert redacted(**event) == event
    assert redacted(endpoint=Endpoint.CHAT) == {"endpoint": "chat"}


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        f"before {CANARY} after",
        f"x{CANARY}{CANARY}y",
        {"nested": [CANARY]},
        (1, CANARY),
        CANARY.encode(),
        ValueError(CANARY),
        "x" * (MAX_CHARS - 5) + CANARY,
    ],
)
def test_a_live_secret_is_hidden_wherever_it_stands(value: object) -> None:
    """No value, of whatever type, shows a configured secret or, cut in the middle, a piece of it."""
    shown = str(redacted(event="x", value=value))
    assert HIDDEN in shown
    assert CANARY[:6] not in shown


def test_a_name_can_be_a_secret_too() -> None:
    """The names of fields are cleaned like their values."""
    assert redacted(**{CANARY: 1}) == {HIDDEN: 1}


@pytest.mark.parametrize("secret", ["it's-a-'quoted'-one", 'with "double" quotes', "back\\slash\\es", "tab\tand\nline"])
def test_a_secret_is_known_in_its_escaped_spelling(secret: str) -> None:
    """A secret inside the repr of something is found as that repr spells it."""
    assert redacted([secret], value=[secret])["value"] == repr([secret]).replace(repr(secret)[1:-1], HIDDEN)
    assert redacted([secret], value=f"a {secret} b")["value"] == f"a {HIDDEN} b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key sk-proj-0123456789abcdef is bad", f"key {HIDDEN} is bad"),
        ("Incorrect key sk-ant-api03-AAAA_bbbb-CCCC.", f"Incorrect key {HIDDEN}"),
        ("Authorization: Bearer abcdef123", HIDDEN),
        ("'authorization': 'Token abcdef123'", f"'{HIDDEN}'"),
        ("got bearer abc.def.ghi!", f"got {HIDDEN}"),
        ("Basic dXNlcjpwYXNzd29yZA==", HIDDEN),
        ('{"api-key": "0123"}', f'{{"{HIDDEN}"}}'),
        ("x-api-key=0123", f"x-{HIDDEN}"),
        ("password = hunter2 more", HIDDEN),
        ("AIzaSyA-0123456789abcdefghijklmnopqrstu", HIDDEN),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", HIDDEN),
        ("redis://user:hunter2@host:6379/0", f"redis{HIDDEN}host:6379/0"),
        ("GET /api/v2/UserConsumptionLogs/tok-1/u/Daily", f"GET /api/v2/User{HIDDEN}/u/Daily"),
        ("the task-runner-is-quite-long asks for a token of the basic sort", None),
        ("http://127.0.0.1:8080/v1 and sk-...abcd", None),
        ("prompt_tokens=5 token budget exceeded", None),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, expected: str | None) -> None:
    """Keys, credentials in headers and URLs and login tokens in paths are known by their shape; plain words are not."""
    assert redacted(event=text)["event"] == (text if expected is None else expected)


@pytest.mark.parametrize("name", ["authorization", "api_key", "password", "secret", "token"])
def test_a_field_named_for_a_secret_is_hidden(name: str) -> None:
    """Such a field shows nothing, whatever its value."""
    assert redacted(**{name: "x"}) == {name: HIDDEN}
    assert redacted(**{name: 7}) == {name: HIDDEN}


def test_a_secret_value_shows_nothing() -> None:
    """Our own type for credentials stays hidden."""
    assert redacted([], value=Secret("abc"), values=[Secret("abc")]) == {"value": "***", "values": "[***]"}


def test_old_secrets_stay_hidden() -> None:
    """A new configuration adds its secrets to those known."""
    redactor = Redactor(["the-old-secret"])
    redactor.learn(["the-new-secret"])
    assert redactor.clean("the-old-secret the-new-secret") == f"{HIDDEN} {HIDDEN}"


def test_a_secret_within_a_secret_leaves_no_rest() -> None:
    """The longer of two secrets is hidden first."""
    assert Redactor(["abcdefgh", "abcdefghijkl"]).clean("abcdefghijkl") == HIDDEN


def test_words_are_not_secrets() -> None:
    """The short text that a local server wants for a key does not blank out the log."""
    assert Redactor(["none", "ollama", ""]).clean("none of ollama") == "none of ollama"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ok\r\n{"event":"call"}', 'ok\\r\\n{"event":"call"}'),
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
        ("\u202egnp.exe\u200b", "\\u202egnp.exe\\u200b"),
        ("nul\x00tab\t", "nul\\x00tab\\t"),
        ("lone \ud800", "lone \\ud800"),
        ("plain ünïcödé", "plain ünïcödé"),
    ],
)
def test_a_line_cannot_be_forged(text: str, expected: str) -> None:
    """Line ends, terminal codes, separators, direction marks and lone surrogates are shown as escapes."""
    assert redacted(event=text) == {"event": expected}


def test_long_texts_are_cut() -> None:
    """A field is bounded; a traceback keeps its end and its lines, within a bound of its own."""
    event = redacted(event="x" * 10_000, exception="a\n" * 10_000 + "ValueError: \x1b[31m")
    assert event["event"] == "x" * (MAX_CHARS - 1) + "…"
    assert len(event["exception"]) == MAX_TRACEBACK_CHARS
    assert event["exception"].startswith("…")
    assert event["exception"].endswith("\na\nValueError: \\x1b[31m")


def test_a_huge_text_costs_little() -> None:
    """Of megabytes only what could be shown is looked at, and what is shown is clean."""
    assert redacted(event=CANARY + "\n" * 50_000_000)["event"].startswith(f"{HIDDEN}\\n")
    assert redacted(exception="\n" * 50_000_000 + CANARY)["exception"].endswith(f"\n{HIDDEN}")


@given(
    st.dictionaries(
        st.text(st.characters(codec=None), max_size=10),
        st.one_of(st.none(), st.text(st.characters(codec=None), max_size=600), st.binary(max_size=20), st.floats()),
        max_size=5,
    ),
    st.integers(0, 20),
)
def test_no_event_gets_through_unsafe(event: dict[str, object], at: int) -> None:
    """Whatever the fields, and wherever the canary stands among them: one printable, bounded, clean line each."""
    hidden = {
        name: f"{value[:at]}{CANARY}{value[at:]}" if isinstance(value, str) else value for name, value in event.items()
    }
    for name, value in redacted(**{"event": "x"} | hidden).items():
        for text in (name, value):
            if isinstance(text, str):
                assert text.isprintable()
                assert len(text) <= MAX_CHARS
                assert CANARY not in text


def test_many_secrets_are_hidden() -> None:
    """A configuration of a thousand keys is no different."""
    keys = [f"key-{n:06}-{quote(chr(0x100 + n))}" for n in range(1000)]
    redactor = Redactor(keys)
    assert {redactor.clean(f"<{key}>") for key in keys} == {f"<{HIDDEN}>"}


def test_a_mapping_stays_one() -> None:
    """What is said by name stays so, made safe at every depth."""
    redactor = Redactor(["canary-secret"])
    event = {"event": "e", "old": {"daily": None, "by": {"who": "canary-secret"}}, "new": {"daily": 5}}
    found = redactor(None, "info", dict(event))
    assert found["new"] == {"daily": 5}
    assert found["old"] == {"daily": None, "by": {"who": "***"}}
