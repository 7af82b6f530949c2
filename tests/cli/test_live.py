"""The commands beside a real gateway that serves the example, and after it has gone."""

import csv
import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store import is_locked
from tests.cli.running import ADA_KEY, OPS_KEY, Served, example_in, gateway, serving

pytestmark = pytest.mark.xdist_group("served")

ADA = "22222222-2222-4222-8222-222222222222"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a gateway that serves the example and has answered two calls of ada."""
    with serving(example_in(tmp_path_factory.mktemp("served"))) as one:
        for text in ("Hello", "Again"):
            status, _ = one.ask(text)
            assert status == 200
        yield one


def _explained(served: Served, *arguments: str) -> str:
    answer = gateway("explain", "--config", served.config, *arguments)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_the_start_screen_names_the_real_port_and_no_log_is_in_it(served: Served) -> None:
    """With `--port 0` the lines to copy have the port that was given; stdout is for people, stderr for the log."""
    assert f"curl -s {served.url}/v1/chat/completions" in served.screen
    assert not served.url.endswith(":0")
    assert '"event"' not in served.screen
    assert ADA_KEY not in (served.config.parent / "log").read_text("utf-8")


def test_health_is_told_beside_it(served: Served) -> None:
    """A gateway that can admit calls is ready: exit status 0."""
    answer = gateway("health", "--url", served.url)
    assert (answer.returncode, answer.stdout) == (0, f"{served.url} is ready\n")


def test_usage_shows_what_was_called(served: Served) -> None:
    """The company's level first, then a line for the model, with the numbers that the ledger charged."""
    document = json.loads(
        gateway("usage", "--config", served.config, "--company", "acme", "--by", "user", "--format", "json").stdout
    )
    (line,) = [line for line in document["data"] if line["user"] == ADA]
    assert line["user_name"] == "ada"
    assert line["requests"] >= 2
    assert line["charged"] == line["prompt"] + line["completion"]
    assert document["budget"]["used"] == sum(line["charged"] for line in document["data"])


def test_usage_is_a_table_and_a_spreadsheet_too(served: Served) -> None:
    """The same line in both; a company can be named by its id."""
    table = gateway("usage", "--config", served.config, "--company", "11111111-1111-4111-8111-111111111111").stdout
    assert table.startswith("acme: 1,000,000 tokens in any 30 days; ")
    sheet = gateway("usage", "--config", served.config, "--company", "acme", "--by", "day", "--format", "csv").stdout
    header, *lines = csv.reader(io.StringIO(sheet, newline=""))
    assert header[0] == "day"
    assert f"{int(lines[0][-1]):,}" in table


def test_usage_is_grouped_by_several(served: Served) -> None:
    """A list with commas is as good as several `--by`."""
    arguments = ("usage", "--config", served.config, "--company", "acme", "--format", "csv")
    listed = gateway(*arguments, "--by", "user,day").stdout
    header = "user,day,requests,prompt,completion,cached,reasoning,estimated,charged"
    assert listed.splitlines()[0] == header
    assert listed.splitlines()[1].startswith("ada,")
    assert gateway(*arguments, "--by", "user", "--by", "day").stdout == listed


def test_usage_by_key_has_the_names_of_keys(served: Served) -> None:
    """A key is called what the configuration calls it, in every format."""
    for form in ("table", "json", "csv"):
        arguments = ("--config", served.config, "--company", "acme", "--by", "key", "--format", form)
        printed = gateway("usage", *arguments).stdout
        assert "ada-laptop" in printed
        assert "sk-..." not in printed


def test_explain_adds_what_tools_cost(served: Served) -> None:
    """The demo counts tools by its formula, so that nothing is added; the flag is taken."""
    text = _explained(served, "--key", "ada-laptop", "--model", "demo", "--tools")
    assert "100 prompt tokens:" in text


def test_explain_foretells_a_call_that_passes(served: Served) -> None:
    """Every budget that the call counts in is shown with the ledger's numbers; asking changes none of them."""
    first = _explained(served, "--key", "ada-laptop", "--model", "demo", "--purpose", "DT")
    for name in ("company", "user-daily", "user-weekly", "user-monthly", "acme-deep-thought", "per-key-rpm"):
        assert f"  {name} " in first
    assert "It would pass." in first
    again = _explained(served, "--key", "ada-laptop", "--model", "demo/demo", "--purpose", "DT")
    assert [line.split()[6:10] for line in again.splitlines() if "user-daily" in line] == [
        line.split()[6:10] for line in first.splitlines() if "user-daily" in line
    ]


