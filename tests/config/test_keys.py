"""API keys."""

from collections.abc import Sequence
from hashlib import sha256

import pytest

from gateway.config import load
from gateway.config.keys import DEMO_KEYS, told_apart
from gateway.model import Key, Role
from tests.config.files import ACME, ADA, BOB, DESK, GLOBEX, KEY, ROOT, assert_refused, document, load_text, refusal

HASH = sha256(KEY.encode()).hexdigest()

WRONG = [
    ("keys: [»{name: a, company: acme}]", "keys.0: needs exactly one of key and sha256"),
    (f"keys: [»{{name: a, key: {KEY}, sha256: {'0' * 64}, company: acme}}]", "needs exactly one of key and sha256"),
    (f"keys: [»{{name: a, key: {KEY}}}]", "needs a company, as its role is not admin"),
    (f"keys: [»{{name: a, key: {KEY}, role: company_admin}}]", "needs a company, as its role is not admin"),
    (f"keys: [{{name: a, key: {KEY}, company: »acmee}}]", "is no company; there are: acme, globex"),
    (f"keys: [{{name: a, key: {KEY}, company: globex, user: »ada}}]", "is no user; there are none"),
    (f"keys: [{{name: a, key: {KEY}, company: acme, user: »{BOB}}}]", "is no user; there are: ada"),
    (f"keys: [{{name: a, key: {KEY}, company: acme, agent: »help}}]", "is no agent; there are: desk"),
    (f"keys: [{{name: a, key: {KEY}, role: admin, user: »ada}}]", "needs a company beside it"),
    (f"keys: [{{name: a, key: {KEY}, role: admin, acts_for_users: »true}}]", "needs a company beside it"),
    (f"keys: [{{name: a, key: {KEY}, company: acme, user: »ada, acts_for_users: true}}]", "cannot stand beside"),
    (f"keys: [{{name: a, key: {KEY}, company: acme, user_from_body: »true}}]", "needs acts_for_users: true beside it"),
    (f"keys: [{{name: a, key: {KEY}, company: acme, purposes: [QA, »DT]}}]", "keys.0.purposes.1: is no purpose"),
    (f"keys: [{{name: a, key: {KEY}, company: acme, default_purpose: »DT}}]", "is no purpose; there are: QA"),
    (f"keys: [{{name: a, key: {KEY}, company: acme, models: [»gpt*]}}]", "keys.0.models.0: matches no model"),
    (
        f"keys: [{{name: a, key: {KEY}, company: acme, models: [demo/demo, »demo/x]}}]",
        "keys.0.models.1: matches no model",
    ),
    (
        f"keys: [{{name: a, key: {KEY}, company: acme}}, {{name: »a, key: {KEY}2, company: acme}}]",
        "is the name of another key already",
    ),
    (
        f"keys: [{{name: a, key: {KEY}, company: acme}}, {{name: b, key: »{KEY}, company: acme}}]",
        "is the same key as a",
    ),
    (
        f"keys: [{{name: a, key: {KEY}, company: acme}}, {{name: b, sha256: »{HASH.upper()}, company: acme}}]",
        "is the same key as a",
    ),
]


@pytest.mark.parametrize(("section", "fragment"), WRONG, ids=[f"{i}" for i in range(len(WRONG))])
def test_wrong_key_is_refused(section: str, fragment: str) -> None:
    """A key that is nobody's, double or contradictory is refused where it stands."""
    assert_refused(section, fragment)


def test_default_purpose_is_among_the_purposes() -> None:
    """A key's default must be one that the key may state."""
    keys = f"keys: [{{name: a, key: {KEY}, company: acme, purposes: [QA], default_purpose: DT}}]"
    (problem,) = refusal(document("purposes: {QA: {}, DT: {}}", keys))
    assert problem.message == "is not among this key's purposes"


