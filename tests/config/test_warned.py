"""`warnings:`."""

import pytest

from gateway.config import WarningsConfig, Webhook
from gateway.model import Secret
from tests.config.files import assert_refused, document, load_text
from tests.config.test_address import METADATA

SECRET = "whsec-0123456789abcdef"
HOOK = f"url: 'https://hooks.example.com/a?token=b%2Fc', secret: {SECRET}"

WRONG = [
    ("warnings: {thresholds: [»0, 80]}", "warnings.thresholds.0: must be a whole number from 1 to 100"),
    ("warnings: {thresholds: [80, »101]}", "from 1 to 100"),
    ("warnings: {thresholds: »[80, 80]}", "warnings.thresholds: must rise, each number once"),
    ("warnings: {thresholds: »[95, 80]}", "must rise"),
    ("warnings: {thresholds: »80}", "must be a list"),
    ("warnings: {webhook: »{url: https://h}}", "warnings.webhook.secret: is required"),
    (f"warnings: {{webhook: »{{secret: {SECRET}}}}}", "warnings.webhook.url: is required"),
    ("warnings: {webhook: {url: https://h, secret: »0123456789abcde}}", "must be 16 to 512 printable"),
    ("warnings: {webhook: {url: https://h, secret: »''}}", "must be 16 to 512 printable"),
    (f"warnings: {{webhook: {{url: »ftp://h, secret: {SECRET}}}}}", "must be an absolute http:// or https://"),
    (f"warnings: {{webhook: {{url: »'https://u:p@h/', secret: {SECRET}}}}}", "must not hold credentials"),
    (f"warnings: {{webhook: {{url: »'https://h/#a', secret: {SECRET}}}}}", "must not hold credentials"),
    (f"warnings: {{webhook: {{url: »'https://h/?a#b', secret: {SECRET}}}}}", "and no fragment"),
    (f"warnings: {{webhook: {{url: »'https://h/?a%zz', secret: {SECRET}}}}}", "must have a query of plain characters"),
    (f"warnings: {{webhook: {{{HOOK}, timeout_seconds: »0}}}}", "from 1 to 60"),
]


@pytest.mark.parametrize(("section", "fragment"), WRONG)
def test_what_is_refused(section: str, fragment: str) -> None:
    """Each mistake is named at its place."""
    assert_refused(section, fragment)


@pytest.mark.parametrize("host", METADATA)
@pytest.mark.parametrize("tail", ["", "/hook", "/hook?a=b", "?a"])
def test_metadata_services_get_no_warnings(host: str, tail: str) -> None:
    """Link-local and metadata addresses are refused here as for upstreams, with a query too."""
    hook = f"warnings: {{webhook: {{url: »'http://{host}{tail}', secret: {SECRET}}}}}"
    assert_refused(hook, "must not be a link-local address or a cloud's metadata service")


def test_the_value() -> None:
    """Left out, the log warns at three thresholds; an empty list is never; the webhook's texts are secrets."""
    assert load_text(document()).warnings == WarningsConfig((80, 95, 100), None)
    assert load_text(document("warnings: {thresholds: []}")).warnings == WarningsConfig((), None)
    config = load_text(document(f"warnings: {{thresholds: [50], webhook: {{{HOOK}, timeout_seconds: 7}}}}"))
    url = "https://hooks.example.com/a?token=b%2Fc"
    assert config.warnings == WarningsConfig((50,), Webhook(Secret(url), Secret(SECRET), 7))
    assert {url, SECRET} <= config.secrets
    assert SECRET not in repr(config)
    assert "token" not in repr(config.warnings)