@pytest.mark.parametrize(
    ("key", "body", "arguments"),
    [
        (ADA_KEY, {"model": "unknown"}, ["--key", "ada-laptop", "--model", "unknown"]),
        (ADA_KEY, {"metadata": {"purpose": "IE"}}, ["--key", "ada-laptop", "--model", "demo", "--purpose", "IE"]),
        (OPS_KEY, {}, ["--key", "ops", "--model", "demo"]),
    ],
)
def test_explain_foretells_what_is_refused_before_any_budget(
    key: str, body: dict[str, object], arguments: list[str], served: Served
) -> None:
    """Model, purpose and key: status and code are those that the app then really gets."""
    status, answer = served.post({"model": "demo", "messages": [{"role": "user", "content": "Hello"}], **body}, key=key)
    assert f"It would be refused before any budget is asked: {status} {answer['error']['code']}." in _explained(
        served, *arguments
    )


def test_explain_foretells_a_budget_that_is_too_small(served: Served) -> None:
    """A prompt above the day's quota: the same code, and the same budget, as the 429 that a call then gets."""
    text = _explained(served, "--key", "ada-laptop", "--model", "demo", "--prompt-tokens", "4000")
    status, answer = served.ask("word " * 4000)
    assert status == 429
    assert f"It would be refused: 429 {answer['error']['code']}. Budget '{answer['error']['budget']['name']}'" in text


@pytest.mark.parametrize("user", [ADA, "ada"])
def test_explain_acts_for_a_user(user: str, served: Served) -> None:
    """A service key with `--user`, by id or name, counts in that user's quotas, as X-Gateway-User would."""
    text = _explained(served, "--key", "acme-backend", "--model", "demo", "--user", user)
    assert "(ada of acme)" in text
    assert "user-daily" in text


@pytest.mark.parametrize("arguments", [["explain", "--key", "nobody", "--model", "demo"], ["usage", "--company", "no"]])
def test_a_name_that_is_not_there_is_answered_with_those_that_are(arguments: list[str], served: Served) -> None:
    """A wrong name on the command line is exit status 2."""
    answer = gateway(*arguments[:1], "--config", served.config, *arguments[1:])
    assert answer.returncode == 2
    assert "there are: a" in answer.stderr


def test_a_second_gateway_on_its_port_or_its_data_is_refused_in_a_line(served: Served, tmp_path: Path) -> None:
    """The address and the data directory are one gateway's: exit status 1, and what to change."""
    port = served.url.rpartition(":")[2]
    taken = gateway("serve", "--config", example_in(tmp_path), "--port", port)
    in_use = gateway("serve", "--config", served.config, "--port", "0")
    for answer, words in ((taken, "cannot listen on 127.0.0.1"), (in_use, "is in use by")):
        assert (answer.returncode, answer.stdout) == (1, "")
        (line,) = [line for line in answer.stderr.splitlines() if line.startswith("gateway: ")]
        assert words in line
        assert "Traceback" not in answer.stderr


def test_what_was_spent_is_there_when_the_gateway_has_gone(tmp_path: Path) -> None:
    """SIGTERM ends it with exit status 0 and leaves nothing running; usage is then read from its data directory."""
    with serving(example_in(tmp_path)) as one:
        assert one.ask()[0] == 200
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(60) == 0
    assert not is_locked(tmp_path / "data")
    document = json.loads(gateway("usage", "--config", one.config, "--company", "acme", "--format", "json").stdout)
    assert document["data"][0]["requests"] == 1
    assert document["budget"]["used"] == document["data"][0]["charged"] > 0
    assert not is_locked(tmp_path / "data")


def test_before_the_first_gateway_there_is_nothing_and_nothing_is_made(tmp_path: Path) -> None:
    """Asking makes no data directory: usage is nothing, and a call would find every budget whole."""
    config = example_in(tmp_path)
    used = gateway("usage", "--config", config, "--company", "acme")
    assert used.returncode == 0
    assert "0 used, 0 held, 1,000,000 remaining" in used.stdout
    assert "nothing" in used.stdout
    explained = gateway("explain", "--config", config, "--key", "ada-laptop", "--model", "demo")
    assert "It would pass." in explained.stdout
    assert not (tmp_path / "data").exists()