def test_key_has_every_setting() -> None:
    """Each setting arrives; of the key itself, its hash and its last four characters."""
    config = load_text(
        document(
            "purposes: {QA: {}, DT: {}}",
            f"keys: [{{name: a, key: '${{K}}', company: acme, user: {ADA}, agent: desk, role: company_admin, "
            "models: [de*], "
            "purposes: [QA, DT], default_purpose: DT, expires: 1970-01-01T00:00:01Z}, "
            f"{{name: b, sha256: {'AB' * 32}, company: globex, acts_for_users: true, user_from_body: true}}, "
            f"{{name: c, key: {KEY}2, role: admin}}]",
        ),
        {"K": KEY},
    )
    assert config.keys == (
        Key("a", HASH, "sk-...-key", Role.COMPANY_ADMIN, ACME, ADA, DESK, ("de*",), ("QA", "DT"), "DT", 1000),
        Key("b", "ab" * 32, "sk-...abab", Role.USER, GLOBEX, acts_for_users=True, user_from_body=True),
        Key("c", sha256(f"{KEY}2".encode()).hexdigest(), "sk-...key2", Role.ADMIN),
    )


def test_keys_that_end_alike_have_other_hints() -> None:
    """Keys with the same last four characters are known by their hashes; the others by their own characters."""
    texts = {"a": "first-key-0123456789", "b": "second-key-0123456789", "c": "a-third-key-of-abcd"}
    keys = ", ".join(f"{{name: {name}, key: {text}, company: acme}}" for name, text in texts.items())
    hints = [key.hint for key in load_text(document(f"keys: [{keys}]")).keys]
    ends = [sha256(texts[name].encode()).hexdigest()[-4:] for name in "ab"]
    assert hints == [*(f"sk-...{end}" for end in ends), "sk-...abcd"]


@pytest.mark.parametrize(
    ("keys", "ends"),
    [
        ([("0aaaa", "6789"), ("0bbbb", "6789")], ["aaaa", "bbbb"]),
        ([("0aaaa", "6789"), ("1aaaa", "6789")], ["0aaaa", "1aaaa"]),
        ([("0aaaa", "6789"), ("0bbbb", "6789"), ("0cccc", "aaaa")], ["0aaaa", "0bbbb", "aaaa"]),
        ([("06789", "6789"), ("0bbbb", "6789")], ["06789", "0bbbb"]),
        ([("0aaaa", "aaaa"), ("1aaaa", "aaaa")], ["0aaaa", "1aaaa"]),
        (
            [("0aaaa", "6789"), ("0bbbb", "6789"), ("0cccc", "wxyz"), ("0dddd", "wxyz")],
            ["aaaa", "bbbb", "cccc", "dddd"],
        ),
    ],
)
def test_a_hint_is_one_keys(keys: Sequence[tuple[str, str]], ends: Sequence[str]) -> None:
    """Where four characters of the hash are another key's hint, there are more; and no order of the file matters."""
    made = [Key(end, f"{digest:0>64}", f"sk-...{end}") for digest, end in keys]
    expected = [f"sk-...{end}" for end in ends]
    assert [key.hint for key in told_apart(made)] == expected
    assert [key.hint for key in told_apart(made[::-1])] == expected[::-1]


@pytest.mark.parametrize("text", sorted(DEMO_KEYS))
@pytest.mark.parametrize("host", ["::", "0", "192.168.0.1", "gateway.example.com"])
def test_published_keys_are_for_loopback_only(text: str, host: str) -> None:
    """A key that everyone can read is refused, in either spelling, where others can reach the gateway."""
    digest = sha256(text.encode()).hexdigest()
    assert_refused(
        f"keys: [{{name: a, key: »{text}, company: acme}}]\nserver: {{host: '{host}'}}",
        "is published in config.example",
    )
    (problem,) = refusal(document(f"keys: [{{name: a, sha256: {digest}, company: acme}}]"), host=host)
    assert problem.path == "keys.0.sha256"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_published_keys_work_on_loopback(host: str) -> None:
    """On this machine alone they are fine, also when the flag brings the gateway back to it."""
    keys = "keys: [{name: a, key: demo-ada-0123456789, company: acme}]"
    assert load_text(document(keys, f"server: {{host: '{host}'}}")).server.host == host
    assert load_text(document(keys, "server: {host: 0.0.0.0}"), host=host).server.host == host


def test_example_publishes_exactly_the_demo_keys() -> None:
    """The keys that are refused on other addresses are the ones of config.example.yaml."""
    example = load(ROOT / "config.example.yaml", {})
    assert {key.sha256 for key in example.keys} == {sha256(text.encode()).hexdigest() for text in DEMO_KEYS}
