"""Loading as a whole: everything at once, nothing but ConfigError, no secret anywhere."""

import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import Config, load
from gateway.config.load import MAX_FILE_BYTES
from gateway.errors import ConfigError
from tests.config.files import ACME, ADA, BASE, KEY, ROOT, document, load_bytes, load_text, outcome, refusal, unmarked

CANARY = "canary-5f2b9c7e1a3d"

MANY = f"""\
server: {{port: »seventy, »worker: 4}}
timezone: »Mars
providers:
  demo: {{dialect: demo, models: {{demo: {{}}, »demo: {{}}}}}}
  openai: {{dialect: openai, models: {{gpt: {{}}}}, api_key: »"${{OPENAI}}"}}
companies:
  - {{id: {ACME}, name: acme}}
users:
  - {{id: {ADA}, name: ada, company: »acmee}}
keys:
  - {{name: a, key: {KEY}, company: acme, user: »eve}}
  - {{name: b, key: {KEY}2, company: acme, agent: »[x]}}
budgets:
  - {{name: c, scope: company, match: {{purpose: »DT}}, window: {{calendar: day}}, limit: 5}}
"""


def test_everything_wrong_is_said_at_once() -> None:
    """Problems of every kind are raised together, in the order of the lines, and none follows from another."""
    text, places = unmarked(MANY)
    problems = refusal(text)
    assert [(problem.line, problem.column) for problem in problems] == places
    assert [problem.path for problem in problems] == [
        "server.port",
        "server.worker",
        "timezone",
        "providers.demo.models.demo",
        "providers.openai.api_key",
        "users.0.company",
        "keys.0.user",
        "keys.1.agent",
        "budgets.0.match.purpose",
    ]


def test_problems_read_as_file_line_column() -> None:
    """A problem's text begins as editors and terminals expect it."""
    (problem,) = refusal(document("server: {port: x}"))
    assert str(problem).endswith("config.yaml:6:16: server.port: must be a whole number from 0 to 65,535")


def test_loading_twice_gives_the_same() -> None:
    """A configuration is a value: equal when its file is."""
    path = ROOT / "config.example.yaml"
    assert load(path, {}) == load(path, {})


@pytest.mark.parametrize(("host", "port"), [(None, None), ("::1", None), (None, 0), ("localhost", 9001)])
def test_flags_win(host: str | None, port: int | None) -> None:
    """`host` and `port` given to load win over the file's, whether it has a `server` or not."""
    for section in ("server: {host: 127.0.0.2, port: 81, drain_seconds: 7}", "server:"):
        server = load_text(document(section), host=host, port=port).server
        without = load_text(document(section)).server
        assert (server.host, server.port) == (host or without.host, without.port if port is None else port)
        assert server.drain_seconds == without.drain_seconds


def test_wrong_flags_are_refused() -> None:
    """A flag is checked as the setting is."""
    assert [problem.path for problem in refusal(document(), host="a b", port=-1)] == ["server.host", "server.port"]
    assert [problem.path for problem in refusal(document("server: []"), host="::1")] == ["server"]


def test_unreadable_files(tmp_path: Path) -> None:
    """A file that is missing, is a directory or is too large is a problem of its first line."""
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    for path, words in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "directory"), (large, "is larger than")):
        with pytest.raises(ConfigError, match=words) as caught:
            load(path, {})
        assert [(problem.line, problem.column) for problem in caught.value.problems] == [(1, 1)]


