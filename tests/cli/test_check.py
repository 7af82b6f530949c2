"""`gateway check`: what will be enforced, and what deserves a second look."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.cli.doubts import doubts
from gateway.cli.enforced import sections
from tests.cli.configs import KEYLESS, SECRET, TEXT, configured
from tests.cli.running import EXAMPLE

BEFORE_2026_MS = 1_767_225_599_999


def _checked(path: Path) -> str:
    answer = CliRunner().invoke(main, ["check", "--config", str(path)])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def _has(output: str, *cells: str) -> bool:
    """Whether a line holds these cells, in order."""
    return any([cell for cell in line.split("   ") if cell] == list(cells) for line in _squeezed(output))


def _squeezed(output: str) -> list[str]:
    return ["   ".join(cell.strip() for cell in line.split("   ") if cell.strip()) for line in output.splitlines()]


def test_the_example_is_shown_whole() -> None:
    """Budgets, quotas with their origin, keys, limits, providers and purposes of config.example.yaml."""
    output = _checked(EXAMPLE)
    assert "config.example.yaml is valid\n  listens on 127.0.0.1:8080; budgets are hard" in output
    assert "Company acme (11111111-1111-4111-8111-111111111111)" in output
    assert "all together: 1,000,000 tokens in any 30 days; days begin at midnight in Europe/Rome" in output
    assert _has(output, "ada", "3,000 (own)", "unlimited (default)", "3,000,000 (default)")
    assert _has(output, "any other", "200,000 (default)", "unlimited (default)", "3,000,000 (default)")
    assert _has(output, "ada-laptop", "sk-...b469", "user", "ada", "all", "QA, DT", "QA", "never")
    assert _has(output, "acme-backend", "sk-...7d77", "user", "any user it names", "all", "all", "QA", "never")
    assert _has(output, "ops", "sk-...4302", "admin", "-", "all", "all", "QA", "never")
    assert _has(output, "acme-deep-thought", "company acme", "model *, purpose DT", "100,000 tokens a day", "hard")
    assert _has(output, "demo", "on", "demo", "we pay", "demo")
    assert _has(output, "QA (default)", "Question answering", "chat")


def test_no_secret_and_no_colour_is_shown(tmp_path: Path) -> None:
    """Keys appear by their hint; what is not a terminal gets no escape sequences."""
    configured(tmp_path)
    output = _checked(tmp_path / "config.yaml")
    assert SECRET not in output
    assert "\x1b" not in output


def test_sections_tell_what_counts_and_not_what_is_written(tmp_path: Path) -> None:
    """Defaults are filled in: quotas, unlimited companies, restricted and expired keys, providers that are off."""
    output = "\n".join(f"{title}\n{body}" for title, body in sections(configured(tmp_path), BEFORE_2026_MS + 1))
    assert "budgets are soft, unless one says otherwise" in output
    assert "all together: 5,000 tokens in any 7 days" in output
    assert "all together: unlimited tokens in any 30 days" in output
    assert _has(output, "ada", "unlimited (own)", "unlimited (default)", "blocked (default)")
    assert _has(output, "laptop", "sk-...ee-1", "user", "ada", "large", "DT", "none: state one", "never")
    assert _has(
        output, "old", "sk-...ee-2", "user", "the company", "all", "all", "QA", "2026-01-01T00:00:00Z (expired)"
    )
    assert _has(output, "at-once", "agent desk of acme", "all calls", "2 at the same time", "soft")
    assert _has(output, "closed", "each user of acme", "model large, purpose D*", "0 tokens a week", "shadow")
    assert _has(output, "off", "off", "openai", "customer", "other")
    assert "agents: desk" in output


def test_what_deserves_a_second_look_is_said(tmp_path: Path) -> None:
    """A sentence each for what is valid and probably not meant."""
    assert doubts(configured(tmp_path), BEFORE_2026_MS + 1) == [
        "budget closed is in shadow: it is only counted and refuses nothing",
        "provider off is off, as its api_key is empty: calls to its models get 503",
        "key laptop may not use the default purpose QA: each of its calls must state one",
        "key old has expired: its calls get 401",
        "user bob of acme has no key, and no key there acts for users",
        "company globex has no key that works: nobody can call for it",
    ]


def test_a_key_works_until_it_expires(tmp_path: Path) -> None:
    """A millisecond before its end a key is no cause for doubt; its company without a limit is."""
    found = doubts(configured(tmp_path), BEFORE_2026_MS)
    assert found[-1] == "company globex has no limit of its own"
    assert not any("old" in line for line in found)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("enforcement: soft", "enforcement: shadow", "ledger.enforcement is shadow"),
        ("server:", "admin: {host: 0.0.0.0}\nserver:", "admin.host is not loopback"),
        ("server:", "store: {allow_volatile: true}\nserver:", "store.allow_volatile"),
    ],
)
def test_settings_that_weaken_the_gateway_are_said(old: str, new: str, expected: str, tmp_path: Path) -> None:
    """Nothing that takes a promise back goes unnoticed."""
    assert any(line.startswith(expected) for line in doubts(configured(tmp_path, TEXT.replace(old, new, 1)), 0))


def test_a_service_key_reaches_every_user(tmp_path: Path) -> None:
    """Where a key acts for users, a user without an own key is no cause for doubt."""
    text = TEXT.replace("keys:\n", f"keys:\n  - {{name: back, key: {SECRET}-4, company: acme, acts_for_users: true}}\n")
    assert not any("user bob" in line for line in doubts(configured(tmp_path, text), 0))


def test_a_configuration_without_any_key_is_said(tmp_path: Path) -> None:
    """Once, and not again for each company."""
    configured(tmp_path, KEYLESS)
    output = _checked(tmp_path / "config.yaml")
    assert output.endswith("Warnings\n  - no key: nobody can call; `gateway key new` makes one\n\n")


@pytest.mark.parametrize(
    ("dialect", "url", "is_doubted"),
    [
        ("openai", "https://paid.example", True),
        ("openai", "https://paid.example:8000/", True),
        ("openai", "https://paid.example/v1", False),
        ("openai", "https://paid.example/openai/", False),
        ("azure", "https://paid.example", False),
        ("anthropic", "https://paid.example", False),
    ],
)
def test_an_address_without_a_path_is_said(dialect: str, url: str, is_doubted: bool, tmp_path: Path) -> None:
    """Only where the dialect wants the version in it."""
    text = TEXT.replace(
        'dialect: openai\n    base_url: "https://paid.example/v1"', f"dialect: {dialect}\n    base_url: {url}"
    )
    found = [line for line in doubts(configured(tmp_path, text), 0) if "base_url" in line]
    expected = "provider paid has a base_url without a path: most servers want .../v1"
    assert found == ([expected] if is_doubted else [])


@pytest.mark.parametrize(("unpriced", "what"), [("refuse", "are refused"), ("free", "are free there")])
def test_models_without_a_price_under_dollars_are_said(unpriced: str, what: str, tmp_path: Path) -> None:
    """A budget in dollars names the listed models whose price nobody knows, and what becomes of their calls."""
    text = TEXT.replace("enforcement: soft", f"enforcement: soft, unpriced: {unpriced}", 1)
    budget = "scope: company, unit: usd, window: {calendar: month}, limit: 12.5"
    text += f"  - {{name: money, {budget}}}\n  - {{name: other, {budget}, match: {{model: other}}}}\n"
    found = [line for line in doubts(configured(tmp_path, text), 0) if "dollars" in line]
    assert found == [f"budget money counts dollars, and these have no price, so calls {what}: paid/large"]
    priced = text.replace("max_output_tokens: 500", "max_output_tokens: 500, price: {input: 1, output: 2}")
    assert not any("dollars" in line for line in doubts(configured(tmp_path, priced), 0))
    output = "\n".join(body for _, body in sections(configured(tmp_path, priced), 0))
    assert _has(output, "money", "each company", "all calls", "$12.50 a month", "soft")
