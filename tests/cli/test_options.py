"""Whom of the configuration a command is about, and what its options take."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.cli.options import key_of, user_id_of
from gateway.config import Config
from tests.cli.configs import ACME, ADA, BOB, TEXT, configured

STRANGER = "99999999-9999-4999-8999-999999999999"


def _user_id(config: Config, key: str, user: str) -> str:
    return user_id_of(config, key_of(config, key), user)


@pytest.mark.parametrize(("user", "expected"), [("ada", ADA), ("bob", BOB), (ADA, ADA), (STRANGER, STRANGER)])
def test_a_user_is_found_by_name_or_id(user: str, expected: str, tmp_path: Path) -> None:
    """A GUID need not be listed: any user of an app has quotas."""
    assert _user_id(configured(tmp_path), "laptop", user) == expected


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("laptop", "there is no such user; there are: ada, bob"),
        ("old", "there is no such user; there are: none"),
        ("ops", "there is no such user; there are: none"),
    ],
)
def test_only_users_of_the_keys_company_are_named(key: str, message: str, tmp_path: Path) -> None:
    """Another company's users are none of this key's."""
    with pytest.raises(click.BadParameter) as caught:
        _user_id(configured(tmp_path), key, "eve")
    assert (caught.value.message, caught.value.param_hint) == (message, "--user")


def test_a_long_list_of_names_is_cut(tmp_path: Path) -> None:
    """A company may have thousands of users: eight are shown."""
    more = "".join(
        f"  - {{id: 66666666-6666-4666-8666-66666666666{number}, name: user-{number}, company: {ACME}}}\n"
        for number in range(8)
    )
    config = configured(tmp_path, TEXT.replace("agents:", f"{more}agents:", 1))
    with pytest.raises(click.BadParameter) as caught:
        _user_id(config, "laptop", "eve")
    shown = "ada, bob, user-0, user-1, user-2, user-3, user-4, user-5 and 2 more"
    assert caught.value.message == f"there is no such user; there are: {shown}"


@pytest.mark.parametrize("by", ["users", "user,", "user,dai"])
def test_a_wrong_group_is_answered_with_those_that_are(by: str) -> None:
    """Exit status 2, and what may stand there."""
    answer = CliRunner().invoke(main, ["usage", "--company", "acme", "--by", by])
    wrong = by.rpartition(",")[2]
    words = f"'{wrong}' is not one of 'model', 'purpose', 'user', 'provider', 'day', 'key'."
    assert answer.exit_code == 2
    assert answer.output.splitlines()[-1] == f"Error: Invalid value for '--by': {words}"


def test_the_help_of_usage_explains_groups_and_dashes() -> None:
    """What a list looks like, and what `-` in a column is."""
    output = " ".join(CliRunner().invoke(main, ["usage", "--help"]).output.split())
    assert "--by [model|purpose|user|provider|day|key]" in output
    assert "several (`--by user,day`) make a line for each combination. [default: model]" in output
    dash = "calls that named no user, and reported usage, which has no user and no model."
    assert f"`-` in a column is nobody or nothing: {dash}" in output