def test_forbidden_file(tmp_path: Path) -> None:
    """A file that may not be read is a problem too."""
    path = tmp_path / "config.yaml"
    path.touch(mode=0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        load(path, {})


def test_other_encodings() -> None:
    """The file is UTF-8, with or without a byte order mark; what is not has a place."""
    assert load_bytes(b"\xef\xbb\xbf" + document().encode()).timezone == "UTC"
    assert load_text(document("purposes: {QA: {description: caf\u00e9 \U0001f600}}")).purposes["QA"].description
    with pytest.raises(ConfigError, match=r"config.yaml:2:5: is not UTF-8"):
        load_bytes(b"a: 1\n\xc3\xa9b: \xff\n")


def test_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data directory is the file's neighbour, wherever the gateway is started from; source and it are absolute."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "config.yaml").write_text(document("store: {data_dir: state/x}"))
    monkeypatch.chdir(tmp_path)
    config = load(Path("etc/config.yaml"), {})
    assert config.store.data_dir == tmp_path / "etc" / "state" / "x"
    assert config.source == tmp_path / "etc" / "config.yaml"


def with_canaries() -> Config:
    """Load a file with a secret in every place that takes one."""
    return load_text(
        document(
            f"store: {{url: 'redis://u:{CANARY}1%2F@host/0'}}",
            "providers: {a: {dialect: openai, base_url: 'http://127.0.0.1:1', models: {m: {}}, "
            f"api_key: {CANARY}2, headers: {{X-Token: {CANARY}3}}}}}}",
            f"keys: [{{name: a, key: {CANARY}4, company: acme}}]",
        )
    )


def test_secrets_are_collected_for_redaction() -> None:
    """Each secret text is known to the log filter, an encoded password in both forms."""
    assert with_canaries().secrets == {f"{CANARY}{n}" for n in ("1%2F", "1/", "2", "3", "4")}


def test_secrets_are_not_shown() -> None:
    """No repr of a configuration holds a secret, and the value is still there for the one who asks."""
    config = with_canaries()
    assert CANARY not in repr(config)
    assert config.providers["a"].api_key is not None
    assert config.providers["a"].api_key.reveal() == f"{CANARY}2"
    assert config.store.url.reveal() == f"redis://u:{CANARY}1%2F@host/0"
    assert config.keys[0].sha256 == sha256(f"{CANARY}4".encode()).hexdigest()


SETTINGS = [
    *(f"server: {{{name}: '${{X}}'}}" for name in ("host", "port", "max_body_bytes", "drain_seconds")),
    *(f"store: {{{name}: '${{X}}'}}" for name in ("url", "data_dir", "retention_days", "allow_volatile")),
    "timezone: ${X}",
    "default_purpose: ${X}",
    "ledger: {enforcement: '${X}'}",
    "ledger: {weights: {input: '${X}'}}",
    "quotas: {daily: '${X}'}",
    "purposes: {QA: {category: '${X}'}}",
    "companies: [{id: '${X}', name: '${X}'}]",
    "users: [{id: '${X}', name: '${X}', company: '${X}'}]",
    *(
        f"keys: [{{name: a, key: {KEY}, company: acme, {name}: '${{X}}'}}]"
        for name in ("user", "agent", "role", "expires")
    ),
    f"keys: [{{name: a, key: {KEY}, company: '${{X}}', models: ['${{X}}'], purposes: ['${{X}}']}}]",
    "keys: [{name: '${X}', key: '${X} ', company: acme, sha256: '${X}'}]",
    *(f"budgets: [{{name: a, scope: key, {name}: '${{X}}', limit: 5}}]" for name in ("company", "user", "key", "unit")),
    "budgets: [{name: a, scope: key, match: {provider: '${X}'}, limit: 5}]",
    "budgets: [{name: a, scope: key, match: {model: '${X}', purpose: '${X}'}, window: '${X}', limit: '${X}'}]",
    "providers: {a: {dialect: '${X}', base_url: 'http://u:${X}@host', models: '${X}', ca_file: '${X}'}}",
    "providers: {a: {dialect: openai, base_url: 'http://${X}:x', models: {m: {}}, api_key: '${X} '}}",
    "providers: {a: {dialect: openai, base_url: 'http://x', models: {m: {}}, headers: {A: '${X}\t'}}}",
]


@pytest.mark.parametrize("section", SETTINGS)
def test_problems_never_repeat_a_value(section: str) -> None:
    """A secret that landed in any setting, the wrong one too, is in no problem's text."""
    result = outcome(document(section), {"X": CANARY})
    if isinstance(result, ConfigError):
        assert CANARY not in str(result) + repr(result)
        assert result.__cause__ is None
    else:
        # Where any text is fine it is a host or a path, which may be shown.
        assert CANARY in {result.server.host, result.store.data_dir.name}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_properly(content: bytes) -> None:
    """No bytes raise anything but ConfigError."""
    with pytest.raises(ConfigError):
        load_bytes(content)


PIECES = [
    *"[]{},:-?*&!|>%@`\"'#~$ \n\t\\",
    *("\n  ", "\n- ", ": ", "null", "no", "12:30", "<<", "${X}", "${Y:-z}", "$$", "---\n", "...\n", "%YAML 1.1\n"),
    *("!!int", "!!python/object:os.system", "&a", "*a", "\\x", "\\ud800", "\\UFFFFFFFF", "\ud800", "\ufeff", "\x85"),
    *("server", "port", "budgets", "match", "limit", "name", "key", "company", "models", "1e999", "9" * 30),
    *BASE,
    *BASE.values(),
]


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_anything_like_yaml_is_read_or_refused(text: str) -> None:
    """Whatever is made of YAML's own pieces is a configuration, or a ConfigError with places inside the file."""
    result = outcome(text, {"X": "x"})
    if isinstance(result, ConfigError):
        lines = len(text.splitlines()) + 1
        assert result.problems
        assert all(1 <= problem.line <= lines and problem.column >= 1 for problem in result.problems)


SCALARS = [
    "~",
    "no",
    "0",
    "-1",
    "1.5",
    "''",
    "acme",
    "'*'",
    "'${X}'",
    "'${NONE}'",
    ACME,
    KEY,
    '"\\0"',
    "1e99",
    "2030-01-01",
]
NAMES = ["name", "id", "key", "a", "'*'", "tokens"]


def as_list(items: list[str]) -> str:
    """Write a YAML list."""
    return f"[{', '.join(items)}]"


def as_mapping(items: list[tuple[str, str]]) -> str:
    """Write a YAML mapping."""
    return "{" + ", ".join(f"{name}: {value}" for name, value in items) + "}"


VALUES = st.recursive(
    st.sampled_from(SCALARS) | st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8).map("'{}'".format),
    lambda inner: (
        st.lists(inner, max_size=3).map(as_list)
        | st.lists(st.tuples(st.sampled_from(NAMES), inner), max_size=3).map(as_mapping)
    ),
    max_leaves=6,
)
EXAMPLE = (ROOT / "config.example.yaml").read_text("utf-8").splitlines()


@settings(max_examples=500, deadline=None)
@given(st.integers(0, len(EXAMPLE) - 1), VALUES)
def test_any_value_in_any_setting_is_read_or_refused(line: int, value: str) -> None:
    """With anything in the place of one setting of the example, loading gives a Config or a ConfigError."""
    name, colon, _ = EXAMPLE[line].partition(":")
    result = outcome("\n".join([*EXAMPLE[:line], f"{name}{colon} {value}", *EXAMPLE[line + 1 :]]), {"X": "x"})
    assert isinstance(result, Config) or result.problems
