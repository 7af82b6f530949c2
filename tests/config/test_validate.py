"""The border to pydantic."""

from gateway.config.findings import Findings
from gateway.config.tree import read_tree
from gateway.config.validate import validate
from tests.config.files import document


def test_document_without_its_wrong_settings() -> None:
    """Settings that could be left out are, so that the rest can be checked."""
    findings = Findings("f")
    text = document("server: {port: x, host: '::1'}", "colour: blue", "quotas: {daily: [1]}")
    found = validate(read_tree(text, {}, findings), findings)
    assert found is not None
    assert (found.server.host, found.server.port, found.quotas.daily) == ("::1", 8080, -1)
    assert set(findings.found) == {("server", "port"), ("colour",), ("quotas", "daily")}


def test_no_document_when_others_depend_on_what_is_wrong() -> None:
    """Without a company's id nothing can be said about its users."""
    for section in ("companies: [{name: acme}]", "companies: [5]", "companies: 5", "purposes: {a b: {}}"):
        findings = Findings("f")
        assert validate(read_tree(document(section), {}, findings), findings) is None
        assert findings.found


def test_one_problem_for_one_mistake() -> None:
    """A setting that was refused while reading is not refused again."""
    findings = Findings("f")
    validate(read_tree(document("server: {port: '${NONE}'}", "keys: !x []"), {}, findings), findings)
    assert set(findings.found) == {("server", "port"), ("keys",)}
