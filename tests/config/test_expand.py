"""`${NAME}` and its kin."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.expand import ExpansionError, expand
from tests.config.files import assert_refused, document, load_text

ENV = {"NAME": "value", "EMPTY": "", "YAML": "{a: [1, no]}", "DOLLAR": "${NAME}", "NUMBER": "5", "_x1": "low"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("${NAME}", "value"),
        ("a ${NAME} b ${_x1} c", "a value b low c"),
        ("${EMPTY}", ""),
        ("${EMPTY:-default}", "default"),
        ("${UNSET:-default}", "default"),
        ("${UNSET:-}", ""),
        ("${UNSET:-a $b: {c}", "a $b: {c"),
        ("${NAME:-default}", "value"),
        ("$$", "$"),
        ("$${NAME}", "${NAME}"),
        ("$$${NAME}", "$value"),
        ("pa$word $1 $", "pa$word $1 $"),
        ("${YAML}", "{a: [1, no]}"),
        ("${DOLLAR}", "${NAME}"),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    """References are replaced once, and what they give is not read again."""
    assert expand(text, ENV) == expanded


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("${UNSET}", "the environment variable UNSET is not set"),
        ("${", "must be followed by"),
        ("${}", "must be followed by"),
        ("${1A}", "must be followed by"),
        ("${NAME", "must be followed by"),
        ("${NAME:default}", "must be followed by"),
        ("${NAME:-default", "must be followed by"),
    ],
)
def test_what_cannot_be_expanded(text: str, fragment: str) -> None:
    """A variable that is not set and a reference that is none are errors."""
    with pytest.raises(ExpansionError, match=fragment.replace("$", r"\$")):
        expand(text, ENV)


@given(st.text())
def test_any_text_expands_or_is_refused(text: str) -> None:
    """No text makes it fail in another way."""
    with suppress(ExpansionError):
        assert isinstance(expand(text, ENV), str)


def test_declared_type_converts_what_a_variable_holds() -> None:
    """The variable's text is read by the setting's type, as written text is."""
    config = load_text(document("server: {port: '${PORT:-9000}'}", 'quotas: {daily: "${NUMBER}"}'), ENV)
    assert (config.server.port, config.quotas.daily) == (9000, 5)


def test_variable_is_never_yaml() -> None:
    """A variable with YAML in it is one text, and here none that the setting takes."""
    assert_refused("server: {host: »'${YAML}'}", "must be an IP address or a host name", ENV)


@pytest.mark.parametrize(
    ("section", "fragment"),
    [
        ("server: {host: »'${UNSET}'}", "server.host: the environment variable UNSET is not set"),
        ("server: {host: »'${}'}", "server.host: `${` must be followed by"),
        ("server: {host: »'${HALF}'}", "server.host: holds half of a character"),
        ("store:\n  url: embedded\n  data_dir: »${UNSET}/data", "store.data_dir: the environment variable"),
    ],
)
def test_failed_expansion_has_a_place(section: str, fragment: str) -> None:
    """A reference that cannot be followed is reported where it stands, once."""
    assert_refused(section, fragment, ENV | {"HALF": "a\udc80b"})


def test_keys_are_not_expanded() -> None:
    """Only values are: a name in the file is what is written."""
    assert_refused("purposes: {»'${NAME}': {}, QA: {}}", "must be 1 to 64 letters", ENV)
