"""`gateway key new`."""

import re
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.cli.key import new_key, render
from tests.cli.configs import configured

FIT = re.compile(r"gw-[A-Za-z0-9._~-]{43}")


def _made(*arguments: str) -> str:
    answer = CliRunner().invoke(main, ["key", "new", *arguments])
    assert answer.exit_code == 0, answer.output
    return answer.output


def _line(output: str) -> dict[str, str]:
    (entry,) = yaml.safe_load(next(line for line in output.splitlines() if line.startswith("  - ")))
    return entry


def test_a_key_is_shown_once_with_its_hash_for_the_configuration() -> None:
    """The text stands alone on a line; the YAML has its SHA-256 and not the text."""
    output = _made("--name", "ci", "--company", "acme", "--user", "ada")
    (key,) = FIT.findall(output)
    digest = sha256(key.encode()).hexdigest()
    assert _line(output) == {"name": "ci", "sha256": digest, "company": "acme", "user": "ada"}


def test_keys_differ_and_hold_256_bits() -> None:
    """43 characters of an alphabet of 64 hold 256 random bits; none comes twice."""
    keys = {new_key() for _ in range(200)}
    assert len(keys) == 200
    assert all(FIT.fullmatch(key) for key in keys)


def test_a_new_key_can_be_put_into_a_configuration(tmp_path: Path) -> None:
    """The printed line is accepted as it is."""
    line = next(line for line in _made("--name", "ci-bot", "--company", "acme").splitlines() if line.startswith("  - "))
    config = configured(
        tmp_path,
        "providers: {demo: {dialect: demo, models: {demo: {}}}}\n"
        f"companies: [{{id: 11111111-1111-4111-8111-111111111111, name: acme}}]\nkeys:\n{line}\n",
    )
    assert config.keys[0].name == "ci-bot"


@pytest.mark.parametrize("name", ["a, b: c}", '"quoted"', "#no", "line\nbreak", "ünï"])
def test_any_name_survives_yaml(name: str) -> None:
    """What is not plain text in YAML is quoted."""
    assert _line(render("gw-x", name, "acme", None))["name"] == name


def test_a_key_of_nobody_says_what_it_lacks() -> None:
    """Without a company the line is not complete, and the output says so."""
    assert "lacks `company: NAME`" in _made()


def test_a_user_needs_a_company() -> None:
    """`--user` alone is refused: users belong to companies."""
    answer = CliRunner().invoke(main, ["key", "new", "--user", "ada"])
    assert answer.exit_code == 2
    assert "--company" in answer.output
