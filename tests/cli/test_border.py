"""The command line as a whole: names, help, and errors without tracebacks."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import gateway
from gateway.cli import main
from gateway.cli.border import COMMANDS
from tests.cli.configs import SECRET, TEXT
from tests.cli.running import gateway as run


def _invoke(*arguments: str | Path) -> tuple[int, str]:
    answer = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return answer.exit_code, answer.output


def test_help_lists_every_command_with_a_sentence() -> None:
    """`gateway --help` names each command and says what it does."""
    status, output = _invoke("--help")
    assert status == 0
    listed = [line.split() for line in output.partition("Commands:")[2].splitlines() if line.strip()]
    assert [words[0] for words in listed] == list(COMMANDS)
    assert all(len(words) > 2 for words in listed)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    """`gateway NAME --help` works, and every option has a help text."""
    status, output = _invoke(name, "--help")
    assert status == 0
    assert "Usage:" in output


def test_the_version_is_told() -> None:
    """`gateway --version` is the package's version."""
    assert _invoke("--version") == (0, f"gateway, version {gateway.__version__}\n")


def test_an_unknown_command_is_named() -> None:
    """A typing error is answered with the word that was meant to be a command."""
    status, output = _invoke("serv")
    assert status == 2
    assert "'serv'" in output


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve"],
        ["check"],
        ["health"],
        ["usage", "--company", "acme"],
        ["explain", "--key", "k", "--model", "m"],
    ],
)
def test_a_missing_configuration_suggests_the_example(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command that reads one says which file is missing, and what to try."""
    monkeypatch.chdir(tmp_path)
    status, output = _invoke(*arguments)
    assert status == 2
    assert "There is no config.yaml" in output
    assert "--config config.example.yaml" in output


def test_a_wrong_configuration_is_told_line_by_line(tmp_path: Path) -> None:
    """Each problem is a line `file:line:column: setting: what is allowed`; no value is repeated; exit status 2."""
    path = tmp_path / "config.yaml"
    path.write_text(TEXT.replace("enforcement: soft", "enforcement: maybe").replace("agent: desk,", "agent: dusk,", 1))
    answer = run("check", "--config", path)
    assert (answer.returncode, answer.stdout) == (2, "")
    first, second = answer.stderr.splitlines()
    assert first.startswith(f"{path}:3:")
    assert "ledger.enforcement: must be hard, soft or shadow" in first
    assert "keys.0.agent: is no agent; there are: desk" in second
    assert SECRET not in answer.stderr


def test_a_store_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    """A command that cannot reach its store says so, without a traceback or the password; exit status 1."""
    path = tmp_path / "config.yaml"
    path.write_text(f"{TEXT}\nstore: {{url: 'redis://user:{SECRET}@127.0.0.1:1/0'}}\n")
    answer = run("usage", "--config", path, "--company", "acme")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.splitlines() == ["gateway: The budget store is not available: the connection failed."]
