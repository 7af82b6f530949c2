"""YAML as text with places: no types, no tags, no bombs."""

from traceback import format_exception

import pytest

from gateway.config.findings import Findings, Place
from gateway.config.tree import MAX_DEPTH, read_tree
from gateway.errors import ConfigError
from tests.config.files import ACME, assert_refused, document, load_text, outcome, refusal


def test_scalars_stay_text() -> None:
    """No scalar is given a type; only nothing, `~` and `null` are None."""
    text = "{a: no, b: 12:30, c: 010, d: 1e3, e: '', f: , g: ~, h: null, i: 'null', j: 2030-01-01, k: <<, l: =}"
    assert read_tree(text, {}, Findings("f")) == {
        "a": "no", "b": "12:30", "c": "010", "d": "1e3", "e": "", "f": None, "g": None, "h": None, "i": "null",
        "j": "2030-01-01", "k": "<<", "l": "=",
    }  # fmt: skip


def test_places_are_counted_from_one() -> None:
    """Every key and value knows its line and column."""
    findings = Findings("f")
    read_tree("a:\n  - b: c\n", {}, findings)
    assert findings.keys == {("a",): Place(1, 1), ("a", 0, "b"): Place(2, 5)}
    assert findings.values["a", 0, "b"] == Place(2, 8)


@pytest.mark.parametrize(
    ("section", "fragment"),
    [
        ("server: {port: 1, »port: 2}", "server.port: stands here twice (first in line 6)"),
        ("server: {port: 1, »'port': 2}", "stands here twice"),
        ("purposes:\n  QA: {}\n  DT: {}\n  »QA: {}", "purposes.QA: stands here twice (first in line 7)"),
        ("server: {»[a]: 1}", "server: has a key that is not text"),
        ("server: {»{a: b}: 1}", "server: has a key that is not text"),
        ("server: {»~: 1}", "server: has a key that is not text"),
        ("server: {»null: 1}", "server: has a key that is not text"),
        ("server: {»!!binary aG9zdA==: 1}", "server: has a key that is not text"),
        ('server: {»"\\ud800": 1}', "server: has a key that is not text"),
        ("server: {port: »!!int '1'}", "server.port: must not have a YAML tag"),
        ("server: {host: »!!python/object/apply:os.system [id]}", "server.host: must not have a YAML tag"),
        ("store: »!secret {url: embedded}", "store: must not have a YAML tag"),
        ('server: {host: »"\\ud800"}', "holds half of a character"),
        ("server: {»<<: {port: 1}}", "server.<<: is no setting"),
    ],
)
def test_wrong_yaml_that_parses(section: str, fragment: str) -> None:
    """Double and odd keys, tags and half characters are refused where they stand."""
    assert_refused(section, fragment)


@pytest.mark.parametrize(
    ("text", "place", "fragment"),
    [
        ("a: [1, 2\n", (2, 1), "is not valid YAML"),
        ("a: b: c\n", (1, 5), "mapping values are not allowed here"),
        ("a:\n\tb: c\n", (2, 1), "found a tab"),
        ("a: 'b\n", (2, 1), "found unexpected end of stream"),
        ("a: *missing\n", (1, 4), "found undefined alias ..."),
        ("a: &xyz 1\nb: &xyz 2\n", (2, 4), "found duplicate anchor ..."),
        ("a: 1\n---\nb: 2\n", (2, 1), "another document"),
        ("a: \x07\n", (1, 4), "a character that YAML does not allow"),
        ("a: 1\nb: \x00\n", (2, 4), "a character that YAML does not allow"),
        ('a: "\\UFFFFFFFF"\n', (1, 7), "an impossible number"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1\n", (1, 9), "an impossible number"),
        ("a: @b\n", (1, 4), "cannot start any token"),
        ("- a\nb: c\n", (2, 1), "expected <block end>"),
        ("", (1, 1), "is required"),
        ("# nothing\n", (1, 1), "is required"),
        ("just text", (1, 1), "must be a mapping of settings"),
        ("[a, b]", (1, 1), "must be a mapping of settings"),
    ],
)
def test_text_that_is_no_configuration(text: str, place: tuple[int, int], fragment: str) -> None:
    """A syntax error is one problem, at the place where reading failed."""
    (problem,) = refusal(text)
    assert fragment in str(problem)
    assert (problem.line, problem.column) == place


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a: 1", "1:6: while parsing a flow mapping, expected ',' or '}', but got '<stream end>'"),
        ("{a: 1\n\nb: 2}", "3:2: while parsing a flow mapping, expected ',' or '}', but got ':'; it began in line 1"),
        ("[a\n", "2:1: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'; it began in line 1"),
        (
            "- a\nb: c\n",
            "2:1: while parsing a block collection, expected <block end>, but found '?'; it began in line 1",
        ),
        ("x: 1\na\nb: c", "3:1: while scanning a simple key, could not find expected ':'; it began in line 2"),
        (
            "a: 1\n---\nb",
            "2:1: expected a single document in the stream, but found another document; it began in line 1",
        ),
        ("%no\nb", "2:1: expected '<document start>', but found '<scalar>'"),
        ("a: @b", "1:4: while scanning for the next token, found character '@' that cannot start any token"),
        ("a: &'b", '1:5: while scanning an anchor, expected alphabetic or numeric character, but found "\'"'),
        ("a: !hu^nter", "1:7: while scanning a tag, expected ' ', but found '^'"),
        ("a: !<hunter", "1:12: while parsing a tag, expected '>', but found ..."),
        ("a: *hunter", "1:4: found undefined alias ..."),
        ("a: !hunter!x", "1:4: while parsing a node, found undefined tag handle ..."),
        ("a:\n\tb: c", "2:1: while scanning for the next token, found a tab; indent with spaces"),
        ("a:\n - b\n \tc: d", "3:2: while scanning for the next token, found a tab; indent with spaces"),
        ("a:\tb", "1:3: while scanning for the next token, found a tab; separate with spaces"),
    ],
)
def test_syntax_errors_are_readable(text: str, message: str) -> None:
    """What was expected and found is told by PyYAML's own names; and where the thing began, if lines before."""
    (problem,) = refusal(text)
    place, _, words = message.partition(": ")
    assert f"{problem.line}:{problem.column}: {problem.message}" == f"{place}: is not valid YAML: {words}"


def test_syntax_errors_repeat_no_names() -> None:
    """What began with `*`, `&` or `!` may have been a password: it is not repeated."""
    for secret in ("*hunter22", "!hunter22!x y", "&hunter22 a\nb: &hunter22 c"):
        error = outcome(f"a: {secret}\n")
        assert isinstance(error, ConfigError)
        assert "hunter22" not in "".join(format_exception(error))


def bomb(levels: int) -> str:
    """Give a document whose aliases expand to 10^levels values."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]" for level in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        bomb(9),
        "a: &a [*a, *a]",
        "a: &a {b: *a}",
        "a: " + "[" * 5000,
        "a: " + "[" * 200 + "]" * 200,
        "a: " + "{a: " * 5000,
        "\n".join(" " * depth + "a:" for depth in range(400)),
        "- " * 1000,
    ],
)
def test_bombs_are_refused(text: str) -> None:
    """Aliases and nesting that would expand without end are refused, at a place."""
    (problem,) = refusal(text)
    assert f"nested deeper than {MAX_DEPTH} levels" in problem.message
    assert problem.line >= 1


def test_aliases_are_allowed() -> None:
    """An anchor saves writing the same settings twice."""
    text = document(f"companies: [{{id: {ACME}, name: acme, budget: &b {{tokens: 5}}}}]", "quotas: &q {daily: 7}")
    assert load_text(text).quotas.daily == 7


def test_empty_settings_are_as_if_absent() -> None:
    """`name:` with nothing behind it leaves the default, for a section as for a setting."""
    assert load_text(document("budgets:", "store:\n  url:\n", "timezone: ~")).timezone == "UTC"


def test_depth_is_counted_up_and_down() -> None:
    """Many short branches are not deep."""
    assert isinstance(read_tree("[" + "[[x]]," * 100 + "]", {}, Findings("f")), list)


def test_read_tree_raises_at_once_on_syntax() -> None:
    """There is nothing to check after a syntax error."""
    with pytest.raises(ConfigError):
        read_tree("a: [", {}, Findings("f"))
